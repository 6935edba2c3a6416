import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Changed files in the reconciler")
struct ContentTests {
    private let path = "/etc/web.conf"
    private let manifest = "kind: Service\nname: web\nexec: [sim, server]\nfiles: [/etc/web.conf]\n"

    private func harness(_ content: String? = "sha256:1") throws -> ReconcilerHarness {
        let harness = try ReconcilerHarness()
        harness.machine.files[path] = content
        try harness.apply(manifest)
        return harness
    }

    private func recorded(_ harness: ReconcilerHarness) throws -> [RecordedContent]? {
        try harness.jobs(of: "web").last?.contents
    }

    @Test("An apply restarts a service whose file has changed since its start, once")
    func restart() throws {
        let harness = try harness()
        #expect(try recorded(harness) == [RecordedContent(ContentReference(path, .file), "sha256:1")])
        try harness.apply(manifest)
        #expect(harness.executions("core/web.main") == 1)
        harness.machine.files[path] = "sha256:2"
        #expect(try harness.apply(manifest)?.isConverged == true)
        #expect(harness.executions("core/web.main") == 2)
        try harness.apply(manifest)
        #expect(harness.executions("core/web.main") == 2)
        #expect(try recorded(harness)?.first?.digest == "sha256:2")
    }

    @Test("Without an apply a changed file restarts nothing, and a heal reads it")
    func heal() throws {
        let harness = try harness()
        harness.machine.files[path] = "sha256:2"
        try harness.advance(.seconds(60))
        #expect(harness.executions("core/web.main") == 1)
        let process = try #require(try harness.jobs(of: "web").last?.process)
        harness.killProgram(process)
        try harness.advance(.seconds(2))
        #expect(try recorded(harness)?.first?.digest == "sha256:2")
        try harness.apply(manifest)
        #expect(harness.executions("core/web.main") == 2)
    }

    @Test("A file that cannot be read is no change, before and after it disappears")
    func unreadable() throws {
        let harness = try harness(nil)
        harness.machine.files[path] = "sha256:2"
        try harness.apply(manifest)
        harness.machine.files[path] = nil
        try harness.apply(manifest)
        #expect(harness.executions("core/web.main") == 1)
    }

    @Test("A database rebuilt after its loss contains the files, so only changes restart")
    func lostDatabase() throws {
        let harness = try harness()
        try harness.crashWithoutDatabase()
        try harness.advance(.seconds(1))
        #expect(try recorded(harness)?.first?.digest == "sha256:1")
        try harness.apply(manifest)
        #expect(harness.executions("core/web.main") == 1)
        harness.machine.files[path] = "sha256:2"
        try harness.apply(manifest)
        #expect(harness.executions("core/web.main") == 2)
    }
}

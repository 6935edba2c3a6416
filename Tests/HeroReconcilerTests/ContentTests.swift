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

    // MARK: Reloads

    private let signal =
        "kind: Service\nname: web\nexec: [sim, server]\nfiles: [/etc/web.conf]\nreload: {signal: HUP}\n"

    private var command: String { signal.replacing("{signal: HUP}", with: "{exec: [check]}") }

    private func reloads(_ harness: ReconcilerHarness) -> Int {
        harness.machine.trace.commands.count
            + harness.machine.trace.actions.count { action, _ in
                guard case .signaled(_, label: "core/web.main", let signal) = action else { return false }
                return signal.description == "HUP"
            }
    }

    @Test("A reload keeps the process, and records the new content", arguments: [true, false])
    func reload(bySignal: Bool) throws {
        let harness = try ReconcilerHarness()
        let manifest = bySignal ? signal : command
        harness.machine.files[path] = "sha256:1"
        try harness.apply(manifest)
        harness.machine.files[path] = "sha256:2"
        #expect(try harness.apply(manifest)?.isConverged == true)
        #expect(harness.executions("core/web.main") == 1 && reloads(harness) == 1)
        #expect(try recorded(harness)?.first?.digest == "sha256:2")
        #expect(try harness.events("core/web.main").contains { $0.hasPrefix("reloaded: /etc/web.conf has changed") })
        try harness.apply(manifest)
        #expect(reloads(harness) == 1)
    }

    /// A running service whose file has changed, and whose reload command fails from now on.
    private func harnessWithFailingReload() throws -> ReconcilerHarness {
        let harness = try ReconcilerHarness()
        harness.machine.files[path] = "sha256:1"
        try harness.apply(command)
        harness.machine.files[path] = "sha256:2"
        harness.machine.failsCommands = true
        return harness
    }

    @Test("A failed reload restarts nothing, and only an apply repeats it")
    func failedReload() throws {
        let harness = try harnessWithFailingReload()
        let result = try #require(try harness.apply(command))
        #expect(!result.isConverged && result.errors.first?.contains("its reload failed: exit code 1") == true)
        #expect(harness.executions("core/web.main") == 1 && reloads(harness) == 1)
        #expect(try recorded(harness)?.first?.digest == "sha256:1")
        #expect(try harness.jobs(of: "web").last?.reloadFailure?.text == "exit code 1")
        try harness.advance(.seconds(60))
        try harness.crashReconciler()
        try harness.advance(.seconds(60))
        #expect(reloads(harness) == 1 && harness.executions("core/web.main") == 1)
        harness.machine.failsCommands = false
        #expect(try harness.apply(command)?.isConverged == true)
        #expect(reloads(harness) == 2)
        #expect(try harness.jobs(of: "web").last?.reloadFailure == nil)
    }

    @Test("A failed reload is over when its files are as they were before")
    func revertedFile() throws {
        let harness = try harnessWithFailingReload()
        try harness.apply(command)
        harness.machine.files[path] = "sha256:1"
        #expect(try harness.apply(command)?.isConverged == true)
        #expect(try harness.jobs(of: "web").last?.reloadFailure == nil)
        #expect(reloads(harness) == 1)
    }

    @Test("A program that ends after a failed reload starts with the new files")
    func endDuringReload() throws {
        let harness = try harnessWithFailingReload()
        try harness.apply(command)
        let process = try #require(try harness.jobs(of: "web").last?.process)
        harness.killProgram(process)
        try harness.advance(.seconds(2))
        #expect(try harness.jobs(of: "web").last?.reloadFailure == nil)
        #expect(try recorded(harness)?.first?.digest == "sha256:2")
        #expect(try harness.apply(command)?.isConverged == true)
        #expect(reloads(harness) == 1)
    }
}

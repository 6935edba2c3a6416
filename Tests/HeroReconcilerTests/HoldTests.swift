import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Holds in the reconciler")
struct HoldTests {
    private func manifest(_ name: String, generation: Int = 0, heldUntil end: WallTime? = nil) -> String {
        let hold = end.map { "hold: {until: \"\($0.rfc3339Text)\", reason: freeze}\n" } ?? ""
        return "kind: Service\nname: \(name)\nexec: [sim, server]\ngeneration: \(generation)\n\(hold)---\n"
    }

    private func end(_ harness: ReconcilerHarness, after seconds: Int64) -> WallTime {
        WallTime(microseconds: harness.machine.wallTime.microseconds + seconds * 1_000_000)
    }

    private func deferred(_ harness: ReconcilerHarness, _ name: String) throws -> DeferredChange? {
        try harness.store.reader.serviceSummaries().first { $0.name.name == name }?.deferred
    }

    @Test("A deferred change survives a crash of the reconciler, and waits for an apply")
    func recorded() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("db") + manifest("web"))
        let end = end(harness, after: 60)
        let changed = manifest("db", generation: 1, heldUntil: end) + manifest("web", generation: 1)
        #expect(try harness.apply(changed)?.isConverged == true)
        #expect(harness.executions("core/db.main") == 1 && harness.executions("core/web.main") == 2)
        #expect(try deferred(harness, "db")?.deferral == Deferral(.hold, until: end, reason: "freeze"))
        try harness.crashReconciler(for: .seconds(120))
        try harness.advance(.seconds(1))
        #expect(harness.executions("core/db.main") == 1)
        #expect(try harness.apply(changed)?.isConverged == true)
        #expect(harness.executions("core/db.main") == 2)
        #expect(try deferred(harness, "db") == nil)
    }

    @Test("A crashed held service starts again in its job, without the deferred change")
    func healing() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("db"))
        try harness.apply(manifest("db", generation: 1, heldUntil: end(harness, after: 600)))
        let process = try #require(try harness.jobs(of: "db").last?.process)
        harness.killProgram(process)
        try harness.advance(.seconds(2))
        #expect(harness.executions("core/db.main") == 2)
        let summary = try harness.store.reader.serviceSummaries().first
        #expect(summary?.canonical.text.contains("generation") == false && summary?.state == .running)
    }

    @Test("A held service without a manifest starts again as it was after a down")
    func undeclared() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("db") + manifest("web"))
        try harness.apply(manifest("db", heldUntil: end(harness, after: 600)) + manifest("web"))
        #expect(try harness.apply(manifest("web"))?.isConverged == true)
        #expect(try harness.state("db") == .running)
        #expect(try deferred(harness, "db")?.action == "stop")
        try harness.down(then: .seconds(1))
        #expect(try harness.state("db") == .stopped)
        #expect(try harness.apply(manifest("web"), then: .seconds(1))?.isConverged == true)
        #expect(try harness.state("db") == .running)
    }

    @Test("A status that is deferred does not take effect until the hold ends")
    func deferredStatus() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("db"))
        let held = manifest("db", heldUntil: end(harness, after: 60)).replacing("exec:", with: "status: stop\nexec:")
        try harness.apply(held)
        #expect(try harness.state("db") == .running)
        try harness.advance(.seconds(61))
        try harness.apply(held, then: .seconds(1))
        #expect(try harness.state("db") == .stopped)
    }
}

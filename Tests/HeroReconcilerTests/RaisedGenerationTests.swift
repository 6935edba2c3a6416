import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Scheduled actions with a raised generation")
struct RaisedGenerationTests {
    @Test("A raised generation runs a scheduled action once now")
    func raisedGeneration() throws {
        let harness = try ReconcilerHarness()
        let text = "kind: Action\nname: tick\nexec: [sim, job]\nschedule: {every: 1h}\n"
        try harness.apply(text)
        #expect(try harness.jobs("tick").isEmpty)
        #expect(try harness.apply(text + "generation: 1\n")?.isConverged == true)
        #expect(try harness.phases("tick") == [.succeeded])
        let next = try harness.standalone("tick")?.nextRunAt
        #expect(next != nil)
        try harness.apply(text + "generation: 1\n")
        #expect(try harness.jobs("tick").count == 1)
    }

    @Test("A failed run of a raised generation is repeated by the next apply only")
    func failedRaisedGeneration() throws {
        let harness = try ReconcilerHarness()
        func text(_ kind: String, _ keys: String = "") -> String {
            "kind: Action\nname: tick\nexec: [sim, \(kind)]\nschedule: {every: 1h}\n\(keys)"
        }
        try harness.apply(text("broken"))
        let failed = try harness.apply(text("broken", "generation: 1\n"))
        #expect(failed?.isConverged == false)
        #expect(failed?.errors.first?.hasPrefix("core/tick failed: ") == true)
        #expect(try harness.standalone("tick")?.requestedRun == .begun)
        try harness.crashReconciler()
        try harness.advance(.seconds(1))
        #expect(try harness.phases("tick") == [.failed])
        // Not even `down` makes up for it.
        try harness.down()
        #expect(try harness.apply(text("broken", "generation: 1\n"))?.isConverged == false)
        #expect(try harness.phases("tick") == [.failed, .failed])
        #expect(try harness.apply(text("job", "generation: 1\n"))?.isConverged == true)
        #expect(try harness.phases("tick") == [.failed, .failed, .succeeded])
        #expect(try harness.standalone("tick")?.requestedRun == RequestedRun.none)
        try harness.apply(text("job", "generation: 1\n"))
        #expect(try harness.jobs("tick").count == 3)
    }

    @Test("A failed run of a schedule is no request for the next apply")
    func failedScheduledRun() throws {
        let harness = try ReconcilerHarness()
        let text = "kind: Action\nname: tick\nexec: [sim, broken]\nschedule: {every: 1m}\n"
        try harness.apply(text)
        try harness.advance(.seconds(61))
        #expect(try harness.phases("tick") == [.failed])
        #expect(try harness.apply(text)?.isConverged == true)
        #expect(try harness.jobs("tick").count == 1)
    }

    @Test("A run of a raised generation survives a change in place while it is pending")
    func pendingRun() throws {
        let harness = try ReconcilerHarness()
        let text = "kind: Action\nname: tick\nexec: [sim, steady]\nschedule: {every: 1h}\n"
        try harness.apply(text)
        try harness.apply(text + "generation: 1\n")
        #expect(try harness.phases("tick") == [.running])
        // The active job is stopped first.
        try harness.postApply(text + "generation: 2\n")
        try harness.postApply(text + "generation: 2\ntags: [changed]\n")
        try harness.advance(.seconds(2))
        #expect(try harness.phases("tick") == [.cancelled, .running])
    }
}

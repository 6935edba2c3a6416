import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Actions that run once for each change")
struct RunOnTests {
    private func manifest(_ kind: String = "job", _ keys: String = "") -> String {
        "kind: Action\nname: seed\nexec: [sim, \(kind)]\nrun_on: apply\nstop: {timeout: 200ms}\n\(keys)"
    }

    @Test("An action runs when it is new, changed or has a higher generation")
    func once() throws {
        let harness = try ReconcilerHarness()
        #expect(try harness.apply(manifest())?.isConverged == true)
        #expect(try harness.phases("seed") == [.succeeded])
        try harness.apply(manifest())
        try harness.apply(manifest("job", "# said otherwise\n"))
        #expect(try harness.phases("seed") == [.succeeded])
        try harness.apply(manifest("job", "env: {A: 1}\n"))
        #expect(try harness.phases("seed") == [.succeeded, .succeeded])
        try harness.apply(manifest("job", "env: {A: 1}\ngeneration: 1\n"))
        #expect(try harness.phases("seed") == [.succeeded, .succeeded, .succeeded])
        #expect(try harness.jobs("seed").map(\.revision) == [1, 3, 4])
        #expect(harness.executions("core/seed") == 3)
    }

    @Test("A change that takes effect in place causes no run")
    func inPlace() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest())
        try harness.apply(manifest("job", "timeout: 5s\n"))
        #expect(try harness.jobs("seed").count == 1)
        #expect(try harness.standalone("seed")?.revision == 2)
    }

    @Test("A running action that changes is stopped and runs again, never twice at once")
    func restart() throws {
        let harness = try ReconcilerHarness()
        #expect(try harness.apply(manifest("steady")) == nil, "an apply waits for what it runs")
        try harness.apply(manifest("job"))
        #expect(try harness.phases("seed") == [.cancelled, .succeeded])
        #expect(harness.machine.trace.violations.isEmpty)
    }

    @Test("A standalone job has no service and no run, and its logs are below `_`")
    func provenance() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("job", "tags: [b, a]\n"))
        let job = try #require(try harness.jobs("seed").first)
        #expect(job.service == nil && job.run == nil)
        #expect(job.context == "core" && job.action == "seed")
        #expect(job.tags == ["a", "b"] && job.revision == 1)
        #expect(try harness.standalone("seed")?.job == job.id)
    }

    @Test("The next apply repeats a failed run, and a new reconciler does not")
    func failure() throws {
        let harness = try ReconcilerHarness()
        let failed = try harness.apply(manifest("broken"))
        #expect(failed?.isConverged == false)
        #expect(failed?.errors.first?.hasPrefix("core/seed failed: ") == true)
        try harness.crashReconciler()
        try harness.advance(.seconds(1))
        #expect(try harness.jobs("seed").count == 1)
        #expect(try harness.apply(manifest("broken"))?.isConverged == false)
        #expect(try harness.phases("seed") == [.failed, .failed])
    }

    @Test("RS-1: An apply immediately retries an action that waits for its next try")
    func retriedNow() throws {
        let harness = try ReconcilerHarness()
        let text = manifest("exit3", "retry: {max_attempts: 9, delay: 60s, jitter: 0}\n")
        #expect(try harness.apply(text) == nil, "an apply waits for what it runs")
        #expect(try harness.phases("seed") == [.retrying])
        #expect(harness.executions("core/seed") == 1)
        try harness.apply(text)
        #expect(harness.executions("core/seed") == 2)
        #expect(try harness.jobs("seed").map(\.restartCount) == [1])
        // A reconciler that comes back is no apply.
        try harness.crashReconciler()
        try harness.advance(.seconds(2))
        #expect(harness.executions("core/seed") == 2)
        #expect(try harness.events("core/seed").contains { $0.contains("trying again now because it was applied") })
    }

    @Test("An exit code in `success_exit_codes` counts as success")
    func codes() throws {
        let harness = try ReconcilerHarness()
        #expect(try harness.apply(manifest("exit3", "success_exit_codes: [0, 3]\n"))?.isConverged == true)
        #expect(try harness.phases("seed") == [.succeeded])
        try harness.apply(manifest("exit3", "generation: 1\n"))
        #expect(try harness.phases("seed").last == .failed)
    }

    @Test("A run is neither lost nor repeated wherever the reconciler is killed", arguments: 1...40)
    func anywhere(step: Int) throws {
        let harness = try ReconcilerHarness(seed: UInt64(step))
        try harness.apply(manifest("steady"), then: .milliseconds(100))
        try harness.postApply(manifest("job", "generation: 1\n"))
        try harness.runSteps(step)
        try harness.crashReconciler()
        try harness.advance(.seconds(2))
        let jobs = try harness.jobs("seed")
        // An apply that was killed before it was recorded never was; from then on its run is due.
        if try harness.store.reader.revision()?.number == 1 {
            #expect(jobs.map(\.phase) == [.running])
        } else {
            #expect(jobs.map(\.phase) == [.cancelled, .succeeded])
            #expect(harness.executions("core/seed") == 2)
        }
        #expect(harness.machine.trace.violations.isEmpty)
    }

    @Test("An undeclared action is stopped, and its jobs stay")
    func undeclared() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("steady"))
        #expect(try harness.apply("")?.isConverged == true)
        #expect(try harness.phases("seed") == [.cancelled])
        #expect(try harness.standalone("seed") == nil)
        try harness.apply(manifest("job"))
        #expect(try harness.phases("seed") == [.cancelled, .succeeded])
    }

    @Test("A run that a reboot has interrupted does not run again")
    func reboot() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("steady"))
        harness.machine.reboot()
        try harness.crashReconciler()
        try harness.advance(.seconds(1))
        let job = try #require(try harness.jobs("seed").first)
        #expect(job.phase == .failed)
        #expect(job.outcome == .lost("the machine was restarted"))
        #expect(harness.executions("core/seed") == 1)
    }

    @Test("The retry policy applies to a run that a reboot has interrupted")
    func rebootWithTries() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(manifest("steady", "retry: {max_attempts: 2, delay: 10ms}\n"))
        harness.machine.reboot()
        try harness.crashReconciler()
        try harness.advance(.seconds(1))
        let job = try #require(try harness.jobs("seed").first)
        #expect(job.phase == .running && job.attempt == 2 && job.restartCount == 1)
    }
}

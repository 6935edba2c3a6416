import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("What runs once for each change")
struct RunOnTests {
    private func manifest(_ kind: String = "job", _ keys: String = "") -> String {
        "kind: Action\nname: seed\nexec: [sim, \(kind)]\nrun_on: apply\nstop: {timeout: 200ms}\n\(keys)"
    }

    @Test("runs when it is declared, when it changes and when its generation rises, and not for an equal apply")
    func once() throws {
        let machine = try ReconcilerHarness()
        #expect(try machine.apply(manifest())?.isConverged == true)
        #expect(try machine.phases("seed") == [.succeeded])
        try machine.apply(manifest())
        try machine.apply(manifest("job", "# said otherwise\n"))
        #expect(try machine.phases("seed") == [.succeeded])
        try machine.apply(manifest("job", "env: {A: 1}\n"))
        #expect(try machine.phases("seed") == [.succeeded, .succeeded])
        try machine.apply(manifest("job", "env: {A: 1}\ngeneration: 1\n"))
        #expect(try machine.phases("seed") == [.succeeded, .succeeded, .succeeded])
        #expect(try machine.jobs("seed").map(\.revision) == [1, 3, 4])
        #expect(machine.executions("core/seed") == 3)
    }

    @Test("takes what changes in place over without a run")
    func inPlace() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest())
        try machine.apply(manifest("job", "timeout: 5s\n"))
        #expect(try machine.jobs("seed").count == 1)
        #expect(try machine.standalone("seed")?.revision == 2)
    }

    @Test("is stopped and run again when it changes while it runs; never two at once")
    func restart() throws {
        let machine = try ReconcilerHarness()
        #expect(try machine.apply(manifest("steady")) == nil, "an apply waits for what it runs")
        try machine.apply(manifest("job"))
        #expect(try machine.phases("seed") == [.cancelled, .succeeded])
        #expect(machine.machine.trace.violations.isEmpty)
    }

    @Test("is a job without service and run, with its own tags, the revision that asked for it, and its logs below `_`")
    func provenance() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("job", "tags: [b, a]\n"))
        let job = try #require(try machine.jobs("seed").first)
        #expect(job.service == nil && job.run == nil)
        #expect(job.context == "core" && job.action == "seed")
        #expect(job.tags == ["a", "b"] && job.revision == 1)
        #expect(try machine.standalone("seed")?.job == job.id)
    }

    @Test("that fails makes the apply that asked for it fail, and only that one")
    func failure() throws {
        let machine = try ReconcilerHarness()
        let failed = try machine.apply(manifest("broken"))
        #expect(failed?.isConverged == false)
        #expect(failed?.errors.first?.hasPrefix("core/seed failed: ") == true)
        #expect(try machine.apply(manifest("broken"))?.isConverged == true)
        #expect(try machine.jobs("seed").count == 1)
    }

    @Test("RS-1: that waits for its next try is tried at once by the next apply, also an equal one")
    func retriedNow() throws {
        let machine = try ReconcilerHarness()
        let text = manifest("exit3", "retry: {max_attempts: 9, delay: 60s, jitter: 0}\n")
        #expect(try machine.apply(text) == nil, "an apply waits for what it runs")
        #expect(try machine.phases("seed") == [.retrying])
        #expect(machine.executions("core/seed") == 1)
        try machine.apply(text)
        #expect(machine.executions("core/seed") == 2)
        #expect(try machine.jobs("seed").map(\.restartCount) == [1])
        // A reconciler that comes back is no apply.
        try machine.crashReconciler()
        try machine.advance(.seconds(2))
        #expect(machine.executions("core/seed") == 2)
        #expect(try machine.events("core/seed").contains { $0.contains("tried again at once: it was applied") })
    }

    @Test("that succeeds with a code of its own has succeeded (`success_exit_codes`)")
    func codes() throws {
        let machine = try ReconcilerHarness()
        #expect(try machine.apply(manifest("exit3", "success_exit_codes: [0, 3]\n"))?.isConverged == true)
        #expect(try machine.phases("seed") == [.succeeded])
        try machine.apply(manifest("exit3", "generation: 1\n"))
        #expect(try machine.phases("seed").last == .failed)
    }

    @Test("is neither lost nor doubled wherever the reconciler is killed", arguments: 1...40)
    func anywhere(step: Int) throws {
        let machine = try ReconcilerHarness(seed: UInt64(step))
        try machine.apply(manifest("steady"), then: .milliseconds(100))
        try machine.postApply(manifest("job", "generation: 1\n"))
        try machine.runSteps(step)
        try machine.crashReconciler()
        try machine.advance(.seconds(2))
        let jobs = try machine.jobs("seed")
        // An apply that was killed before it was recorded never was; from then on its run is due.
        if try machine.store.reader.revision()?.number == 1 {
            #expect(jobs.map(\.phase) == [.running])
        } else {
            #expect(jobs.map(\.phase) == [.cancelled, .succeeded])
            #expect(machine.executions("core/seed") == 2)
        }
        #expect(machine.machine.trace.violations.isEmpty)
    }

    @Test("goes when nobody declares it any more: what runs is stopped, the jobs stay")
    func undeclared() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("steady"))
        #expect(try machine.apply("")?.isConverged == true)
        #expect(try machine.phases("seed") == [.cancelled])
        #expect(try machine.standalone("seed") == nil)
        try machine.apply(manifest("job"))
        #expect(try machine.phases("seed") == [.cancelled, .succeeded])
    }

    @Test("is over after a restart of the machine, and is not run again: what nobody saw may have happened")
    func reboot() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("steady"))
        machine.machine.reboot()
        try machine.crashReconciler()
        try machine.advance(.seconds(1))
        let job = try #require(try machine.jobs("seed").first)
        #expect(job.phase == .failed)
        #expect(job.outcome == .lost("the machine was restarted"))
        #expect(machine.executions("core/seed") == 1)
    }

    @Test("keeps to its own policy of trying again after a restart of the machine")
    func rebootWithTries() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(manifest("steady", "retry: {max_attempts: 2, delay: 10ms}\n"))
        machine.machine.reboot()
        try machine.crashReconciler()
        try machine.advance(.seconds(1))
        let job = try #require(try machine.jobs("seed").first)
        #expect(job.phase == .running && job.attempt == 2 && job.restartCount == 1)
    }
}

import HeroLifecycle
import HeroModel
import Testing

/// Programs whose main process ends while other processes of their tree are running.
@Suite("End of the main process before its tree")
struct MainEndTests {
    private static let hint = "; keep it in the foreground, or name its `pid_file`"
    private static let second = Duration.seconds(1)

    /// A process that is ready and has been running for 3 s.
    private func readyJob(_ change: (inout ActionSpec) -> Void = { _ in }) -> JobTestDriver {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.retry.delay = .seconds(1)
                change(&$0)
            }
        )
        job.startJob()
        job.advance(.seconds(3))
        return job
    }

    @Test("The end is shown at once, and the job is not ready")
    func shownAtOnce() {
        var job = readyJob()
        #expect(job.lifecycle.isUp)
        let effects = job.handle(.mainEnded(generation: 1, .exited(0)))
        let text = "main ended with exit code 0; stopping 1 process it left behind" + Self.hint
        #expect(effects == [.stopProbe, .recordEvent(.warning, text)])
        #expect(!job.lifecycle.isUp)
        let record = job.lifecycle.record
        #expect(record.phase == .running && !record.isReady && !record.isStopping)
        #expect(record.error == text)
        #expect(record.outcome == .exited(0))
        #expect(job.lifecycle.deadline == job.now + job.action.stop.timeout)
    }

    @Test(
        "The hint about `pid_file` appears only where it helps",
        arguments: [
            (Outcome.exited(0), nil, true, true), (.exited(3), nil, true, false),
            (.exited(0), "/run/web.pid", true, false),
            (.signaled(.kill, coreDumped: false), nil, true, false), (.exited(0), nil, false, false),
        ] as [(Outcome, String?, Bool, Bool)]
    )
    func hint(_ outcome: Outcome, _ pidFile: String?, _ isProcess: Bool, _ expected: Bool) {
        var action = isProcess ? JobTestDriver.process() : JobTestDriver.oneShot()
        action.pidFile = pidFile
        var job = JobTestDriver(action)
        job.startJob()
        job.handle(.mainEnded(generation: 1, outcome, remaining: 2))
        let text = "main ended with \(outcome); stopping 2 processes it left behind"
        #expect(job.lifecycle.record.error == text + (expected ? Self.hint : ""))
    }

    @Test("The restart policy decides when the tree is gone")
    func restart() {
        var job = readyJob()
        job.handle(.mainEnded(generation: 1, .exited(0)))
        job.advance(Self.second)
        let effects = job.reportEnd(.exited(0))
        #expect(effects.withoutEvents == [.stopProbe])
        #expect(job.lifecycle.record.phase == .retrying)
        #expect(job.lifecycle.record.error == "exit code 0; it left 1 process behind" + Self.hint)
        #expect(job.lifecycle.record.executions == 1)
    }

    @Test("A one-shot that leaves processes behind succeeds with a warning")
    func oneShot() {
        var job = JobTestDriver(JobTestDriver.oneShot())
        job.startJob()
        let effects = job.handle(.mainEnded(generation: 1, .exited(0), remaining: 2))
        let text = "main ended with exit code 0; stopping 2 processes it left behind"
        #expect(effects.contains(.recordEvent(.warning, text)))
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.phase == .finished(.succeeded))
        #expect(job.lifecycle.record.error == nil)
    }

    @Test("A requested stop kills the remaining processes one second after the end")
    func stop() {
        var job = readyJob()
        job.handle(.mainEnded(generation: 1, .exited(0)))
        job.advance(.milliseconds(300))
        #expect(job.handle(.stopRequested) == [])
        #expect(job.lifecycle.deadline == job.now + .milliseconds(700))
        #expect(job.reachDeadline().contains(.killTree(generation: 1)))
        // A request that is repeated does not repeat the kill.
        job.handle(.stopRequested)
        #expect(job.lifecycle.deadline == job.now + job.action.stop.timeout)
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }

    @Test("A stop that is requested later kills them at once")
    func lateStop() {
        var job = readyJob()
        job.handle(.mainEnded(generation: 1, .exited(0)))
        job.advance(.seconds(5))
        job.handle(.stopRequested)
        #expect(job.lifecycle.deadline == job.now)
    }

    @Test("A stop that was requested before is not changed")
    func stoppingAlready() {
        var job = readyJob()
        job.handle(.stopRequested)
        let before = job.lifecycle
        #expect(job.handle(.mainEnded(generation: 1, .signaled(.term, coreDumped: false))) == [])
        #expect(job.lifecycle == before)
    }

    @Test("A new reconciler finds the end and counts the execution once", arguments: [false, true])
    func adopted(_ isHandled: Bool) {
        var job = readyJob()
        let ready = job.lifecycle.record
        if isHandled { job.handle(.mainEnded(generation: 1, .exited(0))) }
        let report = StartReport(
            process: JobTestDriver.identity(101),
            at: Moment(nanoseconds: 1_000_000_000),
            time: WallTime(microseconds: 0)
        )
        let end = MainEndReport(
            outcome: .exited(0),
            time: WallTime(microseconds: 2_000_000),
            remainingProcesses: 1
        )
        let (lifecycle, _) = JobLifecycle.adopt(
            isHandled ? job.lifecycle.record : ready,
            .mainEnded(generation: 1, report, end),
            job.context
        )
        #expect(!lifecycle.isUp)
        #expect(lifecycle.record.executions == 1)
        #expect(lifecycle.record.error?.hasPrefix("main ended with exit code 0; stopping 1 process") == true)
        #expect(lifecycle.deadline == Moment(nanoseconds: 3_000_000_000) + job.action.stop.timeout)
    }
}

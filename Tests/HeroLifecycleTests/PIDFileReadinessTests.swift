import HeroLifecycle
import HeroModel
import Testing

/// When a process with a PID file and without a probe is ready (contract section 3, `pid_file`).
@Suite("Readiness by PID file")
struct PIDFileReadinessTests {
    private static let wait = "waits for its PID file"

    private func startedJob(_ change: (inout ActionSpec) -> Void = { _ in }) -> JobTestDriver {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.pidFile = "/run/web.pid"
                change(&$0)
            }
        )
        job.startJob()
        return job
    }

    @Test("The execution of the launcher is not readiness")
    func launcher() {
        let job = startedJob()
        #expect(!job.lifecycle.isUp)
        #expect(job.lifecycle.record.error == Self.wait)
        #expect(ServiceLifecycle.state([job.lifecycle], isStartRequested: true) == .starting)
    }

    @Test("A program that stays in the foreground for 1s is ready")
    func foreground() {
        var job = startedJob()
        let executed = job.now
        job.reachDeadline()
        #expect(job.now == executed + .seconds(1))
        #expect(job.lifecycle.isUp)
        #expect(job.lifecycle.record.error == nil)
    }

    @Test("A daemon is ready when the PID file names it")
    func daemon() {
        var job = startedJob()
        job.handle(.successorAwaited(generation: 1, .missing))
        job.advance(.seconds(5))
        let child = JobTestDriver.identity(102)
        let effects = job.handle(.mainProcessReplaced(generation: 1, process: child))
        #expect(effects.contains(.recordEvent(.info, "ready after 5s")))
        #expect(job.lifecycle.isUp)
        #expect(job.lifecycle.record.process == child)
        #expect(job.lifecycle.record.error == nil)
    }

    @Test("After the exit of the launcher only the PID file makes the daemon ready")
    func exitedLauncher() {
        var job = startedJob()
        job.handle(.successorAwaited(generation: 1, nil))
        #expect(job.lifecycle.deadline ?? job.now > job.now + .seconds(29))
        job.advance(.seconds(5))
        #expect(job.handle(.deadlineReached) == [])
        job.handle(.machineSlept)
        job.handle(.specChanged)
        job.handle(.deadlineReached)
        #expect(!job.lifecycle.isUp)
        #expect(job.lifecycle.record.error == Self.wait)
    }

    @Test("A stop before the PID file names a process kills the tree at once")
    func stop() {
        var job = startedJob()
        job.handle(.successorAwaited(generation: 1, .missing))
        #expect(job.handle(.stopRequested) == [.stopProbe, .killTree(generation: 1)])
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }

    @Test("The problem of a PID file is the reason, with one event", arguments: PIDFileProblem.allCases)
    func problem(_ problem: PIDFileProblem) {
        var job = startedJob()
        let text = Self.wait + ": /run/web.pid \(problem)"
        let event = JobEffect.recordEvent(.warning, text)
        let effects = job.handle(.successorAwaited(generation: 1, problem))
        // A file that does not exist yet is normal.
        #expect(effects == (problem == .missing ? [] : [event]))
        #expect(job.lifecycle.record.error == text)
        #expect(job.handle(.successorAwaited(generation: 1, problem)) == [])
        let report = EndReport(
            outcome: .exited(0),
            time: nil,
            executed: StartReport(process: JobTestDriver.identity(101), at: job.now, time: WallTime(microseconds: 0)),
            pidFileProblem: problem
        )
        job.handle(.start(generation: 1, .ended(report)))
        #expect(
            job.lifecycle.record.error
                == "ended before it was ready: exit code 0; its PID file /run/web.pid \(problem)"
        )
    }

    @Test("A PID file that names no process of the stopped tree explains the retry")
    func remainingTree() {
        var job = startedJob()
        job.handle(.successorAwaited(generation: 1, .writable))
        let end = MainEndReport(outcome: .exited(0), time: nil, remainingProcesses: 1, pidFileProblem: .writable)
        job.handle(.start(generation: 1, .mainEnded(end)))
        let file = "; its PID file /run/web.pid \(PIDFileProblem.writable)"
        #expect(
            job.lifecycle.record.error == "main ended with exit code 0; stopping 1 process it left behind" + file
        )
        job.reportEnd(.exited(0))
        #expect(
            job.lifecycle.record.error
                == "ended before it was ready: exit code 0; it left 1 process behind" + file
        )
    }

    @Test("A probe or a port decides instead of the PID file", arguments: [true, false])
    func declaredProbe(_ hasPort: Bool) {
        let job = startedJob {
            if hasPort { $0.tcpPorts = [BoundPort(port: 80)] } else { $0.ready = Probe(.exec(["check"])) }
        }
        #expect(job.lifecycle.record.error == nil)
        #expect(!job.lifecycle.isUp)
    }
}

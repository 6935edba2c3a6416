import HeroLifecycle
import HeroModel
import Testing

@Suite("Notify messages")
struct NotifyStateTests {
    private static let notifyingProcess = JobTestDriver.process {
        $0.ready = Probe(.notify)
        $0.startTimeout = .seconds(30)
        $0.stop.timeout = .seconds(10)
    }

    private func readyJob(_ action: ActionSpec = notifyingProcess) -> JobTestDriver {
        var job = JobTestDriver(action)
        job.startJob()
        job.advance(.seconds(2))
        job.notify { _ in }
        return job
    }

    private func serviceState(_ job: JobTestDriver) -> ServiceState {
        ServiceLifecycle.state([job.lifecycle], isStartRequested: true)
    }

    @Test(
        "RS-6: A process with a `notify` or `fd` probe is ready when it reports so",
        arguments: [Probe.Check.notify, .descriptor(7)]
    )
    func ready(_ check: Probe.Check) {
        var action = Self.notifyingProcess
        action.ready = Probe(check)
        var job = JobTestDriver(action)
        job.startJob()
        #expect(!job.lifecycle.isUp)
        job.notify { $0.isReady = false }
        #expect(!job.lifecycle.isUp && serviceState(job) == .starting)
        job.advance(.milliseconds(1500))
        #expect(job.notify { _ in } == [.stopProbe, .recordEvent(.info, "ready after 1500ms")])
        #expect(job.lifecycle.isUp && job.lifecycle.record.isReady && serviceState(job) == .running)
        #expect(job.lifecycle.deadline == nil, "the job has no deadline")
    }

    @Test("A process that does not send READY=1 in time is stopped and retried")
    func late() {
        var job = JobTestDriver(Self.notifyingProcess)
        job.startJob()
        var (serial, effects): (UInt64, [JobEffect]) = (1, [])
        while case .starting = job.lifecycle.phase, serial < 1000 {
            job.handle(.probeFailed(generation: 1, serial: serial, "it has not sent READY=1 yet"))
            job.now = job.lifecycle.deadline ?? job.now
            effects = job.handle(.deadlineReached).withoutEvents
            if case .startProbe(_, let next, _)? = effects.first { serial = next }
        }
        #expect(effects == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(job.lifecycle.record.error == "was not ready within 30s: it has not sent READY=1 yet")
    }

    @Test("A readiness probe also finds READY=1 without a notification")
    func readByProbe() {
        var job = JobTestDriver(Self.notifyingProcess)
        job.handle(.startRequested)
        #expect(job.reportStart().withoutEvents == [.startProbe(generation: 1, serial: 1, .readiness)])
        job.handle(.probeSucceeded(generation: 1, serial: 1))
        #expect(job.lifecycle.isUp)
    }

    @Test("Messages of another start are ignored")
    func stale() {
        var job = readyJob()
        job.reportEnd(.exited(1))
        job.reachDeadline()
        job.reportStart()
        var state = NotifyState(asOf: job.now)
        state.isReady = true
        #expect(job.handle(.notified(generation: 1, state)) == [])
        #expect(!job.lifecycle.isUp)
        job.handle(.notified(generation: 2, state))
        #expect(job.lifecycle.isUp && job.lifecycle.record.restartCount == 1)
    }

    @Test("READY=1 is ignored by a process with another readiness probe")
    func otherProbe() {
        var job = JobTestDriver(JobTestDriver.process { $0.ready = Probe(.unix("/s")) })
        job.startJob()
        #expect(job.notify { _ in } == [])
        #expect(!job.lifecycle.isUp)
    }

    // MARK: Reloading

    @Test("A reloading process stays ready, and events state begin and end")
    func reload() {
        var job = readyJob()
        #expect(job.notify { $0.isReloading = true } == [.recordEvent(.info, "reported that it is reloading")])
        #expect(job.lifecycle.isUp && job.lifecycle.record.isReady && serviceState(job) == .running)
        #expect(job.notify { $0.isReloading = true } == [], "a repeated message records no event")
        #expect(job.notify { _ in } == [.recordEvent(.info, "has reloaded")])
        #expect(job.lifecycle.deadline == nil)
    }

    @Test("A reload that does not end is reported once and does not stop the process")
    func longReload() {
        var job = readyJob()
        job.notify { $0.isReloading = true }
        #expect(job.lifecycle.deadline == job.now + .seconds(30))
        #expect(job.reachDeadline() == [.recordEvent(.warning, "has not finished its reload within 30s")])
        #expect(job.lifecycle.isUp && job.lifecycle.deadline == nil)
        #expect(job.lifecycle.record.error == "it sent RELOADING=1 and has not sent READY=1 since")
        job.notify { _ in }
        #expect(job.lifecycle.record.error == nil)
    }

    // MARK: Stopping

    @Test("A process that reports STOPPING=1 is not up and is not probed")
    func stopping() {
        var job = readyJob(
            JobTestDriver.process {
                $0.ready = Probe(.notify)
                $0.health = Probe(.exec(["check"]), interval: .seconds(5), failures: 1)
                $0.tcpPorts = [BoundPort(port: 80)]
            }
        )
        job.reachDeadline()
        #expect(
            job.notify { $0.isStopping = true } == [.stopProbe, .recordEvent(.info, "reported that it is stopping")]
        )
        #expect(!job.lifecycle.isUp && !job.lifecycle.record.isReady && serviceState(job) == .degraded)
        #expect(job.handle(.probeFailed(generation: 1, serial: 2, "refused")) == [], "no restart by the health probe")
        #expect(job.handle(.specChanged) == [])
        #expect(job.lifecycle.deadline == job.now + .seconds(10), "the stop timeout of the action")
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.record.phase == .retrying, "it restarts by its policy")
        job.reachDeadline()
        job.reportStart()
        #expect(job.lifecycle.record.error == nil)
        job.notify { _ in }
        #expect(job.lifecycle.isUp && job.lifecycle.record.restartCount == 1)
    }

    @Test("A process that sends STOPPING=1 and does not exit is stopped")
    func announcedStopTimeout() {
        var job = readyJob()
        job.notify { $0.isStopping = true }
        #expect(job.reachDeadline().withoutEvents == [.stopProbe, .signal(JobTestDriver.identity(101), .term)])
        #expect(job.lifecycle.record.error == "reported that it is stopping, but did not end within 10s")
    }

    @Test("A suspend extends the time of a reload and of an announced stop (TM-2)")
    func suspended() {
        for change in [{ $0.isReloading = true }, { $0.isStopping = true }] as [(inout NotifyState) -> Void] {
            var job = readyJob()
            job.notify(change)
            job.advance(.seconds(3600))
            job.handle(.machineSlept)
            #expect(job.handle(.deadlineReached) == [])
        }
    }

    @Test("Messages during a requested stop do not change the stop")
    func requestedStop() {
        var job = readyJob()
        job.handle(.stopRequested)
        #expect(job.notify { $0.isStopping = true } == [])
        job.reportEnd(.exited(0))
        #expect(job.lifecycle.phase == .finished(.cancelled))
    }

    // MARK: Remarks

    @Test("Unverified messages are reported once, each rejected MAINPID is reported")
    func rejectedMessages() {
        var job = readyJob()
        let first = job.notify { $0.unverifiedMessages = 3 }
        #expect(first.count == 1 && first.withoutEvents == [])
        #expect(job.notify { $0.unverifiedMessages = 4 } == [])
        func reject(_ count: Int, _ pid: Int32) -> [JobEffect] {
            job.notify {
                ($0.unverifiedMessages, $0.rejectedMainPIDs, $0.lastRejectedPID) = (4, count, pid)
            }
        }
        #expect(
            reject(1, 1)
                == [.recordEvent(.warning, "ignored MAINPID=1: the process is not in its process tree")]
        )
        #expect(
            reject(2, -1)
                == [
                    .recordEvent(
                        .warning,
                        "ignored a MAINPID that is not a number"
                    )
                ]
        )
    }

    @Test("MAINPID replaces the main process")
    func mainProcess() {
        var job = readyJob()
        #expect(
            job.handle(.mainProcessReplaced(generation: 1, process: JobTestDriver.identity(200)))
                == [.recordEvent(.info, "its main process is now pid 200, named by MAINPID")]
        )
        #expect(job.handle(.stopRequested).contains(.signal(JobTestDriver.identity(200), .term)))
    }

    // MARK: Adoption

    private func adopt(_ job: JobTestDriver) -> JobTestDriver {
        var next = job
        (next.lifecycle, _) = JobLifecycle.adopt(
            job.lifecycle.record,
            .supervised(
                generation: 1,
                process: JobTestDriver.identity(101),
                at: job.now,
                time: WallTime(microseconds: 0)
            ),
            job.context
        )
        return next
    }

    @Test("SH-2: An adopted job stays ready, and old messages record no events")
    func adopted() {
        var job = readyJob()
        job.notify { $0.unverifiedMessages = 2 }
        var next = adopt(job)
        #expect(next.lifecycle.isUp && next.lifecycle.record.isReady)
        #expect(next.notify { $0.unverifiedMessages = 2 } == [])
        #expect(
            next.notify { ($0.unverifiedMessages, $0.isReloading) = (2, true) } == [
                .recordEvent(.info, "reported that it is reloading")
            ]
        )
    }

    @Test("SH-2: READY=1 sent without a reconciler makes the adopted job ready")
    func sentWithoutReconciler() {
        var job = JobTestDriver(Self.notifyingProcess)
        job.startJob()
        var next = adopt(job)
        #expect(!next.lifecycle.isUp)
        #expect(next.notify { _ in }.withoutEvents == [.stopProbe])
        #expect(next.lifecycle.isUp)
    }
}

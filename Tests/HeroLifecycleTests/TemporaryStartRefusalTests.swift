import HeroLifecycle
import HeroModel
import Testing

@Suite("Temporarily refused starts")
struct TemporaryStartRefusalTests {
    @Test(
        "A refused start is retried and counts neither as attempt nor as restart (RS-4)",
        arguments: [11, 12, 23, 24, 26, 28, 110, 122] as [Int32]
    )
    func retries(_ number: Int32) {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.maxAttempts = 1 })
        job.handle(.startRequested)
        let outcome = Outcome.startFailed(StartFailure(stage: .fork, errno: number, detail: "no room"))
        for milliseconds in [500, 1000, 2000, 4000] {
            job.reportEnd(outcome, executed: false)
            #expect(job.lifecycle.record.attempt == 0 && job.lifecycle.record.restartCount == 0)
            #expect(job.lifecycle.record.error == "cannot fork: no room")
            #expect(job.lifecycle.deadline == job.now + .milliseconds(milliseconds))
            #expect(job.reachDeadline().withoutEvents == [.launch(generation: job.lifecycle.record.generation)])
        }
        job.reportStart()
        #expect(job.lifecycle.isUp && job.lifecycle.record.restartCount == 0 && job.lifecycle.record.attempt == 1)
    }

    @Test("A start that fails permanently counts as an attempt")
    func permanent() {
        var job = JobTestDriver(JobTestDriver.process { $0.retry.maxAttempts = 1 })
        job.handle(.startRequested)
        job.reportEnd(.startFailed(StartFailure(stage: .execute, errno: 2, detail: "no such file")), executed: false)
        #expect(job.lifecycle.phase == .finished(.failed))
    }

    @Test("An apply retries at once and resets the delays (RS-1)")
    func retryRequested() {
        var job = JobTestDriver(JobTestDriver.process())
        job.startJob()
        for _ in 0..<3 {
            job.reportEnd(.exited(1))
            job.reachDeadline()
            job.reportStart()
        }
        job.reportEnd(.exited(1))
        #expect(job.lifecycle.deadline == job.now + .seconds(4))
        #expect(job.handle(.retryRequested).withoutEvents == [.launch(generation: 5)])
        job.reportStart()
        job.reportEnd(.exited(1))
        #expect(job.lifecycle.deadline == job.now + .milliseconds(500))
        #expect(job.lifecycle.record.restartCount == 4)
    }

    @Test("A late reconciler probes once more before it stops a slow start")
    func missedDeadline() {
        var job = JobTestDriver(JobTestDriver.process { $0.tcpPorts = [BoundPort(port: 80)] })
        job.startJob()
        job.handle(.probeFailed(generation: 1, serial: 1, "not yet"))
        job.advance(.seconds(90))
        #expect(job.handle(.deadlineReached) == [.startProbe(generation: 1, serial: 2, .readiness)])
        job.handle(.probeSucceeded(generation: 1, serial: 2))
        #expect(job.lifecycle.isUp)
    }
}

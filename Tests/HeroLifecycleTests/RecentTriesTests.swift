import HeroLifecycle
import HeroModel
import Testing

@Suite("Attempts that count for retry.within")
struct RecentTriesTests {
    private static func driver(_ change: (inout RetryPolicy) -> Void = { _ in }) -> JobTestDriver {
        JobTestDriver(
            JobTestDriver.process {
                $0.retry = RetryPolicy(
                    maxAttempts: 3,
                    delay: .milliseconds(100),
                    factor: 1,
                    jitter: 0,
                    stableAfter: .seconds(1),
                    within: .seconds(10)
                )
                change(&$0.retry)
            }
        )
    }

    /// Lets the program run for a time and fail; starts it again if the job does not give up.
    private func fail(_ job: inout JobTestDriver, after duration: Duration) {
        job.advance(duration)
        job.reportEnd(.exited(1))
        guard case .backingOff = job.lifecycle.phase else { return }
        job.reachDeadline()
        job.reportStart()
    }

    @Test("A job gives up when max_attempts starts lie within the time, however stable each was")
    func givesUp() {
        var job = Self.driver()
        job.startJob()
        for _ in 0..<2 { fail(&job, after: .seconds(2)) }
        job.advance(.seconds(2))
        let effects = job.reportEnd(.exited(1))
        #expect(job.lifecycle.phase == .finished(.failed))
        #expect(effects.contains(.recordEvent(.error, "failed after 3 attempts within 10s: exit code 1")), "\(effects)")
    }

    @Test("Attempts that are older than the time do not count")
    func forgetsOldAttempts() {
        var job = Self.driver()
        job.startJob()
        for _ in 0..<20 { fail(&job, after: .seconds(4)) }
        #expect(job.lifecycle.phase != .finished(.failed))
    }

    @Test("A stable time resets the delay and not the attempts")
    func resetsDelay() {
        var job = Self.driver { $0.factor = 10 }
        job.startJob()
        fail(&job, after: .zero)
        job.advance(.seconds(2))
        job.reportEnd(.exited(1))
        guard case .backingOff(let until) = job.lifecycle.phase else { Issue.record("\(job.lifecycle.phase)"); return }
        #expect(until == job.now + .milliseconds(100))
    }

    @Test("A new reconciler continues to count, and ignores attempts of an earlier boot")
    func survivesAdoption() {
        let now = Moment(nanoseconds: 20_000_000_000)
        for (start, phase) in [(12, JobPhase.failed), (1, .retrying), (99, .retrying)] {
            var record = JobTestDriver.record()
            record.phase = .running
            record.generation = 3
            record.attempt = 1
            record.executions = 3
            record.process = JobTestDriver.identity(7)
            var driver = Self.driver()
            driver.now = now
            let tries = RecentTries([start, start, start].map { Moment(nanoseconds: Int64($0) * 1_000_000_000) })
            let end = EndReport(
                outcome: .exited(1),
                time: nil,
                executed: StartReport(process: JobTestDriver.identity(7), at: now, time: WallTime(microseconds: 0))
            )
            let (job, _) = JobLifecycle.adopt(
                record,
                .ended(generation: 3, end),
                recentTries: tries,
                driver.context
            )
            #expect(job.record.phase == phase, "started \(start) s after the boot")
        }
    }
}

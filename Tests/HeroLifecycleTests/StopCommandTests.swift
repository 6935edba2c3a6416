import HeroLifecycle
import HeroModel
import Testing

@Suite("The stop command")
struct StopCommandTests {
    private static func runningJob(_ change: (inout StopPolicy) -> Void = { _ in }) -> JobTestDriver {
        var job = JobTestDriver(
            JobTestDriver.process {
                $0.stop.command = ["stop-it"]
                change(&$0.stop)
            }
        )
        job.startJob()
        return job
    }

    private static let command = JobEffect.startProbe(generation: 1, serial: .max, .stopCommand)
    private static let signal = JobEffect.signal(JobTestDriver.identity(101), .term)

    private func reportCommand(_ job: inout JobTestDriver, _ result: ProbeResult) -> [JobEffect] {
        job.handle(.start(generation: 1, .probeFinished(serial: .max, result)))
    }

    @Test("The stop command runs first, and the signal follows whatever its result is")
    func runsFirst() {
        let results: [(ProbeResult, Bool)] = [(.succeeded, false), (.failed("exit code 1"), true)]
        for (result, hasWarning) in results {
            var job = Self.runningJob()
            #expect(job.handle(.stopRequested).withoutEvents == [.stopProbe, Self.command])
            let effects = reportCommand(&job, result)
            #expect(effects.withoutEvents == [Self.signal])
            #expect(effects.count == (hasWarning ? 2 : 1))
            #expect(reportCommand(&job, result).isEmpty, "the signal is sent once")
        }
    }

    @Test("No signal is sent if the program ends while its stop command runs")
    func programEnds() {
        var job = Self.runningJob()
        job.handle(.stopRequested)
        #expect(job.reportEnd(.exited(0)).contains(.stopProbe))
        #expect(job.lifecycle.phase == .finished(.cancelled))
        #expect(reportCommand(&job, .succeeded).isEmpty)
    }

    @Test("The stop timeout holds from the request on; without time no command runs")
    func timeout() {
        var job = Self.runningJob { $0.timeout = .seconds(8) }
        job.handle(.stopRequested)
        let requested = job.now
        job.reachDeadline()
        #expect(job.now == requested + .seconds(8))
        #expect(StopPolicy(timeout: .seconds(8)).commandTimeout == .seconds(4))
        var immediate = Self.runningJob { $0.timeout = .zero }
        #expect(immediate.handle(.stopRequested).withoutEvents == [.stopProbe, Self.signal])
    }

    @Test("The stop command ends with the main program, although other processes of its tree run")
    func mainProgramEnds() {
        var job = Self.runningJob()
        job.handle(.stopRequested)
        let report = MainEndReport(outcome: .exited(0), time: nil, remainingProcesses: 2)
        #expect(job.handle(.start(generation: 1, .mainEnded(report))) == [.stopProbe])
        #expect(reportCommand(&job, .succeeded).isEmpty)
    }
}

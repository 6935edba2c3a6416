import HeroLifecycle
import HeroModel
import Testing

@Suite("Processes that receive the stop signal")
struct StopTargetTests {
    @Test("A stop signals the main process first, or with to: tree every process at once")
    func target() {
        let main = JobTestDriver.identity(101)
        let cases: [(StopPolicy.Target, JobEffect)] = [
            (.main, .signal(main, .term)), (.tree, .signalTree(generation: 1, main: main, .term)),
        ]
        for (target, effect) in cases {
            var job = JobTestDriver(JobTestDriver.process { $0.stop.target = target })
            job.startJob()
            #expect(job.handle(.stopRequested).withoutEvents == [.stopProbe, effect])
            let killed = job.reachDeadline().withoutEvents
            #expect(killed == [.killTree(generation: 1)], "the timeout holds for both")
        }
    }
}

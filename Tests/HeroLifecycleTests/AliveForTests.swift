import HeroLifecycle
import HeroModel
import Testing

@Suite("Readiness by the time a process has run")
struct AliveForTests {
    private static let patient = JobTestDriver.process { $0.ready = Probe(.aliveFor(.seconds(5))) }

    @Test("A process with alive_for is ready after this time, without a probe")
    func becomesReady() {
        var job = JobTestDriver(Self.patient)
        job.startJob()
        #expect(!job.lifecycle.isUp)
        #expect(job.lifecycle.deadline == job.now + .seconds(5))
        let effects = job.reachDeadline()
        #expect(effects == [.recordEvent(.info, "ready after 5s")])
        #expect(job.lifecycle.isUp && job.lifecycle.record.isReady)
    }

    @Test("A process that ends before alive_for was never ready, and its attempts count on")
    func endsBefore() {
        var job = JobTestDriver(Self.patient)
        job.startJob()
        job.advance(.seconds(4))
        job.reportEnd(.exited(0))
        #expect(!job.lifecycle.isUp && job.lifecycle.record.phase == .retrying)
        #expect(job.lifecycle.record.error?.hasPrefix("ended before it was ready") == true)
        #expect(job.lifecycle.record.attempt == 1)
    }

    @Test("The sleep of the machine does not make a process ready before its time")
    func machineSleeps() {
        var job = JobTestDriver(Self.patient)
        job.startJob()
        job.advance(.seconds(1))
        let start = job.now
        job.handle(.machineSlept)
        #expect(!job.lifecycle.isUp)
        #expect(job.lifecycle.deadline == start + .seconds(4))
        _ = job.reachDeadline()
        #expect(job.lifecycle.isUp)
    }

    @Test("A shorter alive_for that is applied in place counts from the start")
    func changesInPlace() {
        var job = JobTestDriver(Self.patient)
        job.startJob()
        job.advance(.seconds(2))
        job.action.ready = Probe(.aliveFor(.seconds(1)))
        job.handle(.specChanged)
        #expect(job.lifecycle.deadline == job.now)
        _ = job.reachDeadline()
        #expect(job.lifecycle.isUp)
    }
}

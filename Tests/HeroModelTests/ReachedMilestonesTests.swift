import HeroModel
import Testing

@Suite("What a service has reached besides its state")
struct ReachedMilestonesTests {
    private static let spec: ServiceSpec = {
        let actions = [
            ActionSpec("seed", .exec(["seed"])), ActionSpec("serve", .exec(["serve"]), isProcess: true),
        ]
        return ServiceSpec(QualifiedName("web"), actions: actions)
    }()

    private func job(_ action: String, _ phase: JobPhase, executes: Bool = false) -> JobRecord {
        var record = JobRecord(
            id: 1,
            context: "core",
            service: "web",
            action: action,
            run: 1,
            revision: 1,
            tags: [],
            createdAt: WallTime(microseconds: 0)
        )
        record.phase = phase
        if executes {
            record.process = ProcessIdentity(bootID: "boot", pidNamespace: 1, pid: 7, startTicks: 1, pidfsInode: 0)
        }
        return record
    }

    private func reached(_ jobs: [JobRecord], isStartRequested: Bool = true) -> ReachedMilestones {
        ReachedMilestones(of: Self.spec, jobs: jobs, isStartRequested: isStartRequested)
    }

    @Test("A service has started when each of its programs executes or has succeeded")
    func started() {
        #expect(reached([job("seed", .succeeded), job("serve", .running, executes: true)]).hasStarted)
        #expect(!reached([job("seed", .succeeded), job("serve", .running)]).hasStarted)
        #expect(!reached([job("seed", .succeeded), job("serve", .retrying)]).hasStarted)
        #expect(!reached([job("seed", .failed), job("serve", .running, executes: true)]).hasStarted)
        #expect(!reached([]).hasStarted)
    }

    @Test("A service has ended when its one-shots have ended, with any exit code")
    func ended() {
        #expect(reached([job("seed", .failed), job("serve", .pending)]).hasEnded)
        #expect(reached([job("seed", .succeeded), job("serve", .retrying)]).hasEnded)
        #expect(!reached([job("seed", .retrying), job("serve", .pending)]).hasEnded)
        #expect(!reached([job("seed", .cancelled), job("serve", .cancelled)]).hasEnded)
    }

    @Test("A service that must stop has reached nothing")
    func stopped() {
        let jobs = [job("seed", .failed), job("serve", .running, executes: true)]
        #expect(reached(jobs, isStartRequested: false) == ReachedMilestones())
    }

    @Test("A service that is up has reached every milestone")
    func up() {
        for milestone in Requirement.Milestone.allCases {
            #expect(ReachedMilestones().includes(milestone, in: .running))
            #expect(!ReachedMilestones().includes(milestone, in: .failed))
        }
        #expect(ReachedMilestones(hasEnded: true).includes(.ended, in: .failed))
        #expect(ReachedMilestones(hasStarted: true).includes(.started, in: .starting))
    }
}

import HeroKernel
import HeroModel
import HeroSim
import HeroStore

/// Actions with `once` and with `when: stopped`, and essential services.
extension OutcomeChecker {
    /// The name of the action that runs after a stop in every scenario.
    private static let stoppedAction = "clean"

    /// An action with `once` is not started again after a recorded success, and an action with `when: stopped` runs once
    /// in each run, when nothing else of its service is alive.
    mutating func checkLaunch(_ start: StartID, _ label: String, _ machine: SimMachine, _ store: StateStore) throws {
        guard let job = try store.reader.job(start.job), let name = job.service else { return }
        let service = QualifiedName(name, context: job.context)
        if job.action == Self.stoppedAction {
            let prefix = "\(service)."
            if let alive = machine.trace.running.first(where: { $0.hasPrefix(prefix) && $0 != label }) {
                fail("\(label) was started while \(alive) was running")
            }
            let jobs = try store.reader.jobs(JobFilter(action: job.action, run: job.run)).filter { $0.service == name }
            if jobs.count > 1 { fail("\(label) has \(jobs.count) jobs in one run") }
        }
        guard let spec = try desired(at: job.revision, store).services[service]?.spec,
            let action = spec.onceActions.first(where: { $0.name == job.action })
        else { return }
        if case .succeeded(let record) = try store.reader.onceHistory().state(of: action, in: spec) {
            fail("\(label) \(start) was started, although its spec has succeeded in job \(record.job ?? 0)")
        }
    }

    /// Every recorded success is one of a program, and every wanted action with `once` has one.
    mutating func checkOnceHistory(_ scenario: Scenario, _ machine: SimMachine, _ store: StateStore) throws {
        let history = try store.reader.onceHistory()
        let succeeded = Set(machine.trace.executions.filter { $0.outcome == .exited(0) }.map(\.label))
        for record in history.records {
            let label = "\(record.subject.service).\(record.subject.action)"
            if record.outcome == .unknown { fail("it is unknown whether \(label) has run, and nothing was lost") }
            if !succeeded.contains(label) { fail("a success of \(label) is recorded, and it never succeeded") }
        }
        for summary in try store.reader.serviceRecords() where summary.state == .exited || summary.state == .running {
            let service = scenario.services.first { $0.name == summary.name.name }
            guard service?.isDeclared ?? false, service?.status == .start else { continue }
            for action in summary.spec.onceActions where history.state(of: action, in: summary.spec) == .due {
                fail("\(summary.name) is up, and no success of \(action.name) is recorded")
            }
        }
        for label in machine.trace.running where label.hasSuffix(".\(Self.stoppedAction)") {
            fail("\(label) runs in the settled state")
        }
    }

    /// When an essential service has given up, nothing is left running.
    mutating func checkEssentialServices(_ scenario: Scenario, _ machine: SimMachine, _ store: StateStore) throws {
        let states = Dictionary(try store.reader.serviceSummaries().map { ($0.name.name, $0.state) }) { $1 }
        for service in scenario.services where service.isDeclared && service.isEssential && service.status == .start {
            guard states[service.name] == .failed, let alive = machine.trace.running.first else { continue }
            fail("the essential service \(service.name) has failed, and \(alive) is running")
        }
    }
}

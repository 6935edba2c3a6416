import HeroLifecycle
import HeroModel

/// A service in memory: its record, its jobs, and the order it has not carried out yet.
final class ServiceEntry {
    /// What is still to be done with a service before it is as the plan wants it.
    enum Operation {
        /// Nothing: it is only kept as it is.
        case none
        /// Down, then nothing.
        case stop
        /// Down, then up with this spec.
        case restart(Declared<ServiceSpec>)
        /// Up with this spec.
        case start(Declared<ServiceSpec>)
    }

    let name: QualifiedName
    var record: ServiceRecord
    /// Its current or last run.
    var run: RunRecord?
    /// The jobs of its run, in the order of its actions.
    var jobs: [JobEntry] = []
    var operation = Operation.none
    /// Whether its stop has begun.
    var hasBegunStop = false
    /// Whether it goes down because of what it requires, and not for its own sake.
    var stopsAsDependent = false
    /// Its place in the stop waves of the plan; edges that run against the waves (a recorded cycle) are not waited for.
    var stopWave = 0
    var startWave = 0
    /// Jobs that were active and ordered down since the last apply.
    var cancelledJobs = 0

    init(_ record: ServiceRecord) {
        name = record.name
        self.record = record
    }

    /// Whether anything of it may run.
    var isActive: Bool { jobs.contains { !$0.lifecycle.isIdle } }

    /// Whether it must go down before anything else happens to it.
    var mustStop: Bool {
        switch operation {
        case .stop, .restart: true
        case .none, .start: false
        }
    }

    /// Whether its stop cannot be finished: something of it does not end, not even killed.
    var isStuck: Bool { hasBegunStop && mustStop && jobs.contains { $0.lifecycle.isStuck } }

    /// Whether it waits to be started.
    var mustStart: Bool {
        switch operation {
        case .start: true
        case .none, .stop, .restart: false
        }
    }

    /// Whether nobody declares it, nothing of it runs and nothing is to be done with it.
    func isRemovable(in desired: DesiredState) -> Bool {
        guard case .none = operation else { return false }
        return !isActive && desired.services[name] == nil
    }

    /// What it must go down before, as recorded when it was started.
    var recordedDependencies: [QualifiedName] { record.spec.requires + record.spec.after + record.spec.wants }
}

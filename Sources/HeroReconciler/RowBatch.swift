import HeroModel
import HeroStore

/// The rows of one turn, to be committed in one transaction.
///
/// A job or a service may move several times in a turn; only where it stands at the end is worth a row.
struct RowBatch {
    private(set) var changes: [StoreChange] = []
    /// Where the row of a job stands that a later one may replace.
    private var jobs: [JobID: Int] = [:]
    /// The same for the states of services.
    private var states: [QualifiedName: Int] = [:]

    var isEmpty: Bool { changes.isEmpty }

    mutating func append(_ change: StoreChange) {
        switch change {
        case .job(let record):
            if let index = jobs[record.id] {
                changes[index] = change
                return
            }
            jobs[record.id] = changes.count
        case .serviceState(let name, _, since: _, blockedBy: _, isOrderedUp: _):
            if let index = states[name] {
                changes[index] = change
                return
            }
            states[name] = changes.count
        case .jobsRemoved(let ids):
            for id in ids { jobs[id] = nil }
        case .service(let record):
            // A whole row carries a state too: a later state must come after it.
            states[record.name] = nil
        case .serviceRemoved(let name):
            states[name] = nil
        case .revision, .standalone, .standaloneRemoved, .run, .runsRemoved, .actionsRemoved, .start, .event:
            break
        }
        changes.append(change)
    }

    mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        jobs.removeAll(keepingCapacity: true)
        states.removeAll(keepingCapacity: true)
    }
}

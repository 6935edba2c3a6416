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
    /// How many events were given up for the sake of memory.
    private var dropped = 0

    /// How many events, and how many starts of one job, are kept while nothing can be stored: as many starts as the ledger keeps.
    static let maxEvents = 2000
    static let maxStarts = 20

    var isEmpty: Bool { changes.isEmpty }

    mutating func append(_ change: StoreChange) {
        switch change {
        case .job(let record):
            if let index = jobs[record.id] {
                changes[index] = change
                return
            }
            jobs[record.id] = changes.count
        case .serviceState(let name, _, since: _, blockedBy: _, isStartRequested: _):
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

    /// The ends of starts of a job that are not stored yet.
    func starts(of job: JobID) -> [StartRecord] {
        changes.compactMap { change in
            guard case .start(let start) = change, start.job == job else { return nil }
            return start
        }
    }

    /// Gives up the oldest of what only grows: a crash loop beside a full disk must not take all memory (reliability.md I10).
    mutating func compact() {
        guard changes.count > 2 * Self.maxEvents else { return }
        var events = 0
        var starts: [JobID: Int] = [:]
        var kept: [StoreChange] = []
        for change in changes.reversed() {
            switch change {
            case .event:
                events += 1
                guard events <= Self.maxEvents else {
                    dropped += 1
                    continue
                }
            case .start(let start):
                starts[start.job, default: 0] += 1
                guard starts[start.job, default: 0] <= Self.maxStarts else { continue }
            case .revision, .service, .serviceState, .serviceRemoved, .standalone, .standaloneRemoved, .run, .job,
                .jobsRemoved, .actionsRemoved, .runsRemoved:
                break
            }
            kept.append(change)
        }
        removeAll()
        for change in kept.reversed() { append(change) }
    }

    /// How many events were given up since this was asked last.
    mutating func takeDroppedCount() -> Int {
        defer { dropped = 0 }
        return dropped
    }

    mutating func removeAll() {
        changes.removeAll(keepingCapacity: true)
        jobs.removeAll(keepingCapacity: true)
        states.removeAll(keepingCapacity: true)
    }
}

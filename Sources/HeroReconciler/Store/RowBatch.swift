import HeroModel
import HeroStore

/// The rows of one turn, which are committed in one transaction.
///
/// A job or a service may change several times in a turn. Only its last state is stored.
struct RowBatch {
    private(set) var changes: [StoreChange] = []
    /// The index of the row of each job that a later row may replace.
    private var jobs: [JobID: Int] = [:]
    /// The same for the state of each service.
    private var states: [QualifiedName: Int] = [:]
    /// How many events were dropped to limit memory.
    private var dropped = 0

    /// How many events are kept at most during a store outage.
    static let maxEvents = 2000
    /// How many starts of one job are kept at most during a store outage: as many as the database keeps.
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
            // A complete row has a state too: a later state must come after it.
            states[record.name] = nil
        case .serviceRemoved(let name):
            states[name] = nil
        case .revision, .standalone, .standaloneRemoved, .run, .runsRemoved, .actionsRemoved, .start, .event, .once,
            .onceHistoryLost:
            break
        }
        changes.append(change)
    }

    /// The starts of a job that are not stored yet.
    func starts(of job: JobID) -> [StartRecord] {
        changes.compactMap { change in
            guard case .start(let start) = change, start.job == job else { return nil }
            return start
        }
    }

    /// Drops the oldest events and starts: a crash loop during a store outage must not use all memory
    /// (I10).
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
                .jobsRemoved, .actionsRemoved, .runsRemoved, .once, .onceHistoryLost:
                break
            }
            kept.append(change)
        }
        removeAll()
        for change in kept.reversed() { append(change) }
    }

    /// How many events were dropped since the last call.
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

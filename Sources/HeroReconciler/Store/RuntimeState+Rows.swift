import HeroLifecycle
import HeroModel
import HeroStore

extension RuntimeState {
    /// The rows of everything in memory: what a rebuilt database must hold.
    var allRows: [StoreChange] {
        var rows: [StoreChange] = []
        if let revision {
            rows.append(.revision(revision, files: files, documents: StoredDocument.documents(of: files, revision)))
        }
        for service in servicesByName {
            rows.append(.service(service.record))
            if let run = service.run { rows.append(.run(run)) }
        }
        for entry in standaloneByName where !entry.isRemoved { rows.append(.standalone(entry.record)) }
        rows += once.records.map(StoreChange.once)
        if once.isLost { rows.append(.onceHistoryLost(true)) }
        for job in jobs.values.sorted(by: { $0.id < $1.id }) { rows.append(.job(job.lifecycle.record)) }
        return rows
    }
}

extension StoreChange {
    /// Whether the change is an entry of the history, and not the current state of something.
    var isHistory: Bool {
        switch self {
        case .start, .event: true
        case .revision, .service, .serviceState, .serviceRemoved, .standalone, .standaloneRemoved, .run, .job,
            .jobsRemoved, .actionsRemoved, .runsRemoved, .once, .onceHistoryLost:
            false
        }
    }
}

import HeroLifecycle
import HeroModel
import HeroStore

/// Restores the history of actions with `once`.
///
/// The database and the file next to it are copies of each other. If both are lost while other state exists, it is unknown
/// which actions have succeeded, and those without a trace do not run.
struct OnceRecovery {
    let store: StateStore
    let state: RuntimeState
    let journal: TurnJournal
    let jobs: JobController
    /// The history in the file next to the database; nil when it is missing or not valid.
    private let file: OnceHistory?

    init(store: StateStore, state: RuntimeState, journal: TurnJournal, jobs: JobController) {
        self.store = store
        self.state = state
        self.journal = journal
        self.jobs = jobs
        file = store.onceFile
    }

    /// Takes the records of both copies; each gets what only the other has.
    func restore(_ stored: OnceHistory) {
        state.once = stored
        guard let file else { return }
        for record in file.records where state.once.insert(record) { journal.rows.append(.once(record)) }
        guard file.isLost, !state.once.isLost else { return }
        state.once.isLost = true
        journal.rows.append(.onceHistoryLost(true))
    }

    /// Records the successes of jobs that are known, and then what is unknown.
    ///
    /// - Parameters:
    ///   - isDatabaseLost: Whether the database was lost.
    ///   - hasManifests: Whether the manifests of the last revision are known.
    ///   - time: The time of the records.
    func complete(isDatabaseLost: Bool, hasManifests: @autoclosure () -> Bool, at time: WallTime) {
        for service in state.servicesByName {
            for job in service.jobs where job.lifecycle.phase == .finished(.succeeded) {
                jobs.recordOnceSuccess(of: job)
            }
        }
        if isDatabaseLost, file == nil {
            state.once.isLost = !hasManifests()
            if state.once.isLost { journal.rows.append(.onceHistoryLost(true)) }
            let known = state.services.values.map(\.record.spec) + state.declared.services.values.map(\.spec)
            state.recordUnknownOnce(known, at: time, in: journal)
        }
        store.refreshOnceFile(state.once)
    }
}

extension RuntimeState {
    /// Records of each action with `once` without a record that it is unknown whether it has succeeded.
    func recordUnknownOnce(_ services: [ServiceSpec], at time: WallTime, in journal: TurnJournal) {
        for record in once.unknownRecords(of: services, at: time) where once.insert(record) {
            journal.rows.append(.once(record))
            journal.recordEvent(
                .error,
                "\(record.subject.service).\(record.subject.action)",
                "it is unknown whether it has run, because its records were lost: it does not run; "
                    + "raise its `generation` to run it"
            )
        }
    }
}

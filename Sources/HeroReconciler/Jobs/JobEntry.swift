import HeroLifecycle
import HeroModel

/// A job in memory.
final class JobEntry {
    /// What has started the job, and decides on what follows when the job changes.
    enum Owner {
        /// A service: the job is a part of its run.
        case service(ServiceEntry)
        /// A standalone action.
        case standalone(StandaloneEntry)
    }

    let owner: Owner
    /// The name of its action.
    let action: String
    var lifecycle: JobLifecycle
    /// The reload that was requested last and has not succeeded; it is not requested again before the next plan.
    var failedReload: String?
    /// The spec of a standalone job: it keeps this spec even when its action is changed.
    var pinnedSpec: ActionSpec?

    init(_ lifecycle: JobLifecycle, of owner: Owner) {
        self.lifecycle = lifecycle
        self.owner = owner
        action = lifecycle.record.action
    }

    /// Its number.
    var id: JobID { lifecycle.record.id }

    /// Its name in events: `core/web.server`, `core/backup`.
    var subject: String {
        switch owner {
        case .service(let service): "\(service.name).\(action)"
        case .standalone(let entry): entry.name.description
        }
    }

    /// Its service; nil for a job of a standalone action.
    var service: ServiceEntry? {
        switch owner {
        case .service(let service): service
        case .standalone: nil
        }
    }

    /// The last start of its action in an earlier job; nil if none is known.
    var formerStart: PastStart? {
        switch owner {
        case .service(let service): service.formerStarts[action]
        case .standalone(let entry): entry.formerStart
        }
    }

    /// The action with which the job runs now.
    ///
    /// A service with status `ignore` is left alone: its jobs are not restarted, and not stopped because they are
    /// unhealthy, not ready or too slow.
    var spec: ActionSpec {
        let entry: ServiceEntry
        switch owner {
        case .standalone(let standalone): return pinnedSpec ?? standalone.record.spec
        case .service(let service): entry = service
        }
        guard var action = entry.action(action) else {
            // Only a damaged record has a spec without the action; this spec does nothing.
            return ActionSpec(action, .exec(["false"]))
        }
        if entry.isIgnored {
            action.restart = .never
            action.ready = nil
            action.health = nil
            action.startTimeout = AllowedRanges.time.upperBound
            action.timeout = nil
        }
        return action
    }

    /// Whether the job still wants this start to be made.
    func isLaunching(_ generation: UInt32) -> Bool {
        guard case .launching = lifecycle.phase else { return false }
        return generation == lifecycle.record.generation
    }
}

import HeroLifecycle
import HeroModel

/// A job in memory.
final class JobEntry {
    /// Who started it, and goes on when it has moved.
    enum Owner {
        /// A service, as a part of its run.
        case service(ServiceEntry)
        /// An action outside of services.
        case standalone(StandaloneEntry)
    }

    let owner: Owner
    /// The name of its action.
    let action: String
    var lifecycle: JobLifecycle
    /// What a standalone job runs: it goes on with this when its action has been changed meanwhile.
    var pinnedSpec: ActionSpec?

    init(_ life: JobLifecycle, of owner: Owner) {
        self.lifecycle = life
        self.owner = owner
        action = life.record.action
    }

    /// Its number.
    var id: JobID { lifecycle.record.id }

    /// As events name it: `core/web.server`, `core/backup`.
    var subject: String {
        switch owner {
        case .service(let service): "\(service.name).\(action)"
        case .standalone(let entry): entry.name.description
        }
    }

    /// The service it is a part of.
    var service: ServiceEntry? {
        switch owner {
        case .service(let service): service
        case .standalone: nil
        }
    }
}

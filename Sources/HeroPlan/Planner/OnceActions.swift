import HeroModel

/// The actions with `once` of a service that would not run if it started.
struct OnceActions {
    /// Those that have succeeded, with their records.
    private(set) var succeeded: [OnceRecord] = []
    /// Those that are not run because the plan goes back to an earlier revision.
    private(set) var skipped: [String] = []
    /// One of which it is unknown whether it has run, so that the service cannot start; nil if there is none.
    private(set) var unknown: String?

    init(_ spec: ServiceSpec?, _ history: OnceHistory, _ options: PlanOptions) {
        guard let spec else { return }
        for action in spec.onceActions {
            switch history.state(of: action, in: spec) {
            case .succeeded(let record): succeeded.append(record)
            case .due: if options.goesBack { skipped.append(action.name) }
            case .unknown where options.goesBack: skipped.append(action.name)
            case .unknown: unknown = unknown ?? action.name
            }
        }
    }

    /// What has run already, as a clause with a semicolon before it; empty if there is nothing.
    var text: String {
        succeeded.map { "; \($0.subject.action) ran once at \($0.time.textToSecond) and does not run again" }.joined()
    }
}

extension PlanBuilder {
    /// Whether a service cannot start because it is unknown whether one of its actions with `once` has run.
    func isOnceUnknown(_ number: Int) -> Bool { services[number].onceActions.unknown != nil }

    /// A warning for each action that a start of the service does not run because the plan goes back.
    func skippedOnceWarnings(_ number: Int) -> [Diagnostic] {
        let service = services[number]
        return service.onceActions.skipped.map { action in
            Diagnostic(
                .warning,
                code: "once-not-run",
                "\(service.name).\(action) has `once`, and is not run when going back to an earlier revision",
                help: "apply the manifests of the services directory to run it",
                at: service.declared?.location(of: "actions.\(action).once")
            )
        }
    }

    /// Why such a service is blocked; nil if it is no such service.
    func onceReason(_ number: Int) -> Reason? {
        let service = services[number]
        guard let action = service.onceActions.unknown else { return nil }
        let location = service.declared?.location(of: "actions.\(action).once")
        return Reason(
            .onceUnknown,
            "it is unknown whether \(action), which has `once`\(Self.locationSuffix(location)), has run; "
                + "raise its `generation` to run it",
            at: location
        )
    }
}

public import HeroModel
public import HeroPlan

/// What an `apply`, a `reconcile` or a `down` has come to.
public struct ApplyReport: Hashable, Sendable {
    /// What became of one service of the plan.
    public struct Service: Hashable, Sendable {
        /// The service.
        public var name: QualifiedName
        /// Where it stands now.
        public var state: ServiceState
        /// Jobs of it that were ended.
        public var cancelled: Int
        /// Services that went down with it, most dependent first.
        public var stoppedDependents: [QualifiedName]
        /// Why it is not where it should be, in words.
        public var detail: String?

        /// Makes an entry.
        public init(
            name: QualifiedName,
            state: ServiceState,
            cancelled: Int = 0,
            stoppedDependents: [QualifiedName] = [],
            detail: String? = nil
        ) {
            self.name = name
            self.state = state
            self.cancelled = cancelled
            self.stoppedDependents = stoppedDependents
            self.detail = detail
        }
    }

    /// The recorded revision; nil when nothing was recorded.
    public var revision: RevisionNumber?
    /// Whether all is as declared.
    public var isConverged: Bool
    /// What was planned; nil when it did not come to a plan.
    public var plan: Plan?
    /// What became of the services that changed.
    public var services: [Service]
    /// What went wrong, in words.
    public var errors: [String]
    /// How long it took.
    public var elapsed: Duration

    /// Makes a report.
    public init(
        revision: RevisionNumber?,
        isConverged: Bool,
        plan: Plan?,
        services: [Service] = [],
        errors: [String] = [],
        elapsed: Duration = .zero
    ) {
        self.revision = revision
        self.isConverged = isConverged
        self.plan = plan
        self.services = services
        self.errors = errors
        self.elapsed = elapsed
    }
}

/// What an `apply` has come to, for people and tools.
public struct ApplyView: Sendable {
    /// What the place it goes to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// What is not as it should be, and one line for the whole.
    ///
    /// A `down` does not make all as declared, but as ordered.
    public func text(_ report: ApplyReport, isDown: Bool = false) -> String {
        var result = ""
        for service in report.services {
            guard let detail = service.detail else { continue }
            result += "\(service.name.description.printable): "
            result += style.paint(service.state.rawValue, service.state.textStyle) + ": \(detail.printable)\n"
        }
        for error in report.errors { result += style.paint("error:", .red) + " \(error.printable)\n" }
        return result + summary(report, isDown) + "\n"
    }

    private func summary(_ report: ApplyReport, _ isDown: Bool) -> String {
        guard let revision = report.revision else {
            return report.isConverged ? "Nothing to do." : style.paint("Refused: nothing was changed.", .red)
        }
        let took = report.elapsed > .zero ? " in \(report.elapsed.shortText)" : ""
        // A narrowed plan leaves differences elsewhere.
        let isNarrowed = report.plan?.only.isEmpty == false || report.plan?.undeclaredKept ?? 0 > 0
        let wish = isDown ? "as ordered" : (isNarrowed ? "as planned" : "as declared")
        guard report.isConverged else {
            return style.paint("Revision \(revision) is applied, but not all is \(wish)", .yellow)
                + (took.isEmpty ? "." : " after \(report.elapsed.shortText).")
                + " `heroproc status` says what is missing, `heroproc why NAME` why."
        }
        return style.paint("Revision \(revision) is applied: all is \(wish)", .green) + "\(took)."
    }

    /// `heroproc/apply/v1`.
    public static func json(_ report: ApplyReport) -> JSONValue {
        [
            "schema": "heroproc/apply/v1",
            "revision": JSONValue(report.revision),
            "converged": .bool(report.isConverged),
            "plan": report.plan.map(PlanView.json) ?? .null,
            "services": .array(report.services.map(json)),
            "errors": .array(report.errors.map(JSONValue.string)),
        ]
    }

    private static func json(_ service: ApplyReport.Service) -> JSONValue {
        [
            "context": .string(service.name.context),
            "name": .string(service.name.name),
            "state": .string(service.state.rawValue),
            "cancelled": JSONValue(service.cancelled),
            "stopped_dependents": .array(service.stoppedDependents.map { .string($0.description) }),
        ]
    }
}

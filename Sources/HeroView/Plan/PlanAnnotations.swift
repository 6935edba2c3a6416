import HeroModel
public import HeroPlan

/// A plan as annotations of a GitHub workflow: one command per line, which marks the line of the manifest.
///
/// GitHub shows at most ten annotations of a kind for each step, so stops come first.
public struct PlanAnnotations: Sendable {
    private let paths: ArtifactPath

    /// Creates a view; file names are relative to this absolute directory.
    public init(base: String?) {
        paths = ArtifactPath(base: base)
    }

    /// One line for each diagnostic and each change except keeps, and the summary as an ordinary last line.
    public func text(_ plan: Plan) -> String {
        var result = DiagnosticView.github(plan.diagnostics, base: paths.base)
        let order: [PlanAction] = [.stop, .restart, .blocked, .start, .reload, .update]
        for action in order {
            for change in plan.changes where change.actionNow == action { result += annotation(change) }
        }
        for change in plan.deferredChanges { result += annotation(change) }
        return result + PlanView().summary(plan) + "\n"
    }

    private func annotation(_ change: Change) -> String {
        let level =
            switch change.actionNow {
            case .stop, .restart, .blocked: "warning"
            case .keep, .start, .update, .reload: "notice"
            }
        let verb =
            switch change.action {
            case .blocked: "is blocked"
            case .keep: "stays"
            case .start, .stop, .restart, .update, .reload:
                (change.deferred == nil ? "will " : "has a deferred ") + change.action.rawValue
            }
        var properties: [(key: String, value: String)] = []
        if let location = change.reason.location ?? change.fields.lazy.compactMap(\.location).first {
            properties = [
                ("file", paths.relative(location.file)), ("line", String(location.line)),
                ("col", String(location.column)),
            ]
        }
        properties.append(("title", "\(change.service) \(verb)"))
        let fields = change.fields.prefix(10).map { field in
            let values = FieldText(field)
            return "\(field.path): \(values.before) -> \(values.after) (\(field.cost))"
        }
        let deferral = change.deferred.map { "\($0.text); " } ?? ""
        let reason = (deferral + change.reason.text).split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init
        )
        return WorkflowCommand.annotation(level, properties, reason + fields)
    }
}

import HeroModel
public import HeroPlan

/// A plan as annotations of a GitHub workflow: one command a line, which marks the line of the manifest.
///
/// GitHub shows at most ten of a kind for each step, so what goes down comes first.
public struct PlanAnnotations: Sendable {
    private let paths: ArtifactPath

    /// Makes a view; file names are relative to a folder, which is absolute.
    public init(base: String?) {
        paths = ArtifactPath(base: base)
    }

    /// One line for each diagnostic and each change but the kept ones, and the summary as an ordinary last line.
    public func text(_ plan: Plan) -> String {
        var result = DiagnosticView.github(plan.diagnostics, base: paths.base)
        let order: [PlanAction] = [.stop, .restart, .blocked, .start, .update]
        for action in order {
            for change in plan.changes where change.action == action { result += line(change) }
        }
        return result + PlanView().summary(plan) + "\n"
    }

    private func line(_ change: Change) -> String {
        let level: WorkflowCommand.Level =
            switch change.action {
            case .stop, .restart, .blocked: .warning
            case .keep, .start, .update: .notice
            }
        let verb =
            switch change.action {
            case .blocked: "is blocked"
            case .keep: "stays"
            case .start, .stop, .restart, .update: "will \(change.action.rawValue)"
            }
        let fields = change.fields.prefix(10).map { field in
            let values = FieldText(field)
            return "\n\(field.path): \(values.before) -> \(values.after) (\(field.cost))"
        }
        let place = change.reason.place ?? change.fields.lazy.compactMap(\.place).first
        return WorkflowCommand.line(
            level,
            "\(change.service) \(verb)",
            change.reason.text + fields.joined(),
            at: place.map { ManifestLocation(file: paths.relative($0.file), line: $0.line, column: $0.column) }
        )
    }
}

/// A command to the runner of a GitHub workflow.
enum WorkflowCommand {
    /// How an annotation is shown.
    enum Level: String {
        case notice
        case warning
        case error
    }

    /// One annotation on one line; nothing in its texts can be a command of its own.
    static func line(_ level: Level, _ title: String, _ message: String, at place: ManifestLocation?) -> String {
        var properties: [String] = []
        if let place {
            properties = ["file=\(property(place.file))", "line=\(place.line)", "col=\(place.column)"]
        }
        properties.append("title=\(property(title))")
        // The lines of a message are ours; what stands in them is printable.
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { data(String($0).printable) }
        return "::\(level.rawValue) \(properties.joined(separator: ","))::\(lines.joined(separator: "%0A"))\n"
    }

    private static func data(_ text: String) -> String { text.replacing("%", with: "%25") }

    private static func property(_ text: String) -> String {
        data(text.printable).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}

public import HeroModel
public import HeroPlan

/// A plan for a comment on a pull request: a table of the changes, with collapsed fields and waves.
public struct PlanMarkdown: Sendable {
    /// GitHub allows 65,536 characters in a comment; the caller may add some.
    private static let maximumLength = 60_000

    /// The base of the comparison: `git:origin/main`.
    public var against: String
    /// Whether kept services are listed too.
    public var isVerbose: Bool

    /// Creates a view.
    public init(against: String, isVerbose: Bool = false) {
        self.against = against
        self.isVerbose = isVerbose
    }

    /// The whole comment; lines that do not fit are counted.
    public func text(_ plan: Plan) -> String {
        let summary = PlanView().summary(plan).trimmingPrefix("Plan: ")
        // The marker lets a workflow find its previous comment.
        var result = "<!-- heroproc plan -->\n### heroproc: \(Markdown.escapedText(String(summary)))\n\n"
        result += "Compared with \(Markdown.code(against)).\n"
        result += alerts(plan.diagnostics)
        let listed = plan.changes.filter { isVerbose || $0.action != .keep }
        if !listed.isEmpty {
            result += "\n" + Markdown.tableHeader(["", "service", "action", "why"])
            result += linesThatFit(listed.map(row), used: result.utf8.count)
        }
        result += collapsible("Processes that are stopped to free resources", plan.reclaims.map(reclaim), after: result)
        result += collapsible("Fields", plan.changes.flatMap(fields), head: Self.fieldTitles, after: result)
        result += collapsible("Waves", waves("stop", plan.stopWaves) + waves("start", plan.startWaves), after: result)
        result += collapsible("Drift: not caused by a change of the files", plan.drift.map(drift), after: result)
        return result
    }

    /// The comment if the manifests have errors and there is no plan.
    public func text(invalid diagnostics: [Diagnostic]) -> String {
        let count = DiagnosticView().summary(diagnostics)
        return "<!-- heroproc plan -->\n### heroproc: \(Markdown.escapedText(count))\n" + alerts(diagnostics)
    }

    // MARK: Parts

    private static let fieldTitles = ["service", "field", "before", "after", "cost", "at"]

    private func row(_ change: Change) -> String {
        var why = Markdown.escapedText(change.reason.text)
        if let cause = change.cause, !change.reason.text.contains(cause.description) {
            why += " (because of \(Markdown.code(cause.description)))"
        }
        if let deferral = change.deferred { why = "\(Markdown.escapedText(deferral.text)); \(why)" }
        if let location = change.reason.location?.fileAndLine, !change.reason.text.contains(location) {
            why += " (\(Markdown.code(location)))"
        }
        return Markdown.tableRow([
            Markdown.code(change.symbol), Markdown.code(change.service.description), change.action.rawValue,
            why,
        ])
    }

    private func fields(_ change: Change) -> [String] {
        change.fields.map { field in
            let values = FieldText(field)
            return Markdown.tableRow([
                Markdown.code(change.service.description), Markdown.code(field.path), Markdown.code(values.before),
                Markdown.code(values.after), field.cost.description,
                field.location.map { Markdown.code($0.fileAndLine) } ?? "",
            ])
        }
    }

    private func waves(_ verb: String, _ waves: [[QualifiedName]]) -> [String] {
        waves.enumerated().map { index, wave in
            let names = wave.prefix(40).map { Markdown.code($0.description) }.joined(separator: " ")
            let rest = wave.count > 40 ? " and \(wave.count - 40) more" : ""
            return "- \(verb) \(index + 1): \(names)\(rest)\n"
        }
    }

    private func reclaim(_ reclaim: Reclaim) -> String {
        "- \(Markdown.code(reclaim.service.description)) \(Markdown.escapedText(reclaim.text))\n"
    }

    private func drift(_ drift: Drift) -> String {
        "- \(Markdown.code("\(drift.service).\(drift.action)")) \(Markdown.escapedText(drift.text))\n"
    }

    /// Errors and warnings as GitHub alerts.
    private func alerts(_ diagnostics: [Diagnostic]) -> String {
        alert("CAUTION", diagnostics.filter { $0.severity == .error })
            + alert("WARNING", diagnostics.filter { $0.severity == .warning })
    }

    private func alert(_ kind: String, _ diagnostics: [Diagnostic]) -> String {
        guard !diagnostics.isEmpty else { return "" }
        let limit = 50
        var lines = diagnostics.prefix(limit).map { diagnostic in
            let location = diagnostic.location.map { Markdown.code($0.description) + " " } ?? ""
            let help = diagnostic.help.map { "<br>*" + Markdown.escapedText($0) + "*" } ?? ""
            return "> - \(location)\(Markdown.escapedText(diagnostic.message))\(help)\n"
        }
        if diagnostics.count > limit { lines.append("> - ... and \(diagnostics.count - limit) more\n") }
        return "\n> [!\(kind)]\n" + lines.joined()
    }

    // MARK: Length

    private func collapsible(_ title: String, _ lines: [String], head: [String] = [], after text: String) -> String {
        guard !lines.isEmpty else { return "" }
        let table = head.isEmpty ? "" : Markdown.tableHeader(head)
        let body = linesThatFit(lines, used: text.utf8.count + 200)
        return Markdown.collapsible("\(title) (\(lines.count))", table + body)
    }

    /// As many lines as fit, and the number of omitted lines.
    private func linesThatFit(_ lines: [String], used: Int) -> String {
        var result = ""
        for (index, line) in lines.enumerated() {
            guard used + result.utf8.count + line.utf8.count < Self.maximumLength else {
                return result + "\n... and \(lines.count - index) more; `heroproc diff` shows all of them.\n"
            }
            result += line
        }
        return result
    }
}

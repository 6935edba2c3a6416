public import HeroModel
public import HeroPlan

/// A plan for a comment on a pull request: a table of the changes, and folded below it the fields and the waves.
public struct PlanMarkdown: Sendable {
    /// GitHub takes 65,536 characters in a comment; a later addition of the caller has room, too.
    private static let maximumLength = 60_000

    /// What the plan compares with, in words: `git:origin/main`.
    public var against: String
    /// Whether kept services are listed too.
    public var isVerbose: Bool

    /// Makes a view.
    public init(against: String, isVerbose: Bool = false) {
        self.against = against
        self.isVerbose = isVerbose
    }

    /// The whole comment; what does not fit is counted.
    public func text(_ plan: Plan) -> String {
        let summary = PlanView().summary(plan).trimmingPrefix("Plan: ")
        // The mark lets a workflow find its former comment.
        var result = "<!-- heroproc plan -->\n### heroproc: \(Markdown.escapedText(String(summary)))\n\n"
        result += "Compared with \(Markdown.code(against)).\n"
        result += alerts(plan.diagnostics)
        let listed = plan.changes.filter { isVerbose || $0.action != .keep }
        if !listed.isEmpty {
            result += "\n" + Markdown.tableHeader(["", "service", "action", "why"])
            result += linesThatFit(listed.map(row), used: result.utf8.count)
        }
        result += collapsible("Processes that are stopped to make room", plan.reclaims.map(reclaim), after: result)
        result += collapsible("Fields", plan.changes.flatMap(fields), head: Self.fieldTitles, after: result)
        result += collapsible("Waves", waves("stop", plan.stopWaves) + waves("start", plan.startWaves), after: result)
        result += collapsible("Drift: not from a change of the files", plan.drift.map(drift), after: result)
        return result
    }

    /// What is said instead of a plan when the manifests have mistakes.
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
        if let place = change.reason.place?.fileAndLine, !change.reason.text.contains(place) {
            why += " (\(Markdown.code(place)))"
        }
        return Markdown.tableRow([
            Markdown.code(change.action.symbol), Markdown.code(change.service.description), change.action.rawValue,
            why,
        ])
    }

    private func fields(_ change: Change) -> [String] {
        change.fields.map { field in
            let values = FieldText(field)
            return Markdown.tableRow([
                Markdown.code(change.service.description), Markdown.code(field.path), Markdown.code(values.before),
                Markdown.code(values.after), field.cost.description,
                field.place.map { Markdown.code($0.fileAndLine) } ?? "",
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

    /// Errors and warnings as GitHub sets them off.
    private func alerts(_ diagnostics: [Diagnostic]) -> String {
        alert("CAUTION", diagnostics.filter { $0.severity == .error })
            + alert("WARNING", diagnostics.filter { $0.severity == .warning })
    }

    private func alert(_ kind: String, _ diagnostics: [Diagnostic]) -> String {
        guard !diagnostics.isEmpty else { return "" }
        let limit = 50
        var lines = diagnostics.prefix(limit).map { diagnostic in
            let place = diagnostic.location.map { Markdown.code($0.description) + " " } ?? ""
            let help = diagnostic.help.map { "<br>*" + Markdown.escapedText($0) + "*" } ?? ""
            return "> - \(place)\(Markdown.escapedText(diagnostic.message))\(help)\n"
        }
        if diagnostics.count > limit { lines.append("> - ... and \(diagnostics.count - limit) more\n") }
        return "\n> [!\(kind)]\n" + lines.joined()
    }

    // MARK: Room

    private func collapsible(_ title: String, _ lines: [String], head: [String] = [], after text: String) -> String {
        guard !lines.isEmpty else { return "" }
        let table = head.isEmpty ? "" : Markdown.tableHeader(head)
        let body = linesThatFit(lines, used: text.utf8.count + 200)
        return Markdown.collapsible("\(title) (\(lines.count))", table + body)
    }

    /// As many lines as there is room for, and how many are left out.
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

public import HeroModel
public import HeroPlan

/// A plan for a comment on a pull request: a table of the changes, and folded below it the fields and the waves.
public struct PlanMarkdown: Sendable {
    /// GitHub takes 65,536 characters in a comment; a later addition of the caller has room, too.
    private static let longest = 60_000

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
        var result = "<!-- heroproc plan -->\n### heroproc: \(Markdown.words(String(summary)))\n\n"
        result += "Compared with \(Markdown.code(against)).\n"
        result += alerts(plan.diagnostics)
        let listed = plan.changes.filter { isVerbose || $0.action != .keep }
        if !listed.isEmpty {
            result += "\n" + Markdown.head(["", "service", "action", "why"])
            result += fitting(listed.map(row), used: result.utf8.count)
        }
        result += folded("Processes that are stopped to make room", plan.reclaims.map(reclaim), after: result)
        result += folded("Fields", plan.changes.flatMap(fields), head: Self.fieldTitles, after: result)
        result += folded("Waves", waves("stop", plan.stopWaves) + waves("start", plan.startWaves), after: result)
        result += folded("Drift: not from a change of the files", plan.drift.map(drift), after: result)
        return result
    }

    /// What is said instead of a plan when the manifests have mistakes.
    public func text(mistaken diagnostics: [Diagnostic]) -> String {
        let count = DiagnosticView().summary(diagnostics)
        return "<!-- heroproc plan -->\n### heroproc: \(Markdown.words(count))\n" + alerts(diagnostics)
    }

    // MARK: Parts

    private static let fieldTitles = ["service", "field", "before", "after", "cost", "at"]

    private func row(_ change: Change) -> String {
        var why = Markdown.words(change.reason.text)
        if let cause = change.cause, !change.reason.text.contains(cause.description) {
            why += " (because of \(Markdown.code(cause.description)))"
        }
        if let place = change.reason.place?.fileAndLine, !change.reason.text.contains(place) {
            why += " (\(Markdown.code(place)))"
        }
        return Markdown.row([
            Markdown.code(change.action.symbol), Markdown.code(change.service.description), change.action.rawValue,
            why,
        ])
    }

    private func fields(_ change: Change) -> [String] {
        change.fields.map { field in
            let values = FieldText(field)
            return Markdown.row([
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
        "- \(Markdown.code(reclaim.service.description)) \(Markdown.words(reclaim.text))\n"
    }

    private func drift(_ drift: Drift) -> String {
        "- \(Markdown.code("\(drift.service).\(drift.action)")) \(Markdown.words(drift.text))\n"
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
            let help = diagnostic.help.map { "<br>*" + Markdown.words($0) + "*" } ?? ""
            return "> - \(place)\(Markdown.words(diagnostic.message))\(help)\n"
        }
        if diagnostics.count > limit { lines.append("> - ... and \(diagnostics.count - limit) more\n") }
        return "\n> [!\(kind)]\n" + lines.joined()
    }

    // MARK: Room

    private func folded(_ title: String, _ lines: [String], head: [String] = [], after text: String) -> String {
        guard !lines.isEmpty else { return "" }
        let table = head.isEmpty ? "" : Markdown.head(head)
        let body = fitting(lines, used: text.utf8.count + 200)
        return Markdown.folded("\(title) (\(lines.count))", table + body)
    }

    /// As many lines as there is room for, and how many are left out.
    private func fitting(_ lines: [String], used: Int) -> String {
        var result = ""
        for (index, line) in lines.enumerated() {
            guard used + result.utf8.count + line.utf8.count < Self.longest else {
                return result + "\n... and \(lines.count - index) more; `heroproc diff` shows all of them.\n"
            }
            result += line
        }
        return result
    }
}

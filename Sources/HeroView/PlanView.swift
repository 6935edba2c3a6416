import HeroModel
public import HeroPlan

/// A plan for the person who signs it: what changes, why, in which waves (contract section 5).
public struct PlanView: Sendable {
    /// What the place it goes to can show.
    public var style: Style
    /// Whether nothing is left out: kept services, every field, every name of a wave.
    public var isVerbose: Bool

    /// Fields of one change that are shown before the rest is counted.
    private static let fieldLimit = 12
    /// Names of one wave that are shown before the rest is counted.
    private static let nameLimit = 40

    /// Makes a view.
    public init(_ style: Style = .plain, isVerbose: Bool = false) {
        self.style = style
        self.isVerbose = isVerbose
    }

    /// The whole plan: changes, waves, drift, diagnostics, and the summary as the last line.
    public func text(_ plan: Plan) -> String {
        let parts = [
            changes(plan), waves(plan), drift(plan.drift),
            plan.diagnostics.map { DiagnosticView(style).text($0) }.joined(),
        ]
        return parts.filter { !$0.isEmpty }.map { $0 + "\n" }.joined() + summary(plan) + "\n"
    }

    /// The last line of a plan, without its line feed.
    ///
    /// `Plan: 1 to start, 2 to restart; 997 unchanged.` or `Nothing to do: 5 services are as declared.`
    public func summary(_ plan: Plan) -> String {
        let kept = plan.count(.keep)
        let blocked = plan.count(.blocked)
        let isAre = blocked == 1 ? "is" : "are"
        guard !plan.isEmpty else {
            var text = "Nothing to do: "
            switch kept {
            case 0: text += blocked == 0 ? "there are no services" : "no service can change"
            case 1: text += "1 service is as declared"
            default: text += "\(kept) services are as declared"
            }
            return text + (blocked == 0 ? "." : "; " + style.paint("\(blocked) \(isAre) blocked", .magenta) + ".")
        }
        let order: [(PlanAction, String)] = [
            (.start, "start"), (.stop, "stop"), (.restart, "restart"), (.update, "update"),
        ]
        let wanted = order.compactMap { action, verb in
            let number = plan.count(action)
            return number == 0 ? nil : style.paint("\(number) to \(verb)", action.ink)
        }
        var text = "Plan: " + wanted.joined(separator: ", ")
        if blocked > 0 { text += "; " + style.paint("\(blocked) blocked", .magenta) }
        if kept > 0 { text += "; \(kept) unchanged" }
        return text + "."
    }

    // MARK: Changes

    private func changes(_ plan: Plan) -> String {
        let shown = plan.changes.filter { isVerbose || $0.action != .keep }
        let nameWidth = min(40, shown.map { $0.service.description.printable.columns }.max() ?? 0)
        let verbWidth = shown.map(\.action.rawValue.utf8.count).max() ?? 0
        return shown.map { line($0, nameWidth, verbWidth) + fields($0) }.joined()
    }

    private func line(_ change: Change, _ nameWidth: Int, _ verbWidth: Int) -> String {
        let name = change.service.description.printable.padded(to: nameWidth)
        let verb = change.action.rawValue.padded(to: verbWidth)
        let ink = change.action.ink
        return "  \(style.paint(change.action.symbol, ink)) \(name)  \(style.paint(verb, ink))  \(why(change))\n"
    }

    /// The reason in words, with the place, the cause and what is waited for, as far as the words do not say them.
    private func why(_ change: Change) -> String {
        var text =
            change.saysItByFields
            ? counted(change.fields.count, "field changed", "fields changed") : change.reason.text.printable
        if let cause = change.cause?.description.printable, !text.mentions(cause) {
            text += " (because of \(cause))"
        }
        let missing = change.blockedBy.map(\.description.printable).filter { !text.mentions($0) }
        if !missing.isEmpty { text += "; waits for \(missing.joined(separator: ", "))" }
        if !change.saysItByFields, let place = change.reason.place?.fileAndLine.printable, !text.mentions(place) {
            text += style.paint("  \(place)", .dim)
        }
        return text
    }

    private func fields(_ change: Change) -> String {
        let shown = isVerbose ? change.fields[...] : change.fields.prefix(Self.fieldLimit)
        var result = ""
        for field in shown {
            let values = FieldText(field)
            result += "      \(field.path.printable): \(values.before) -> \(values.after)"
            result += "   \(field.cost)"
            if let place = field.place { result += style.paint("   \(place.fileAndLine.printable)", .dim) }
            result += "\n"
        }
        let rest = change.fields.count - shown.count
        if rest > 0 { result += "      ... and \(counted(rest, "more field", "more fields")) (-v shows all)\n" }
        return result
    }

    // MARK: Waves and drift

    private func waves(_ plan: Plan) -> String {
        waves("stop", plan.stopWaves) + waves("start", plan.startWaves)
    }

    private func waves(_ title: String, _ waves: [[QualifiedName]]) -> String {
        let numberWidth = String(waves.count).utf8.count
        var result = ""
        for (index, wave) in waves.enumerated() {
            let label = (index == 0 ? title : "").padded(to: 5) + "  "
            let number = String(index + 1).leftPadded(to: numberWidth) + ": "
            let indent = label.utf8.count + number.utf8.count
            let lines = wrapped(names(wave), indent: indent)
            result += label + number + lines + "\n"
        }
        return result
    }

    private func names(_ wave: [QualifiedName]) -> [String] {
        let shown = isVerbose ? wave[...] : wave.prefix(Self.nameLimit)
        var names = shown.map(\.description.printable)
        if wave.count > shown.count { names.append("... and \(wave.count - shown.count) more (-v shows all)") }
        return names
    }

    /// Words with a blank between, further lines indented; no line is longer than the style says if words allow.
    private func wrapped(_ words: [String], indent: Int) -> String {
        var result = ""
        var used = indent
        for word in words {
            let width = word.columns
            if used > indent, used + 1 + width > style.wrapWidth {
                result += "\n" + String(repeating: " ", count: indent)
                used = indent
            } else if used > indent {
                result += " "
                used += 1
            }
            result += word
            used += width
        }
        return result
    }

    private func drift(_ drift: [Drift]) -> String {
        guard !drift.isEmpty else { return "" }
        let names = drift.map { "\($0.service).\($0.action)".printable }
        let width = min(48, names.map(\.columns).max() ?? 0)
        var result = "Drift (not from a change of the files):\n"
        for (name, each) in zip(names, drift) {
            result += "  \(style.paint(name.padded(to: width), .yellow))  \(each.text.printable)\n"
        }
        return result
    }
}

extension String {
    /// Whether a name or a place stands in the text as a whole: `core/web` does not in `core/web2`.
    fileprivate func mentions(_ name: String) -> Bool {
        ranges(of: name).contains { range in
            guard range.upperBound < endIndex else { return true }
            let next = self[range.upperBound]
            return !(next.isLetter || next.isNumber || next == "-" || next == "_")
        }
    }
}

extension PlanAction {
    /// The ink of its symbol and its count.
    var ink: Ink {
        switch self {
        case .keep: .dim
        case .start: .green
        case .stop: .red
        case .restart: .yellow
        case .update: .cyan
        case .blocked: .magenta
        }
    }
}

extension Change {
    /// Whether the lines of its fields, with both values and the place, say all that its reason says.
    fileprivate var saysItByFields: Bool {
        switch reason.code {
        case .specChanged, .generationRaised: !fields.isEmpty
        case .declared, .wantedStart, .wantedStop, .undeclared, .cascade, .conflict, .notRunning, .unhealthy,
            .unchanged, .ignored, .requirementDown:
            false
        }
    }
}

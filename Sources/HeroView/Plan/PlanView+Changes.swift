import HeroModel
import HeroPlan

extension PlanView {
    /// Fields of one change that are shown before the rest is counted.
    private static let fieldLimit = 12

    /// One line for each change, and one below it for each field that differs.
    func changes(_ plan: Plan) -> String {
        let shown = plan.changes.filter { isVerbose || $0.action != .keep }
        let nameWidth = min(40, shown.map { name($0).columns }.max() ?? 0)
        let verbWidth = shown.map(\.action.rawValue.utf8.count).max() ?? 0
        return shown.map { line($0, nameWidth, verbWidth) + fields($0) }.joined()
    }

    private func name(_ change: Change) -> String {
        change.service.description.printable + (change.isStandalone ? " (action)" : "")
    }

    private func line(_ change: Change, _ nameWidth: Int, _ verbWidth: Int) -> String {
        let name = name(change).padded(to: nameWidth)
        let verb = change.action.rawValue.padded(to: verbWidth)
        let ink = change.action.textStyle
        let why = wrappedOnTerminal(reasonWords(change), indent: 8 + name.columns + verb.columns)
        return "  \(style.paint(change.action.symbol, ink)) \(name)  \(style.paint(verb, ink))  \(why)\n"
    }

    /// The reason in words, with the place, the cause and what is waited for, as far as the words do not say them.
    private func reasonWords(_ change: Change) -> [StyledWord] {
        var text =
            change.isExplainedByFields
            ? counted(change.fields.count, "field changed", "fields changed") : change.reason.text.printable
        if let cause = change.cause?.description.printable, !text.containsName(cause) {
            text += " (because of \(cause))"
        }
        let missing = change.blockedBy.map(\.description.printable).filter { !text.containsName($0) }
        if !missing.isEmpty { text += "; waits for \(missing.joined(separator: ", "))" }
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map { StyledWord(String($0)) }
        if !change.isExplainedByFields, let place = change.reason.place?.fileAndLine.printable,
            !text.containsName(place)
        {
            words.append(StyledWord("(\(place))", .dim))
        }
        return words
    }

    private func fields(_ change: Change) -> String {
        guard isVerbose || !change.isFieldInReason else { return "" }
        let shown = isVerbose ? change.fields[...] : change.fields.prefix(Self.fieldLimit)
        var result = ""
        for field in shown { result += line(field, isStandalone: change.isStandalone) }
        let rest = change.fields.count - shown.count
        if rest > 0 { result += "      ... and \(counted(rest, "more field", "more fields")) (-v shows all)\n" }
        return result
    }

    /// Path, both values, cost and place: on one line, or where that is too long the values below each other.
    private func line(_ field: FieldDiff, isStandalone: Bool) -> String {
        let values = FieldText(field, isStandalone: isStandalone)
        let path = field.path.printable
        let place = field.place.map { "   (" + $0.fileAndLine.printable + ")" } ?? ""
        let cost = "   \(field.cost)"
        let change = "\(values.before) -> \(values.after)"
        if let width = style.width, 8 + path.columns + change.columns + cost.columns + place.columns > width {
            return "      \(path)\(cost)\(style.paint(place, .dim))\n"
                + "        - \(values.before)\n        + \(values.after)\n"
        }
        return "      \(path): \(change)\(cost)\(style.paint(place, .dim))\n"
    }
}

extension String {
    /// Whether a name or a place stands in the text as a whole: `core/web` does not in `core/web2`.
    fileprivate func containsName(_ name: String) -> Bool {
        ranges(of: name).contains { range in
            guard range.upperBound < endIndex else { return true }
            let next = self[range.upperBound]
            return !(next.isLetter || next.isNumber || next == "-" || next == "_")
        }
    }
}

extension Change {
    /// Whether the lines of its fields, with both values and the place, say all that its reason says.
    fileprivate var isExplainedByFields: Bool {
        switch reason.code {
        case .specChanged, .generationRaised: !fields.isEmpty
        case .declared, .wantedStart, .wantedStop, .undeclared, .cascade, .conflict, .notRunning, .unhealthy,
            .unchanged, .ignored, .requirementDown:
            false
        }
    }

    /// Whether the reason says all that the line of its only field would.
    fileprivate var isFieldInReason: Bool {
        switch reason.code {
        case .wantedStart, .wantedStop: fields.count == 1 && reason.text.hasPrefix(fields[0].path + " ")
        case .declared, .undeclared, .specChanged, .generationRaised, .cascade, .conflict, .notRunning, .unhealthy,
            .unchanged, .ignored, .requirementDown:
            false
        }
    }
}

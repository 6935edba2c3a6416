import HeroModel
import HeroPlan

extension PlanView {
    /// The number of fields of one change that are shown before the others are counted.
    private static let fieldLimit = 12

    /// One line for each change, and one line below it for each changed field.
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
        let textStyle = change.deferred == nil ? change.action.textStyle : .magenta
        let why = style.wrappedOnTerminal(reasonWords(change), indent: 8 + name.columns + verb.columns)
        return "  \(style.paint(change.symbol, textStyle)) \(name)  \(style.paint(verb, textStyle))  \(why)\n"
    }

    /// The reason, with the location, the cause and the blockers that its text does not mention.
    private func reasonWords(_ change: Change) -> [StyledWord] {
        var text =
            change.isExplainedByFields
            ? counted(change.fields.count, "field changed", "fields changed") : change.reason.text.printable
        if let cause = change.cause?.description.printable, !text.containsName(cause) {
            text += " (because of \(cause))"
        }
        let missing = change.blockedBy.map(\.description.printable).filter { !text.containsName($0) }
        if !missing.isEmpty { text += "; waits for \(missing.joined(separator: ", "))" }
        if let deferral = change.deferred { text = "\(deferral.text.printable); \(text)" }
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map { StyledWord(String($0)) }
        if !change.isExplainedByFields, let location = change.reason.location?.fileAndLine.printable,
            !text.containsName(location)
        {
            words.append(StyledWord("(\(location))", .dim))
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

    /// Path, values, cost and location on one line, or the values on separate lines if that is too long.
    private func line(_ field: FieldDiff, isStandalone: Bool) -> String {
        if let file = field.file?.printable {
            let location = field.location.map { "   (" + $0.fileAndLine.printable + ")" } ?? ""
            return "      \(file): content changed   \(field.cost)\(style.paint(location, .dim))\n"
        }
        let values = FieldText(field, isStandalone: isStandalone)
        let path = field.path.printable
        let location = field.location.map { "   (" + $0.fileAndLine.printable + ")" } ?? ""
        let cost = "   \(field.cost)"
        let change = "\(values.before) -> \(values.after)"
        if let width = style.width, 8 + path.columns + change.columns + cost.columns + location.columns > width {
            return "      \(path)\(cost)\(style.paint(location, .dim))\n"
                + "        - \(values.before)\n        + \(values.after)\n"
        }
        return "      \(path): \(change)\(cost)\(style.paint(location, .dim))\n"
    }
}

extension String {
    /// Whether the text contains a name or location as a whole: `core/web2` does not contain `core/web`.
    fileprivate func containsName(_ name: String) -> Bool {
        ranges(of: name).contains { range in
            guard range.upperBound < endIndex else { return true }
            let next = self[range.upperBound]
            return !(next.isLetter || next.isNumber || next == "-" || next == "_")
        }
    }
}

extension Change {
    /// Whether the lines of the fields, with values and locations, contain everything of the reason.
    fileprivate var isExplainedByFields: Bool {
        switch reason.code {
        // A changed file is named by the reason.
        case .specChanged, .generationRaised: fields.first.map { $0.file == nil } ?? false
        case .declared, .wantedStart, .wantedStop, .undeclared, .cascade, .conflict, .notRunning, .unhealthy,
            .unchanged, .ignored, .requirementDown, .onceUnknown:
            false
        }
    }

    /// Whether the reason contains everything of the line of its only field.
    fileprivate var isFieldInReason: Bool {
        switch reason.code {
        case .wantedStart, .wantedStop: fields.count == 1 && reason.text.hasPrefix(fields[0].path + " ")
        case .specChanged: fields.count == 1 && fields[0].file != nil
        case .declared, .undeclared, .generationRaised, .cascade, .conflict, .notRunning, .unhealthy,
            .unchanged, .ignored, .requirementDown, .onceUnknown:
            false
        }
    }
}

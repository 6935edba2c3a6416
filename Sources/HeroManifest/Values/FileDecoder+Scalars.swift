internal import HeroModel

/// Decodes scalars.
///
/// Messages name a key with the map that contains it, such as `retry.delay`.
extension FileDecoder {
    /// Reports that a value has the wrong type or is missing.
    ///
    /// `example` is an entry that is valid in this place, with another value than that of the author. `proposal`
    /// returns the entry that the text of a scalar means. `range` is the end of the expectation in the help.
    mutating func reportWrongType(
        _ node: YAMLNode,
        _ key: String,
        _ expected: String,
        range: String = "",
        example: @autoclosure () -> String?,
        proposal: (_ text: String) -> String? = { _ in nil }
    ) {
        let found: String
        var proposed: String?
        switch node.content {
        case .invalid: return
        case .sequence: found = "a list"
        case .mapping: found = "a map"
        case .scalar where node.isNull:
            let isEmpty = node.content.isEmptyScalar
            report(
                .missingValue,
                isEmpty ? "`\(key)` has no value" : "`\(key)` has no value (YAML reads this as null)",
                help: Self.expectation(expected + range, example())
                    + (isEmpty ? "" : ", or quote it if it is a string"),
                at: node.span
            )
            return
        case .scalar(let text, plain: let isPlain):
            found = isPlain ? quoted(text) : "the quoted string \(quoted(text))"
            proposed = proposal(text)
        }
        report(
            .wrongType,
            "`\(key)` must be \(expected), not \(found)",
            help: proposed.map { "write it as `\($0)`" } ?? Self.expectation(expected + range, example()),
            at: node.span
        )
    }

    private static func expectation(_ expected: String, _ example: String?) -> String {
        "write \(expected)" + (example.map { ", such as `\($0)`" } ?? "")
    }

    /// Returns the text of a scalar that is not null.
    ///
    /// Only this function takes values from nodes.
    func scalar(_ node: YAMLNode) -> (text: String, isPlain: Bool)? {
        guard case .scalar(let text, plain: let isPlain) = node.content, !node.isNull else { return nil }
        return (text, isPlain)
    }

    /// Decodes a string: any scalar except null, with its spelling.
    mutating func text(
        _ node: YAMLNode,
        _ key: String,
        example: @autoclosure () -> String = "some string"
    ) -> String? {
        if let text = scalar(node)?.text { return text }
        reportWrongType(node, key, "a string", example: example())
        return nil
    }

    /// Decodes a string of one line that is not empty and contains no control characters.
    mutating func singleLineText(_ node: YAMLNode, _ key: String, example: @autoclosure () -> String) -> String? {
        guard let text = text(node, key, example: example()) else { return nil }
        guard !text.isEmpty else {
            report(.emptyText, "`\(key)` is empty", help: "write a value, such as `\(example())`", at: node.span)
            return nil
        }
        guard text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            report(
                .controlCharacter,
                "`\(key)` contains a line break or another control character",
                help: "write it on one line",
                at: node.span
            )
            return nil
        }
        return text
    }

    /// Decodes `true` or `false`, without quotes.
    mutating func boolean(_ node: YAMLNode, _ key: String) -> Bool? {
        if let (text, isPlain) = scalar(node), isPlain {
            if text == "true" { return true }
            if text == "false" { return false }
        }
        reportWrongType(
            node,
            key,
            "`true` or `false`",
            example: "\(lastComponent(key)): true",
            proposal: { Proposal.boolean($0).map { "\(lastComponent(key)): \($0)" } }
        )
        return nil
    }

    /// Decodes `true`; the only alternative is to omit the key.
    mutating func requireTrue(_ node: YAMLNode, _ key: String) -> Bool {
        guard boolean(node, key) == false else { return true }
        report(.wrongType, "`\(key)` can only be `true`", help: "remove the key", at: node.span)
        return false
    }

    /// Decodes a decimal integer within a range.
    mutating func integer(_ node: YAMLNode, _ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let (text, isPlain) = scalar(node), isPlain, Scalars.isDecimalInteger(text) else {
            // An example would be an arbitrary number, so the help names the range.
            reportWrongType(
                node,
                key,
                "a whole number",
                range: " from \(range.lowerBound) to \(range.upperBound)",
                example: nil,
                proposal: { Proposal.integer($0, in: range).map { "\(lastComponent(key)): \($0)" } }
            )
            return nil
        }
        if let value = Scalars.decimal(text), range.contains(value) { return value }
        let hasLeadingZero = text.utf8.count > 1 && text.utf8.first == UInt8(ascii: "0")
        report(
            hasLeadingZero ? .wrongType : .outOfRange,
            hasLeadingZero
                ? "`\(key)` must be a decimal number without leading zeros, not \(quoted(text))"
                : "`\(key)` must be from \(range.lowerBound) to \(range.upperBound), not \(quoted(text))",
            help: hasLeadingZero ? "remove the leading zeros" : "write a number within this range",
            at: node.span
        )
        return nil
    }

    /// Decodes a number with an optional fraction within a range.
    mutating func number(_ node: YAMLNode, _ key: String, in range: ClosedRange<Double>) -> Double? {
        let bounds = "\(Canonical.number(range.lowerBound)) to \(Canonical.number(range.upperBound))"
        guard let (text, isPlain) = scalar(node), isPlain, let value = Scalars.number(text) else {
            reportWrongType(
                node,
                key,
                "a decimal number",
                range: " from \(bounds)",
                example: nil,
                proposal: { text in
                    guard let value = Scalars.number(text), range.contains(value) else { return nil }
                    return "\(lastComponent(key)): \(Canonical.number(value))"
                }
            )
            return nil
        }
        if range.contains(value) { return value }
        report(
            .outOfRange,
            "`\(key)` must be from \(bounds), not \(quoted(text))",
            help: "write a number within this range",
            at: node.span
        )
        return nil
    }

    /// Decodes a duration with a unit within a range.
    mutating func duration(_ node: YAMLNode, _ key: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let (text, _) = scalar(node) else {
            reportWrongType(node, key, "a duration", example: "\(lastComponent(key)): 10s")
            return nil
        }
        do throws(Scalars.QuantityError) {
            let value = try Scalars.duration(text)
            if range.contains(value) { return value }
            let least = Canonical.duration(range.lowerBound)
            report(
                .outOfRange,
                value == .zero ? "`\(key)` cannot be 0" : "`\(key)` must be at least \(least), not \(quoted(text))",
                help: "write a longer duration, such as `\(Canonical.duration(max(range.lowerBound, .seconds(1))))`",
                at: node.span
            )
        } catch {
            switch error {
            case .unitMissing:
                report(
                    .invalidDuration,
                    "`\(key)` has no unit: \(quoted(text))",
                    help: Proposal.duration(text + "s", in: range).map { _ in
                        "write `\(text.prefix(20))s` for seconds; "
                    }
                    .map { $0 + "units are ms, s, m, h, d" } ?? "add a unit: ms, s, m, h or d",
                    at: node.span
                )
            case .tooLarge:
                report(
                    .invalidDuration,
                    "`\(key)` is longer than a hundred years: \(quoted(text))",
                    help: "write at most `36500d`",
                    at: node.span
                )
            case .malformed:
                report(
                    .invalidDuration,
                    "`\(key)` is not a duration: \(quoted(text))",
                    help: Proposal.duration(text, in: range).map { "write it as `\(lastComponent(key)): \($0)`" }
                        ?? "write a whole number and one unit: `250ms`, `3s`, `10m`, `2h`, `7d`",
                    at: node.span
                )
            }
        }
        return nil
    }

    /// Decodes a size with a unit within a range of bytes.
    mutating func size(_ node: YAMLNode, _ key: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let (text, _) = scalar(node) else {
            reportWrongType(node, key, "a size", example: "\(lastComponent(key)): 10MiB")
            return nil
        }
        do throws(Scalars.QuantityError) {
            let value = try Scalars.size(text)
            if range.contains(value) { return value }
        } catch {
            switch error {
            case .unitMissing:
                let isInRange = (try? Scalars.size(text + "B")).map { range.contains($0) } ?? false
                report(
                    .invalidSize,
                    "`\(key)` has no unit: \(quoted(text))",
                    help: isInRange
                        ? "write `\(text.prefix(20))B` for bytes; the other units are KiB, MiB, GiB, KB, MB, GB"
                        : "add a unit: KiB, MiB, GiB, KB, MB or GB",
                    at: node.span
                )
                return nil
            case .malformed:
                report(
                    .invalidSize,
                    "`\(key)` is not a size: \(quoted(text))",
                    help: "write a whole number and one unit: `64KiB`, `10MiB`, `1GiB`, `10MB`",
                    at: node.span
                )
                return nil
            case .tooLarge: break
            }
        }
        let bounds = "\(Canonical.size(range.lowerBound)) to \(Canonical.size(range.upperBound))"
        report(
            .outOfRange,
            "`\(key)` must be from \(bounds), not \(quoted(text))",
            help: "write a size within this range",
            at: node.span
        )
        return nil
    }

    /// Decodes one of the raw values of an enumeration.
    mutating func choice<Choice>(_ node: YAMLNode, _ key: String, _: Choice.Type) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        if let text = scalar(node)?.text, let value = Choice(rawValue: text) { return value }
        let values = Choice.allCases.map(\.rawValue)
        guard let text = scalar(node)?.text else {
            reportWrongType(
                node,
                key,
                "one of \(alternatives(values))",
                example: "\(lastComponent(key)): \(values.first ?? "")"
            )
            return nil
        }
        let suggestion =
            ForeignValue.find(text, of: lastComponent(key)).map { "; did you mean `\($0)`?" }
            ?? Suggestion.didYouMean(text, values)
        report(
            .unknownValue,
            "`\(key)` cannot be \(quoted(text))\(suggestion)",
            help: "write one of \(alternatives(values))",
            at: node.span
        )
        return nil
    }

    /// Decodes the name of a signal, with or without `SIG`.
    mutating func signal(_ node: YAMLNode, _ key: String) -> Signal? {
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): TERM") else { return nil }
        if let signal = Signal(name: text) { return signal }
        let names = Signal.names.map(\.name)
        let bare = text.hasPrefix("SIG") ? String(text.dropFirst(3)) : text
        let byNumber = Scalars.decimal(text).flatMap { number in Signal.names.first { Int($0.number) == number } }
        let suggestion = byNumber.map { "; did you mean `\($0.name)`?" } ?? Suggestion.didYouMean(bare, names)
        report(
            .unknownSignal,
            "\(quoted(text)) is not a signal\(suggestion)",
            help: "write a signal name of signal(7), such as `TERM`, `INT`, `HUP`, `USR1` or `RTMIN+3`",
            at: node.span
        )
        return nil
    }

    /// Warns about a stop signal after which a program goes on to exist.
    mutating func warnIfSuspending(_ signal: Signal?, _ key: String, at span: Span) {
        guard let signal, signal.isSuspending else { return }
        report(
            .suspendingSignal,
            "`\(key)` is `\(signal)`, which does not end a program: it is killed when `stop.timeout` is over",
            help: "write a signal that ends it, such as `TERM` or `INT`",
            at: span,
            severity: .warning
        )
    }

    /// Decodes the name of a service, action or context.
    mutating func name(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = singleLineText(node, key, example: "\(key): web") else { return nil }
        if QualifiedName.isValid(text) { return text }
        report(
            .invalidName,
            "`\(key)` is not a valid name: \(quoted(text))",
            help: "use at most 63 of `a` to `z`, `0` to `9`, `_` and `-`, and begin with a letter or a digit"
                + ConfusableCharacter.invalidCharacterHint(in: text),
            at: node.span
        )
        return nil
    }

    /// Decodes a reference: `name` or `context/name`.
    mutating func reference(_ node: YAMLNode, _ key: String) -> QualifiedName? {
        guard let text = singleLineText(node, key, example: "hero_db") else { return nil }
        if let name = QualifiedName(reference: text, in: context) { return name }
        report(
            .invalidReference,
            "`\(key)` refers to \(quoted(text)), which is not a valid name",
            help:
                "write `name` for the context `\(context)`, or `context/name`; names consist of a-z, 0-9, `_` and `-`",
            at: node.span
        )
        return nil
    }
}

/// Returns the last component of a key path: `delay` of `retry.delay`.
func lastComponent(_ key: String) -> Substring {
    guard let dot = key.utf8.lastIndex(of: UInt8(ascii: ".")) else { return key[...] }
    return key[dot...].dropFirst()
}

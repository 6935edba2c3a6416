internal import HeroModel

/// The readers of single values: each returns nil where the value is wrong, having said so.
///
/// A key is named in messages as the author wrote it, with its map before it: `retry.delay`.
extension FileDecoder {
    /// Says that a value has the wrong type.
    mutating func reportWrongType(_ node: YAMLNode, _ key: String, _ wanted: String, example: @autoclosure () -> String)
    {
        let found: String
        switch node.content {
        case .invalid: return
        case .sequence: found = "a list"
        case .mapping: found = "a map"
        case .scalar where node.isNull:
            let isEmpty = node.content.isEmptyScalar
            report(
                .missingValue,
                isEmpty ? "`\(key)` has no value" : "`\(key)` has no value: YAML reads this as null",
                help: "write \(wanted), such as `\(example())`"
                    + (isEmpty ? "" : ", or put it in quotes if it is a text"),
                at: node.span
            )
            return
        case .scalar(let text, plain: let isPlain): found = isPlain ? quoted(text) : "the quoted text \(quoted(text))"
        }
        report(
            .wrongType,
            "`\(key)` must be \(wanted), not \(found)",
            help: "write it as `\(example())`",
            at: node.span
        )
    }

    /// The text of a scalar that is not null: the one place where values are taken from nodes.
    func scalar(_ node: YAMLNode) -> (text: String, isPlain: Bool)? {
        guard case .scalar(let text, plain: let isPlain) = node.content, !node.isNull else { return nil }
        return (text, isPlain)
    }

    /// A text: any scalar but null, with the spelling it has.
    mutating func text(
        _ node: YAMLNode,
        _ key: String,
        example: @autoclosure () -> String = "some text"
    ) -> String? {
        if let text = scalar(node)?.text { return text }
        reportWrongType(node, key, "a text", example: example())
        return nil
    }

    /// A text on one line that is not empty and has no control characters.
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

    /// `true` or `false`, plain.
    mutating func boolean(_ node: YAMLNode, _ key: String) -> Bool? {
        if let (text, isPlain) = scalar(node), isPlain {
            if text == "true" { return true }
            if text == "false" { return false }
        }
        reportWrongType(node, key, "`true` or `false`", example: "\(lastComponent(key)): true")
        return nil
    }

    /// `true`, where the key can only be left out otherwise.
    mutating func requireTrue(_ node: YAMLNode, _ key: String) -> Bool {
        guard boolean(node, key) == false else { return true }
        report(.wrongType, "`\(key)` can only be `true`", help: "remove it", at: node.span)
        return false
    }

    /// A decimal integer within a range.
    mutating func integer(_ node: YAMLNode, _ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let (text, isPlain) = scalar(node), isPlain, Scalars.isDecimalInteger(text) else {
            reportWrongType(
                node,
                key,
                "a whole decimal number",
                example: "\(lastComponent(key)): \(max(range.lowerBound, 1))"
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
            help: hasLeadingZero ? "remove the zeros" : "write a number within this range",
            at: node.span
        )
        return nil
    }

    /// A number with an optional fraction within a range.
    mutating func number(_ node: YAMLNode, _ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let (text, isPlain) = scalar(node), isPlain, let value = Scalars.number(text) else {
            reportWrongType(
                node,
                key,
                "a decimal number",
                example: "\(lastComponent(key)): \(Canonical.number(range.lowerBound))"
            )
            return nil
        }
        if range.contains(value) { return value }
        let bounds = "\(Canonical.number(range.lowerBound)) to \(Canonical.number(range.upperBound))"
        report(
            .outOfRange,
            "`\(key)` must be from \(bounds), not \(quoted(text))",
            help: "write a number within this range",
            at: node.span
        )
        return nil
    }

    /// A duration with its unit, within a range.
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
                help: "write a longer one, such as `\(Canonical.duration(max(range.lowerBound, .seconds(1))))`",
                at: node.span
            )
        } catch {
            switch error {
            case .unitMissing:
                report(
                    .invalidDuration,
                    "`\(key)` needs a unit: \(quoted(text)) of what?",
                    help: "write `\(text.prefix(20))s` for seconds; units are ms, s, m, h, d",
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
                    help: "write a whole number and one unit: `250ms`, `3s`, `10m`, `2h`, `7d`",
                    at: node.span
                )
            }
        }
        return nil
    }

    /// A size with its unit, within a range of bytes.
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
                report(
                    .invalidSize,
                    "`\(key)` needs a unit: \(quoted(text)) of what?",
                    help: "write `\(text.prefix(20))B` for bytes; the other units are KiB, MiB, GiB, KB, MB, GB",
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

    /// One of an enumeration's words.
    mutating func choice<Choice>(_ node: YAMLNode, _ key: String, _: Choice.Type) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        if let text = scalar(node)?.text, let value = Choice(rawValue: text) { return value }
        let words = Choice.allCases.map(\.rawValue)
        guard let text = scalar(node)?.text else {
            reportWrongType(node, key, "one of \(alternatives(words))", example: "\(key): \(words.first ?? "")")
            return nil
        }
        report(
            .unknownValue,
            "`\(key)` cannot be \(quoted(text))\(Suggestion.didYouMean(text, words))",
            help: "write one of \(alternatives(words))",
            at: node.span
        )
        return nil
    }

    /// A signal by its name, with or without `SIG`.
    mutating func signal(_ node: YAMLNode, _ key: String) -> Signal? {
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): TERM") else { return nil }
        if let signal = Signal(name: text) { return signal }
        let names = Signal.names.map(\.name)
        let bare = text.hasPrefix("SIG") ? String(text.dropFirst(3)) : text
        let byNumber = Scalars.decimal(text).flatMap { number in Signal.names.first { Int($0.number) == number } }
        report(
            .unknownSignal,
            "\(quoted(text)) is no signal\(byNumber.map { "; did you mean `\($0.name)`?" } ?? Suggestion.didYouMean(bare, names))",
            help: "write a name of signal(7), such as `TERM`, `INT`, `HUP` or `USR1`",
            at: node.span
        )
        return nil
    }

    /// A name of a service, action or context.
    mutating func name(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = singleLineText(node, key, example: "\(key): web") else { return nil }
        if QualifiedName.isValid(text) { return text }
        report(
            .invalidName,
            "`\(key)` is no valid name: \(quoted(text))",
            help: "use up to 63 of `a` to `z`, `0` to `9`, `_` and `-`, and begin with a letter or a digit"
                + ConfusableCharacter.invalidCharacterHint(in: text),
            at: node.span
        )
        return nil
    }

    /// A reference, `name` or `context/name`.
    mutating func reference(_ node: YAMLNode, _ key: String) -> QualifiedName? {
        guard let text = singleLineText(node, key, example: "hero_db") else { return nil }
        if let name = QualifiedName(reference: text, in: context) { return name }
        report(
            .invalidReference,
            "`\(key)` refers to \(quoted(text)), which is no valid name",
            help:
                "write `name` for the context `\(context)`, or `context/name`; names are made of a-z, 0-9, `_` and `-`",
            at: node.span
        )
        return nil
    }
}

/// A key without the maps before it: `delay` of `retry.delay`.
func lastComponent(_ key: String) -> Substring {
    guard let dot = key.utf8.lastIndex(of: UInt8(ascii: ".")) else { return key[...] }
    return key[dot...].dropFirst()
}

/// Words as a person lists them: `a`, `b` or `c`.
func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.map { "`\($0)`" }.joined() }
    return words.dropLast().map { "`\($0)`" }.joined(separator: ", ") + " or `\(last)`"
}

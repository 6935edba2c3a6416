internal import HeroModel
import HeroPattern

/// Decodes the attributes of processes: environment, accounts, umask, exit codes, patterns.
extension FileDecoder {
    /// Decodes a map of environment variables: any scalar with its spelling, `{from_file: path}` or `{expand: text}`.
    mutating func environment(
        _ node: YAMLNode,
        _ key: String,
        written: (_ path: String, _ span: Span) -> Void
    ) -> [String: EnvironmentValue] {
        valueMap(node, key, example: "PORT: 8080", written: written) { entry, decoder in
            guard case .mapping(let entries) = entry.value.content else {
                return decoder.entryText(entry, key).map { .text($0) }
            }
            return VariableDraft.decode(entries, "\(key).\(entry.key)", at: entry.value.span, in: &decoder)
        }
    }

    /// Decodes the name or the number of a user or a group.
    mutating func account(_ node: YAMLNode, _ key: String, other: String) -> String? {
        guard let text = singleLineText(node, key, example: "\(key): www-data") else { return nil }
        // The most permissive rule of useradd(8), or a number.
        let isName =
            text.utf8.count <= 256 && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
        let isNumber =
            !Scalars.isDecimalInteger(text) || Scalars.decimal(text).map { (0...4_294_967_294).contains($0) } == true
        if isName, isNumber { return text }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        report(
            .invalidAccount,
            "`\(key)` is neither the name nor the number of a \(key): \(quoted(text))",
            help: parts.count == 2
                ? "write `\(key)` and `\(other)` as separate keys"
                : "write a name such as `www-data`, or a number from 0 to 4294967294",
            at: node.span
        )
        return nil
    }

    /// Decodes one to four octal digits; they are octal with and without a leading zero.
    mutating func octal(_ node: YAMLNode, _ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = singleLineText(node, key, example: "\(key): \"027\"") else { return nil }
        let isOctal = (1...4).contains(text.utf8.count) && text.utf8.allSatisfy { (48...55).contains($0) }
        if isOctal, let value = Int(text, radix: 8), range.contains(value) { return value }
        report(
            .invalidUmask,
            "`\(key)` must be octal, from 000 to 777, not \(quoted(text))",
            help: "write the permission bits that are removed from new files, such as `\"027\"`",
            at: node.span
        )
        return nil
    }

    /// Decodes the permission bits of a directory.
    mutating func mode(_ node: YAMLNode, _ key: String) -> Int? {
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): \"0750\"") else { return nil }
        let isOctal = (1...4).contains(text.utf8.count) && text.utf8.allSatisfy { (48...55).contains($0) }
        if isOctal, let value = Int(text, radix: 8), AllowedRanges.mode.contains(value) { return value }
        report(
            .invalidUmask,
            "`\(key)` must be octal, from 0000 to 7777, not \(quoted(text))",
            help: "write the permission bits of the directory, such as `\"0750\"`",
            at: node.span
        )
        return nil
    }

    /// Decodes a list of at least one exit code; returns each once, sorted.
    mutating func exitCodes(_ node: YAMLNode, _ key: String) -> [Int32]? {
        let example = "\(key): [0, 3]"
        guard case .sequence(let items) = node.content else {
            reportWrongType(node, key, "a list of whole numbers", example: example) { text in
                Proposal.integer(text, in: AllowedRanges.exitCode).map { "\(lastComponent(key)): [\($0)]" }
            }
            return nil
        }
        guard !items.isEmpty else {
            report(
                .emptyList,
                "`\(key)` is empty, so no exit would count as a success",
                help: "write `\(example)`",
                at: node.span
            )
            return nil
        }
        var codes = OrderedSet<Int32>()
        for item in items {
            guard let code = integer(item, key, in: AllowedRanges.exitCode) else { continue }
            if !codes.append(Int32(clamping: code)) { reportListedTwice(item, key, String(code)) }
        }
        return codes.items.isEmpty ? nil : codes.items.sorted()
    }

    /// Decodes a regular expression.
    mutating func pattern(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = singleLineText(node, key, example: "\(lastComponent(key)): listening on port [0-9]+") else {
            return nil
        }
        guard text.utf8.count <= 1000 else {
            report(
                .invalidPattern,
                "`\(key)` is longer than 1000 bytes",
                help: "match a short part of the line",
                at: node.span
            )
            return nil
        }
        do throws(LinePattern.SyntaxError) {
            _ = try LinePattern(text)
            return text
        } catch {
            let (problem, help) = problemAndHelp(error.reason)
            report(
                .invalidPattern,
                "`\(key)` is not a valid pattern: \(problem)",
                help: help ?? "see the patterns of `log` in docs/reference/probes.md",
                at: node.span(ofCharacter: error.offset, of: text)
            )
            return nil
        }
    }

    /// Decodes a map of variables for `${NAME}`.
    mutating func variableMap(
        _ node: YAMLNode,
        _ key: String,
        written: (_ path: String, _ span: Span) -> Void
    ) -> [String: String] {
        valueMap(node, key, example: "PORT: 8080", written: written) { entry, decoder in
            guard decoder.validateVariableName(entry.key, key, at: entry.span) else { return nil }
            return decoder.entryText(entry, key)
        }
    }

    /// Decodes a list of names of variables; returns each once.
    mutating func variableNames(_ node: YAMLNode, _ key: String) -> [String] {
        var result = OrderedSet<String>()
        for item in scalarItems(node, key, of: "names", example: "HOME") {
            guard let name = singleLineText(item, key, example: "\(key): [HOME]"),
                validateVariableName(name, key, at: item.span)
            else {
                continue
            }
            if !result.append(name) { reportListedTwice(item, key, name) }
        }
        return result.items
    }

    private mutating func validateVariableName(_ name: String, _ key: String, at span: Span) -> Bool {
        if Template.isName(name) { return true }
        report(
            .invalidVariable,
            "`\(key)` has an invalid variable name: \(quoted(name))",
            help: "use letters, digits and `_`, and begin with a letter or `_`",
            at: span
        )
        return false
    }
}

/// The map `{from_file: path}` or `{expand: text}` as the value of an environment variable.
private struct VariableDraft: ManifestDraft {
    private var value: EnvironmentValue?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Decodes the map; returns nil, after a report, if it has no valid value.
    static func decode(
        _ entries: [YAMLEntry],
        _ key: String,
        at span: Span,
        in decoder: inout FileDecoder
    ) -> EnvironmentValue? {
        var draft = Self()
        let table = KeyTable<Self>(
            of: key,
            prefix: "\(key).",
            [
                Key("from_file") { node, draft, decoder in
                    let path = decoder.filePath(node, "\(key).from_file", example: "from_file: /run/secrets/token")
                    draft.value = path.map { .fromFile($0) }
                },
                Key("expand") { node, draft, decoder in
                    draft.value = decoder.expansion(node, "\(key).expand").map { .expand($0) }
                },
            ]
        )
        table.decode(entries, into: &draft, in: &decoder)
        let written = entries.map(\.key).filter { $0 == "from_file" || $0 == "expand" }
        if entries.isEmpty {
            decoder.report(
                .missingKey,
                "`\(key)` is a map without `from_file` or `expand`",
                help: "write a single value, `{from_file: path}` or `{expand: \"${OTHER}\"}`",
                at: span
            )
        } else if written.count > 1 {
            decoder.report(
                .twoQuestions,
                "`\(key)` has both `from_file` and `expand`",
                help: "keep one of them",
                at: span
            )
            return nil
        }
        return draft.value
    }
}

extension FileDecoder {
    /// Decodes a text in which `${NAME}` is a variable of the environment.
    fileprivate mutating func expansion(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = text(node, key, example: "expand: \"postgres://app:${PASSWORD}@db/app\"") else { return nil }
        guard !text.utf8.contains(0) else { return text }
        do throws(EnvironmentTemplate.SyntaxError) {
            _ = try EnvironmentTemplate(text)
            return text
        } catch {
            report(
                .malformedVariable,
                "`\(key)` contains \(quoted(error.reference)), which is not a variable",
                help: "write `${NAME}` for a variable of the environment, or `$$` for a `$`",
                at: node.span
            )
            return nil
        }
    }
}

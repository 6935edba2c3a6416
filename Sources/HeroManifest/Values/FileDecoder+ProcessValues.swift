internal import HeroModel
import HeroPattern

/// The readers of what a process is started with: environment, accounts, permission bits, exit codes, patterns.
extension FileDecoder {
    /// A map of environment variables: any scalar with its spelling, or `{from_file: path}`.
    mutating func environment(
        _ node: YAMLNode,
        _ key: String,
        written: (_ path: String, _ span: Span) -> Void
    ) -> [String: EnvironmentValue] {
        valueMap(node, key, example: "PORT: 8080", written: written) { entry, scope in
            guard case .mapping(let entries) = entry.value.content else {
                return scope.entryText(entry, key).map { .text($0) }
            }
            return FromFileDraft.decode(entries, "\(key).\(entry.key)", at: entry.value.span, in: &scope).map {
                .fromFile($0)
            }
        }
    }

    /// The name or the number of a user or a group.
    mutating func account(_ node: YAMLNode, _ key: String, other: String) -> String? {
        guard let text = singleLineText(node, key, example: "\(key): www-data") else { return nil }
        // What useradd(8) takes at its most generous, and numbers.
        let isName =
            text.utf8.count <= 256 && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
        let isNumber =
            !Scalars.isDecimalInteger(text) || Scalars.decimal(text).map { (0...4_294_967_294).contains($0) } == true
        if isName, isNumber { return text }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        report(
            .invalidAccount,
            "`\(key)` is no name and no number of a \(key): \(quoted(text))",
            help: parts.count == 2
                ? "write `\(key)` and `\(other)` apart"
                : "write a name such as `www-data`, or a number from 0 to 4294967294",
            at: node.span
        )
        return nil
    }

    /// One to four octal digits, which are octal whether they begin with a zero or not.
    mutating func octal(_ node: YAMLNode, _ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = singleLineText(node, key, example: "\(key): \"027\"") else { return nil }
        let isOctal = (1...4).contains(text.utf8.count) && text.utf8.allSatisfy { (48...55).contains($0) }
        if isOctal, let value = Int(text, radix: 8), range.contains(value) { return value }
        report(
            .invalidUmask,
            "`\(key)` must be octal, from 000 to 777, not \(quoted(text))",
            help: "write the permission bits that new files do not get, such as `\"027\"`",
            at: node.span
        )
        return nil
    }

    /// A list of exit codes, sorted, each once, at least one.
    mutating func exitCodes(_ node: YAMLNode, _ key: String) -> [Int32]? {
        let example = "\(key): [0, 3]"
        guard case .sequence(let items) = node.content else {
            reportWrongType(node, key, "a list of whole numbers", example: example)
            return nil
        }
        guard !items.isEmpty else {
            report(.emptyList, "`\(key)` is empty: nothing could end well", help: "write `\(example)`", at: node.span)
            return nil
        }
        var codes = OrderedSet<Int32>()
        for item in items {
            guard let code = integer(item, key, in: AllowedRanges.exitCode) else { continue }
            if !codes.append(Int32(clamping: code)) { reportListedTwice(item, key, String(code)) }
        }
        return codes.items.isEmpty ? nil : codes.items.sorted()
    }

    /// A regular expression.
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
            let (wrong, advice) = problemAndHelp(error.reason)
            report(
                .invalidPattern,
                "`\(key)` is no pattern: \(wrong)",
                help: advice ?? "see the patterns of `log` in docs/reference/probes.md",
                at: node.span(ofCharacter: error.offset, of: text)
            )
            return nil
        }
    }

    /// A map of variables for `${NAME}`.
    mutating func variableMap(
        _ node: YAMLNode,
        _ key: String,
        written: (_ path: String, _ span: Span) -> Void
    ) -> [String: String] {
        valueMap(node, key, example: "PORT: 8080", written: written) { entry, scope in
            guard scope.validateVariableName(entry.key, key, at: entry.span) else { return nil }
            return scope.entryText(entry, key)
        }
    }

    /// A list of names of variables, each once.
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
        let isGood =
            name.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
            } && !name.utf8.isEmpty && !(48...57).contains(name.utf8.first ?? 48)
        if isGood { return true }
        report(
            .invalidVariable,
            "`\(key)` has a name that `${NAME}` cannot hold: \(quoted(name))",
            help: "use letters, digits and `_`, and begin with a letter or `_`",
            at: span
        )
        return false
    }
}

/// `{from_file: path}` as the value of an environment variable.
private struct FromFileDraft: ManifestDraft {
    private var path: String?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// The path; nil, and reported, where there is none.
    static func decode(_ entries: [YAMLEntry], _ key: String, at span: Span, in scope: inout FileDecoder) -> String? {
        var draft = Self()
        let table = KeyTable<Self>(
            of: key,
            prefix: "\(key).",
            [
                Key("from_file") { node, draft, scope in
                    draft.path = scope.filePath(node, "\(key).from_file", example: "from_file: /run/secrets/token")
                }
            ]
        )
        table.decode(entries, into: &draft, in: &scope)
        if entries.isEmpty {
            scope.report(
                .missingKey,
                "`\(key)` is a map without `from_file`",
                help: "write a single value, or `{from_file: path}`",
                at: span
            )
        }
        return draft.path
    }
}

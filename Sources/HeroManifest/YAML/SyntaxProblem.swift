internal import CLibYAML
internal import HeroModel

/// A syntax error of libyaml, translated into a diagnostic for the author of the file.
struct SyntaxProblem {
    private let code: DiagnosticCode
    private let message: String
    private let help: String
    private let span: Span
    private let openedAt: Span?
    /// Whether the document ended before the error, so that the rest of the file cannot be assigned to it.
    let endsDocument: Bool

    /// The line of the error.
    var line: Int32 { span.line }

    /// Translates the error of a parser.
    init(_ parser: yaml_parser_t, in source: SourceFile) {
        let problem = parser.problem.map { String(cString: $0) } ?? "unknown error"
        let context = parser.context.map { String(cString: $0) } ?? ""
        if parser.error == YAML_READER_ERROR || parser.error == YAML_MEMORY_ERROR {
            code = .syntax
            message = "cannot read this file: \(problem)"
            help = "save it as UTF-8"
            openedAt = nil
            endsDocument = false
            span = EncodingValidator.span(of: Int(clamping: parser.problem_offset), in: source.file.bytes)
            return
        }
        let mark = parser.problem_mark
        let opened = parser.context_mark
        let character = Self.character(at: mark, in: source)
        // libyaml stops where parsing fails; the cause is often at the start of the context.
        let isCauseAtStart =
            problem.contains("unexpected end of stream") || problem.contains("could not find expected ':'")
            || context.contains("anchor") || context.contains("alias")
        var span = Self.span(isCauseAtStart && !context.isEmpty ? opened : mark)
        if context.contains("directive") { span.column = 1 }
        self.span = source.clamped(span)
        let line = source.line(Int(self.span.line))
        let before = source.line(Int(self.span.line) - 1)
        let explanation =
            Self.specialLine(line, problem) ?? Self.deeperLine(line, after: before, at: self.span, problem)
            ?? Self.explanation(problem, context, character)
        (code, message) = (explanation.code, explanation.message)
        help = ConfusableCharacter.help(forLine: line) ?? explanation.help
        endsDocument = problem.contains("expected <document start>")
        let isOpen = problem.contains("',' or ']'") || problem.contains("',' or '}'")
        openedAt = isOpen ? Self.span(opened) : nil
    }

    private static func span(_ mark: yaml_mark_t) -> Span {
        Span(line: Int32(clamping: mark.line &+ 1), column: Int32(clamping: mark.column &+ 1), length: 1)
    }

    /// Reports the error.
    func report(to decoder: inout FileDecoder) {
        let notes = openedAt.map { [decoder.source.note("opened here", at: $0)] } ?? []
        decoder.report(code, message, help: help, at: span, notes: notes)
    }

    private static func character(at mark: yaml_mark_t, in source: SourceFile) -> Unicode.Scalar? {
        guard let line = source.line(Int(clamping: mark.line) &+ 1) else { return nil }
        return line.unicodeScalars.dropFirst(Int(clamping: mark.column)).first
    }

    /// Explains lines with a known cause: merge conflicts, and a map on the line of `---`.
    private static func specialLine(
        _ line: String?,
        _ problem: String
    ) -> (code: DiagnosticCode, message: String, help: String)? {
        guard let line else { return nil }
        if ["<<<<<<<", "=======", ">>>>>>>"].contains(where: { line == $0 || line.hasPrefix($0 + " ") }) {
            return (
                .syntax, "the file contains an unresolved merge conflict",
                "keep one side, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`"
            )
        }
        if line.hasPrefix("--- "), problem.contains("mapping values are not allowed") {
            return (.syntax, "a map cannot begin on the same line as `---`", "write `---` on a line of its own")
        }
        return nil
    }

    /// Explains a key that is indented deeper than a complete entry on the line before it.
    private static func deeperLine(
        _ line: String?,
        after before: String?,
        at span: Span,
        _ problem: String
    ) -> (code: DiagnosticCode, message: String, help: String)? {
        guard problem.contains("mapping values are not allowed"), let line, let before else { return nil }
        // The dash of a list item is a part of the indentation of its first key.
        let indent = line.prefix { $0 == " " || $0 == "-" }.count
        let previous = before.prefix { $0 == " " || $0 == "-" }.count
        let key = line.prefix { $0 != ":" }.count
        guard indent > previous, before.contains(": "), !before.dropFirst(previous).hasPrefix("#"),
            span.column == key + 1
        else { return nil }
        return (
            .syntax, "this line is indented deeper than the one before it, which is complete",
            "begin both in the same column; quote a string that contains `: `"
        )
    }

    private static func explanation(
        _ problem: String,
        _ context: String,
        _ character: Unicode.Scalar?
    ) -> (code: DiagnosticCode, message: String, help: String) {
        if character == "\t" || problem.contains("tab character") {
            return (.tab, "a tab is not allowed as indentation", "replace it with spaces")
        }
        if context.contains("anchor") || context.contains("alias") {
            let isAlias = context.contains("alias")
            return (
                isAlias ? .alias : .anchor,
                "an unquoted string cannot begin with `\(isAlias ? "*" : "&")`",
                "quote the string"
            )
        }
        if problem.contains("undefined tag handle") || context.contains("a tag") {
            return (.tag, "a tag (`!name`) is not allowed", "remove it, or quote a string that begins with `!`")
        }
        let match = explanations.first { problem.contains($0.problem) && context.contains($0.context) }
        if let match { return (.syntax, match.message, match.help) }
        if problem.contains("cannot start any token"), let character {
            return (.syntax, "an unquoted string cannot begin with `\(character)`", "quote the string")
        }
        return (.syntax, "invalid YAML: \(problem)", "compare this line with the lines around it")
    }

    private static let explanations: [(problem: String, context: String, message: String, help: String)] = [
        (
            "mapping values are not allowed", "", "a `:` is not allowed here",
            "quote a string that contains `: `; otherwise check the indentation of this line"
        ),
        (
            "could not find expected ':'", "", "a `:` is missing after the key",
            "write `key: value`; a string of several lines needs quotes or `|`"
        ),
        (
            "did not find expected key", "", "a key is expected here",
            "indent it like the keys before it; quote the whole string if it contains quotes, `#` or `:`"
        ),
        (
            "did not find expected '-'", "", "a list item is expected here",
            "indent it further if it belongs to the item above; a new item begins with `- `"
        ),
        (
            "did not find expected ',' or ']'", "", "the list that begins with `[` is not closed",
            "separate the items with `,` and end the list with `]`"
        ),
        (
            "did not find expected ',' or '}'", "", "the map that begins with `{` is not closed",
            "separate the pairs with `,` and end the map with `}`"
        ),
        ("unexpected end of stream", "quoted", "the quote that begins here is not closed", "add the closing quote"),
        (
            "unexpected document indicator", "quoted", "a quoted string cannot extend past `---`",
            "close the quote before it"
        ),
        (
            "unknown escape character", "", "unknown escape sequence",
            "write `\\\\` for a backslash, or use single quotes"
        ),
        (
            "hexdecimal", "", "this escape needs hexadecimal digits",
            "write two digits after `\\x`, four after `\\u`, eight after `\\U`"
        ),
        ("invalid Unicode character", "", "this escape is not a valid character", "write the character itself"),
        ("block sequence entries are not allowed", "", "a list cannot begin here", "begin it on a new line"),
        ("block mapping", "", "a map cannot begin here", "begin it on a new line"),
        ("mapping keys are not allowed", "", "a key is not allowed here", "quote a string that begins with `?`"),
        (
            "expected <document start>", "", "the document ends before this line",
            "indent all keys of a document equally, and separate documents with a line `---`"
        ),
        ("expected node content", "", "a value is expected here", "write a value, or remove the character before it"),
        ("leading empty line", "", "an empty line before the text is indented too far", "remove its spaces"),
        (
            "unexpected ':'", "", "a `:` is not allowed here",
            "write a space after it, as in `key: value`, or quote the string"
        ),
        ("directive", "", "a line that begins with `%` is not allowed here", "remove it, or quote the string"),
        ("YAML document", "", "this YAML version is not supported", "remove the `%YAML` line"),
        (
            "expected comment or line break", "block scalar", "only a comment may follow `|` or `>`",
            "begin the text on the next line"
        ),
        ("indentation indicator", "", "the number after `|` or `>` must be from 1 to 9", "remove the number"),
    ]
}

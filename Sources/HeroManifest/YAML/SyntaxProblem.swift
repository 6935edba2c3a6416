internal import CLibYAML
internal import HeroModel

/// A text that is not YAML, in words for the person who wrote it.
struct SyntaxProblem {
    private let code: DiagnosticCode
    private let message: String
    private let help: String
    private let span: Span
    private let openedAt: Span?
    /// Whether the document before it ended, and nothing that follows makes sense.
    let endsDocument: Bool

    /// The line it is reported at.
    var line: Int32 { span.line }

    /// Translates what libyaml found.
    init(_ parser: yaml_parser_t, in source: SourceFile) {
        let problem = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
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
        // libyaml stops where it understands no more; what must be mended is often where it began to read.
        let isMendedAtStart =
            problem.contains("unexpected end of stream") || problem.contains("could not find expected ':'")
            || context.contains("anchor") || context.contains("alias")
        var span = Self.span(isMendedAtStart && !context.isEmpty ? opened : mark)
        if context.contains("directive") { span.column = 1 }
        self.span = source.clamped(span)
        let line = source.line(Int(self.span.line))
        let words = Self.specialLine(line, problem) ?? Self.explanation(problem, context, character)
        (code, message) = (words.code, words.message)
        help = ConfusableCharacter.help(forLine: line) ?? words.help
        endsDocument = problem.contains("expected <document start>")
        let isOpen = problem.contains("',' or ']'") || problem.contains("',' or '}'")
        openedAt = isOpen ? Self.span(opened) : nil
    }

    private static func span(_ mark: yaml_mark_t) -> Span {
        Span(line: Int32(clamping: mark.line &+ 1), column: Int32(clamping: mark.column &+ 1), length: 1)
    }

    /// Says it.
    func report(to scope: inout FileDecoder) {
        let notes = openedAt.map { [scope.source.note("opened here", at: $0)] } ?? []
        scope.report(code, message, help: help, at: span, notes: notes)
    }

    private static func character(at mark: yaml_mark_t, in source: SourceFile) -> Unicode.Scalar? {
        guard let line = source.line(Int(clamping: mark.line) &+ 1) else { return nil }
        return line.unicodeScalars.dropFirst(Int(clamping: mark.column)).first
    }

    /// Lines that were never meant as YAML, or that are nearly right.
    private static func specialLine(
        _ line: String?,
        _ problem: String
    ) -> (code: DiagnosticCode, message: String, help: String)? {
        guard let line else { return nil }
        if ["<<<<<<<", "=======", ">>>>>>>"].contains(where: { line == $0 || line.hasPrefix($0 + " ") }) {
            return (
                .syntax, "a merge conflict is left in this file",
                "keep one of its sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`"
            )
        }
        if line.hasPrefix("--- "), problem.contains("mapping values are not allowed") {
            return (.syntax, "a map cannot begin on the line of its `---`", "write `---` on a line of its own")
        }
        return nil
    }

    private static func explanation(
        _ problem: String,
        _ context: String,
        _ character: Unicode.Scalar?
    ) -> (code: DiagnosticCode, message: String, help: String) {
        if character == "\t" || problem.contains("tab character") {
            return (.tab, "a tab cannot indent YAML", "replace it by blanks")
        }
        if context.contains("anchor") || context.contains("alias") {
            let isAlias = context.contains("alias")
            return (
                isAlias ? .alias : .anchor,
                "a text cannot begin with `\(isAlias ? "*" : "&")` outside of quotes",
                "put it in quotes"
            )
        }
        if problem.contains("undefined tag handle") || context.contains("a tag") {
            return (.tag, "a tag (`!name`) is not allowed", "where a text begins with `!`, put it in quotes")
        }
        let match = explanations.first { problem.contains($0.problem) && context.contains($0.context) }
        if let match { return (.syntax, match.message, match.help) }
        if problem.contains("cannot start any token"), let character {
            return (.syntax, "a text cannot begin with `\(character)` outside of quotes", "put it in quotes")
        }
        return (.syntax, "this is not YAML: \(problem)", "compare it with the lines around it")
    }

    private static let explanations: [(problem: String, context: String, message: String, help: String)] = [
        (
            "mapping values are not allowed", "", "a `:` cannot stand here",
            "put a text that contains `: ` in quotes; otherwise check the indentation of this line"
        ),
        (
            "could not find expected ':'", "", "a `:` is missing after the key",
            "write `key: value`; a text of several lines needs quotes or `|`"
        ),
        (
            "did not find expected key", "", "a key is expected here",
            "indent it like the keys before it; a text that contains quotes, `#` or `:` must be quoted as a whole"
        ),
        (
            "did not find expected '-'", "", "an item of the list is expected here",
            "indent it further if it belongs to the item above; a new item begins with `- `"
        ),
        (
            "did not find expected ',' or ']'", "", "the list `[` is not closed here",
            "separate items by `,` and end with `]`"
        ),
        (
            "did not find expected ',' or '}'", "", "the map `{` is not closed here",
            "separate pairs by `,` and end with `}`"
        ),
        ("unexpected end of stream", "quoted", "the quote that opens here is never closed", "close it"),
        ("unexpected document indicator", "quoted", "a quoted text cannot go on over `---`", "close the quote before"),
        (
            "unknown escape character", "", "this escape is unknown",
            "write `\\\\` for a backslash, or use single quotes"
        ),
        (
            "hexdecimal", "", "this escape needs hexadecimal digits",
            "write two after `\\x`, four after `\\u`, eight after `\\U`"
        ),
        ("invalid Unicode character", "", "this escape names no character", "write the character itself"),
        ("block sequence entries are not allowed", "", "a list cannot begin here", "begin it on a line of its own"),
        ("block mapping", "", "a map cannot begin here", "begin it on a line of its own"),
        ("mapping keys are not allowed", "", "a key cannot stand here", "put a text that begins with `?` in quotes"),
        (
            "expected <document start>", "", "the document has ended before this",
            "indent all keys of a document alike, and separate documents by a line `---`"
        ),
        ("expected node content", "", "a value is expected here", "write it, or remove the sign before it"),
        ("leading empty line", "", "an empty line before the text is indented too far", "remove its blanks"),
        (
            "unexpected ':'", "", "a `:` cannot stand here",
            "write a blank behind it, as in `key: value`, or put the text in quotes"
        ),
        ("directive", "", "a line that begins with `%` is not allowed here", "remove it, or put the text in quotes"),
        ("YAML document", "", "this version of YAML is unknown", "remove the `%YAML` line"),
        (
            "expected comment or line break", "block scalar", "only a comment may follow `|` or `>`",
            "begin the text on the next line"
        ),
        ("indentation indicator", "", "the number after `|` or `>` must be 1 to 9", "remove it"),
    ]
}

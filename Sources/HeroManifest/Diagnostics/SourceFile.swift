internal import HeroModel

/// A file's text, as diagnostics need it: lines by number.
struct SourceFile {
    /// The lines once somebody asked for one: most files have no mistake, and few have only one.
    private final class LineCache {
        var ranges: [Range<Int>]?
    }

    /// The file.
    let file: ManifestFile
    private let lines = LineCache()

    init(file: ManifestFile) {
        self.file = file
    }

    /// A place in this file.
    func place(_ span: Span) -> ManifestLocation {
        ManifestLocation(file: file.path, line: Int(span.line), column: Int(span.column))
    }

    /// A line without its break; nil when there is none, or when it is too long to be shown.
    ///
    /// Lines are counted as libyaml counts them: CR LF, LF, CR, NEL, LS and PS all end one. Control characters become
    /// U+FFFD, one for one, so that a caret still points at the right column and nothing reaches a terminal.
    func line(_ number: Int) -> String? {
        // A file that is too large is not looked into.
        guard file.bytes.count <= InputLimits.fileBytes else { return nil }
        let lines = lines.ranges ?? Self.lines(file.bytes)
        self.lines.ranges = lines
        guard lines.indices.contains(number - 1) else { return nil }
        return Self.printable(file.bytes[lines[number - 1]])
    }

    /// The place itself, or the end of the last line where it lies behind the file.
    ///
    /// libyaml adds a line to a file whose last one has no end.
    func clamped(_ span: Span) -> Span {
        guard file.bytes.count <= InputLimits.fileBytes else { return span }
        let lines = lines.ranges ?? Self.lines(file.bytes)
        self.lines.ranges = lines
        guard Int(span.line) > lines.count, let last = lines.last else { return span }
        let width = file.bytes[last].count { $0 & 0xC0 != 0x80 }
        return Span(line: Int32(clamping: lines.count), column: Int32(clamping: width + 1), length: 1)
    }

    private static func lines(_ bytes: [UInt8]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = ByteOrderMark.isPresent(bytes) ? 3 : 0
        var index = start
        while index < bytes.count {
            let width = breakWidth(bytes, at: index)
            if width == 0 {
                index += 1
                continue
            }
            result.append(start..<index)
            index += width
            start = index
        }
        result.append(start..<bytes.count)
        return result
    }

    /// The bytes of the line break at an index; 0 where there is none.
    static func breakWidth(_ bytes: [UInt8], at index: Int) -> Int {
        func byte(_ offset: Int) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }
        switch bytes[index] {
        case 0x0A: return 1
        case 0x0D: return byte(1) == 0x0A ? 2 : 1
        case 0xC2: return byte(1) == 0x85 ? 2 : 0
        case 0xE2: return byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9) ? 3 : 0
        default: return 0
        }
    }

    private static func printable(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count <= 1000 else { return nil }
        var result = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            let isControl = (scalar.value < 32 && scalar != "\t") || (127..<160).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return result
    }

    /// A diagnostic about a place in this file, with its line and the width of its caret.
    func diagnostic(
        _ severity: Diagnostic.Severity,
        _ code: DiagnosticCode,
        _ message: String,
        help: String?,
        at span: Span,
        notes: [Diagnostic.Note] = []
    ) -> Diagnostic {
        let span = clamped(span)
        let excerpt = line(Int(span.line))
        var length = Int(span.length)
        if let excerpt {
            // A caret never runs past the end of its line.
            let rest = max(1, excerpt.unicodeScalars.count - Int(span.column) + 1)
            length = length == 0 ? rest : min(length, rest)
        }
        return Diagnostic(
            severity,
            code: code.rawValue,
            message,
            help: help,
            at: place(span),
            excerpt: excerpt,
            length: max(1, length),
            notes: notes
        )
    }

    /// A note about a place in this file.
    func note(_ message: String, at span: Span) -> Diagnostic.Note {
        Diagnostic.Note(message, at: place(span), excerpt: line(Int(span.line)))
    }
}

/// Where one file is being read: who it is, and what was found wrong so far.
struct FileDecoder {
    /// The file's number in the set.
    let fileIndex: Int
    /// Its text.
    let source: SourceFile
    /// Mistakes so far.
    private(set) var diagnostics: [Diagnostic] = []
    private var limiter = DiagnosticLimiter()
    /// Names that a part of the file which cannot be read probably declares: nobody is told that they are unknown.
    var possiblyDeclaredNames: Set<String> = []
    /// Whether a `$` stands in any of its values.
    var hasDollar = false
    /// The context of the document that is being decoded.
    var context = QualifiedName.defaultContext

    init(fileIndex: Int, file: ManifestFile) {
        self.fileIndex = fileIndex
        source = SourceFile(file: file)
    }

    /// Adds a mistake, unless the file has had its share of them.
    mutating func report(
        _ code: DiagnosticCode,
        _ message: String,
        help: String?,
        at span: Span,
        notes: [Diagnostic.Note] = [],
        severity: Diagnostic.Severity = .error
    ) {
        guard let found = limiter.makeDiagnostic(source, severity, code, message, help, span, notes) else { return }
        // An anchor in a bad place is reported by the event and by its meaning: one of them is enough.
        if diagnostics.last != found { diagnostics.append(found) }
    }
}

/// How many mistakes of one file are shown: errors and warnings each have their share.
struct DiagnosticLimiter {
    private var errors = 0
    private var warnings = 0

    /// The mistake while there is room, then once that there are more, then nil.
    mutating func makeDiagnostic(
        _ source: SourceFile,
        _ severity: Diagnostic.Severity,
        _ code: DiagnosticCode,
        _ message: String,
        _ help: String?,
        _ span: Span,
        _ notes: [Diagnostic.Note]
    ) -> Diagnostic? {
        let count: Int
        switch severity {
        case .error:
            errors += 1
            count = errors
        case .warning:
            warnings += 1
            count = warnings
        }
        if count <= InputLimits.diagnostics {
            return source.diagnostic(severity, code, message, help: help, at: span, notes: notes)
        }
        guard count == InputLimits.diagnostics + 1 else { return nil }
        return source.diagnostic(
            severity,
            .tooManyMistakes,
            "more than \(InputLimits.diagnostics) \(severity.rawValue)s in this file; the rest is not shown",
            help: "correct those above first",
            at: span
        )
    }
}

/// Quotes the author's words in a message: short, on one line, without control characters.
func quoted(_ text: some StringProtocol) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < 60 else { return "`\(result)...`" }
        let isControl = scalar.value < 32 || (127..<160).contains(scalar.value)
        if ConfusableCharacter.isInvisible(scalar) {
            result += "<\(ConfusableCharacter.codePoint(scalar))>"
        } else {
            result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        count += 1
    }
    return "`\(result)`"
}

internal import HeroModel

/// A manifest file with access to its lines, which diagnostics show.
struct SourceFile {
    /// The ranges of the lines, computed on the first access: most files need none of them.
    private final class LineCache {
        var ranges: [Range<Int>]?
    }

    /// The file.
    let file: ManifestFile
    private let lines = LineCache()

    init(file: ManifestFile) {
        self.file = file
    }

    /// Returns the location of a span of this file.
    func location(_ span: Span) -> ManifestLocation {
        ManifestLocation(file: file.path, line: Int(span.line), column: Int(span.column))
    }

    /// Returns a line without its line break; nil if the file has no such line or the line is longer than 1000 bytes.
    ///
    /// Lines are counted as libyaml counts them: CR LF, LF, CR, NEL, LS and PS each end a line. Each control character
    /// is replaced by U+FFFD, so that columns stay correct and no control character reaches a terminal.
    func line(_ number: Int) -> String? {
        // The lines of a file that is over the size limit are not read.
        guard file.bytes.count <= InputLimits.fileBytes else { return nil }
        let lines = lines.ranges ?? Self.lines(file.bytes)
        self.lines.ranges = lines
        guard lines.indices.contains(number - 1) else { return nil }
        return Self.printable(file.bytes[lines[number - 1]])
    }

    /// Returns the span itself, or the end of the last line if the span is behind the end of the file.
    ///
    /// libyaml counts one line more if the last line of the file has no line break.
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

    /// Returns the number of bytes of the line break at an index; 0 if there is no line break.
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

    /// Makes a diagnostic about a span of this file, with the line and the width of the caret.
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
            // The caret must not extend past the end of the line.
            let rest = max(1, excerpt.unicodeScalars.count - Int(span.column) + 1)
            length = length == 0 ? rest : min(length, rest)
        }
        return Diagnostic(
            severity,
            code: code.rawValue,
            message,
            help: help,
            at: location(span),
            excerpt: excerpt,
            length: max(1, length),
            notes: notes
        )
    }

    /// Makes a note about a span of this file.
    func note(_ message: String, at span: Span) -> Diagnostic.Note {
        Diagnostic.Note(message, at: location(span), excerpt: line(Int(span.line)))
    }
}

/// Source text as lines of code, without comments and the content of strings.
struct SourceText: Sendable {
    /// The lines of the file.
    let lines: [Substring]
    /// The same lines without comments and the content of string literals.
    let code: [String]

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var blanker = Blanker()
        code = lines.map { blanker.blank($0) }
    }

    /// The number of lines; a final newline does not start another line.
    var lineCount: Int { lines.last?.isEmpty == true ? lines.count - 1 : lines.count }

    /// The imported modules of a Swift source, with the line numbers.
    var imports: [(module: String, line: Int)] {
        code.enumerated().filter { $1.contains("import") }.flatMap { index, line in
            line.split(separator: ";").compactMap { statement in
                Self.importedModule(in: statement).map { ($0, index + 1) }
            }
        }
    }

    /// The included files of a C source, with the line numbers.
    var includes: [(file: String, line: Int)] {
        lines.enumerated().compactMap { index, line in
            guard line.contains("include"),
                let match = line.firstMatch(of: /^\s*#\s*include\s*[<"]([^>"]+)[>"]/)
            else { return nil }
            return (String(match.1), index + 1)
        }
    }

    /// The names after a keyword, such as `func`.
    func names(after keyword: String) -> Set<Substring> {
        Set(
            lines.filter { $0.contains(keyword) }.flatMap { line in
                let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
                return zip(words, words.dropFirst()).filter { $0.0 == keyword }.map(\.1)
            }
        )
    }

    private static func importedModule(in statement: Substring) -> String? {
        let words = statement.split(whereSeparator: \.isWhitespace)
        guard let keyword = words.firstIndex(of: "import"), words[..<keyword].allSatisfy(isImportModifier) else {
            return nil
        }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let path = words[(keyword + 1)...].first { !kinds.contains($0) }
        return path?.split(separator: ".").first.map(String.init)
    }

    private static func isImportModifier(_ word: Substring) -> Bool {
        word.hasPrefix("@") || ["public", "package", "internal", "fileprivate", "private"].contains(word)
    }
}

/// Removes comments and the content of string literals line by line, so that the rest can be searched as code.
///
/// Sufficient for formatted sources. Interpolations count as part of their string.
private struct Blanker {
    private enum State {
        case code
        case comment(depth: Int)
        case longString
    }

    private var state = State.code

    mutating func blank(_ line: Substring) -> String {
        // Most lines contain nothing to remove, and a loop over all characters is slow.
        switch state {
        case .code where !line.contains("\"") && !line.contains("/"): return String(line)
        case .longString where !line.contains(#"""""#): return ""
        case .code, .longString, .comment: break
        }
        var rest = line
        var result = ""
        while let first = rest.first {
            switch state {
            case .comment(let depth):
                if rest.hasPrefix("*/") {
                    rest.removeFirst(2)
                    state = depth == 1 ? .code : .comment(depth: depth - 1)
                } else if rest.hasPrefix("/*") {
                    rest.removeFirst(2)
                    state = .comment(depth: depth + 1)
                } else {
                    rest.removeFirst()
                }
            case .longString:
                if rest.hasPrefix(#"""""#) {
                    rest.removeFirst(3)
                    state = .code
                } else {
                    rest.removeFirst()
                }
            case .code:
                if rest.hasPrefix("//") {
                    return result
                } else if rest.hasPrefix("/*") {
                    rest.removeFirst(2)
                    state = .comment(depth: 1)
                } else if rest.hasPrefix(#"""""#) {
                    rest.removeFirst(3)
                    state = .longString
                } else if rest.hasPrefix("#\""), let end = rest.dropFirst(2).firstRange(of: "\"#") {
                    rest = rest[end.upperBound...]
                    result += "\"\""
                } else if first == "\"" {
                    rest = Self.afterString(rest.dropFirst())
                    result += "\"\""
                } else {
                    let end = rest.dropFirst().firstIndex { $0 == "\"" || $0 == "/" || $0 == "#" } ?? rest.endIndex
                    result += rest[..<end]
                    rest = rest[end...]
                }
            }
        }
        return result
    }

    /// The text after the closing quote of a string literal on one line.
    private static func afterString(_ text: Substring) -> Substring {
        var rest = text
        while let character = rest.popFirst() {
            if character == "\\" { _ = rest.popFirst() }
            if character == "\"" { break }
        }
        return rest
    }
}

/// An `env_file`: lines of `KEY=VALUE` as in docker compose, without variable expansion.
///
/// Blank lines and lines that begin with `#` are ignored, and so is `export ` before a name. `:` can replace `=`. A
/// value without quotes ends at ` #` and is trimmed; a `#` at its start or without a space before it belongs to it. In
/// single quotes only `\'` is an escape; in double quotes `\n`, `\r`, `\t`, `\a`, `\b`, `\f`, `\v`, `\"`, `\\`, `\$`
/// and three octal digits after `\0` are. A quoted value can span several lines; only a comment can follow it. The last
/// line of a name counts. CR LF ends a line like LF. A byte order mark is skipped.
public enum EnvironmentFile {
    /// A syntax error in the file.
    ///
    /// It contains no part of a value, because the value may be a secret (SE-1).
    public struct SyntaxError: Error, Hashable, Sendable {
        /// The line, from 1.
        public var line: Int
        /// The problem as text.
        public var reason: String
    }

    /// Parses the content of a file.
    public static func parse(_ bytes: [UInt8]) throws(SyntaxError) -> [String: String] {
        var reader = Reader(bytes: bytes)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.index = 3 }
        var result: [String: String] = [:]
        while let (name, value) = try reader.nextVariable() { result[name] = value }
        return result
    }

    /// A position in a file.
    private struct Reader {
        let bytes: [UInt8]
        var index = 0
        var line = 1

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

        private var isAtLineEnd: Bool {
            switch byte {
            case nil, UInt8(ascii: "\n"): true
            case UInt8(ascii: "\r"): index + 1 == bytes.count || bytes[index + 1] == UInt8(ascii: "\n")
            default: false
            }
        }

        /// Reads the next variable; nil at the end.
        mutating func nextVariable() throws(SyntaxError) -> (String, String)? {
            while true {
                skipBlanks()
                if !isAtLineEnd, byte != UInt8(ascii: "#") { break }
                guard skipLine() else { return nil }
            }
            let name = try readName()
            skipBlanks()
            let value: [UInt8]
            switch byte {
            case UInt8(ascii: "'"): value = try readQuotedValue(by: UInt8(ascii: "'"))
            case UInt8(ascii: "\""): value = try readQuotedValue(by: UInt8(ascii: "\""))
            default: value = readBareValue()
            }
            guard !value.contains(0) else { throw syntaxError("the value of `\(name)` contains the character NUL") }
            guard let text = String(validating: value, as: UTF8.self) else {
                throw syntaxError("the value of `\(name)` is not UTF-8")
            }
            _ = skipLine()
            return (name, text)
        }

        private mutating func readName() throws(SyntaxError) -> String {
            var text = readText { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ":") }
            guard byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") else {
                throw syntaxError("there is no `=`: write `NAME=value`")
            }
            index += 1
            let export = Array("export".utf8)
            if text.starts(with: export), let after = text.dropFirst(export.count).first, Self.isBlank(after) {
                text = text.dropFirst(export.count).drop(while: Self.isBlank)
            }
            while let last = text.last, Self.isBlank(last) { text = text.dropLast() }
            guard !text.isEmpty, let name = String(validating: text, as: UTF8.self),
                name.unicodeScalars.allSatisfy(Self.isNameCharacter)
            else {
                throw syntaxError("the text before `=` is not a valid name: use letters, digits, `_`, `.` and `-`")
            }
            return name
        }

        /// Reads a value without quotes, up to the end of its line or to a comment.
        private mutating func readBareValue() -> [UInt8] {
            // The blanks before the value are skipped already, so a `#` at its start belongs to it.
            var wasSpace = false
            var text = readText { byte in
                defer { wasSpace = byte == 0x20 }
                return !(wasSpace && byte == UInt8(ascii: "#"))
            }
            while let last = text.last, Self.isBlank(last) { text = text.dropLast() }
            return Array(text)
        }

        /// Reads a quoted value, which can span several lines.
        private mutating func readQuotedValue(by quote: UInt8) throws(SyntaxError) -> [UInt8] {
            let begin = line
            var result: [UInt8] = []
            index += 1
            while let current = byte, current != quote {
                index += 1
                switch current {
                case UInt8(ascii: "\\"): result += readEscape(in: quote)
                case UInt8(ascii: "\n"):
                    line += 1
                    result.append(current)
                case UInt8(ascii: "\r") where byte == UInt8(ascii: "\n"): continue
                default: result.append(current)
                }
            }
            guard byte == quote else {
                throw SyntaxError(line: begin, reason: "the quote that opens here is never closed")
            }
            index += 1
            skipBlanks()
            guard isAtLineEnd || byte == UInt8(ascii: "#") else {
                throw syntaxError(
                    "text follows the closing quote: write `\\` before a quote that belongs to the value"
                )
            }
            return result
        }

        /// Reads the character after a backslash and returns the value of the escape.
        private mutating func readEscape(in quote: UInt8) -> [UInt8] {
            let backslash = UInt8(ascii: "\\")
            guard let next = byte else { return [backslash] }
            if quote == UInt8(ascii: "\""), next == UInt8(ascii: "0") { return readOctalEscape() }
            let value: UInt8? =
                if quote == UInt8(ascii: "'") {
                    next == quote ? next : nil
                } else {
                    switch next {
                    case UInt8(ascii: "n"): 0x0A
                    case UInt8(ascii: "r"): 0x0D
                    case UInt8(ascii: "t"): 0x09
                    case UInt8(ascii: "a"): 0x07
                    case UInt8(ascii: "b"): 0x08
                    case UInt8(ascii: "f"): 0x0C
                    case UInt8(ascii: "v"): 0x0B
                    case quote, backslash, UInt8(ascii: "$"): next
                    default: nil
                    }
                }
            // A backslash that is not part of an escape is a normal character.
            guard let value else { return [backslash] }
            index += 1
            return [value]
        }

        /// Reads `0` and three octal digits after a backslash; without the digits, the backslash is a normal character.
        private mutating func readOctalEscape() -> [UInt8] {
            let digits = bytes[min(index + 1, bytes.count)...].prefix(3)
            guard digits.count == 3, digits.allSatisfy({ (48...55).contains($0) }) else { return [UInt8(ascii: "\\")] }
            let value = digits.reduce(0) { $0 * 8 + Int($1) - 48 }
            guard value <= 255, let scalar = Unicode.Scalar(UInt32(value)) else { return [UInt8(ascii: "\\")] }
            index += 4
            return Array(String(scalar).utf8)
        }

        // MARK: Bytes

        private mutating func readText(while isWanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
            let begin = index
            while !isAtLineEnd, isWanted(bytes[index]) { index += 1 }
            return bytes[begin..<index]
        }

        private mutating func skipBlanks() {
            while let current = byte, Self.isBlank(current) { index += 1 }
        }

        /// Skips to the next line; returns false if there is none.
        private mutating func skipLine() -> Bool {
            while let current = byte {
                index += 1
                if current == UInt8(ascii: "\n") {
                    line += 1
                    return true
                }
            }
            return false
        }

        private func syntaxError(_ reason: String) -> SyntaxError { SyntaxError(line: line, reason: reason) }

        private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

        private static func isNameCharacter(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar {
            case "_", ".", "-", "[", "]": true
            default: scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            }
        }
    }
}

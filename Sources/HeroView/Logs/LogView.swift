import HeroJSON

/// Lines of a log as bytes for a file, a pipe or a terminal (LG-4).
public struct LogView: Sendable {
    /// Whether the output is a terminal, so that control characters are escaped.
    public var isForTerminal: Bool
    /// Whether each line starts with its time.
    public var showsTimestamps: Bool
    /// The start of each line, such as `server | `; may be empty.
    public var prefix: String

    /// Creates a view.
    public init(isForTerminal: Bool, showsTimestamps: Bool = false, prefix: String = "") {
        self.isForTerminal = isForTerminal
        self.showsTimestamps = showsTimestamps
        self.prefix = prefix
    }

    /// The prefixes of several actions, padded to one width; empty for a single action unless it is always needed.
    public static func prefixes(for actions: [String], always: Bool = false) -> [String] {
        guard actions.count > 1 || always else { return actions.map { _ in "" } }
        let names = actions.map(\.printable)
        let width = names.map(\.columns).max() ?? 0
        return names.map { $0.padded(to: width) + " | " }
    }

    /// Appends an entry.
    ///
    /// An unfinished line at the end of the log gets a line feed only where more output may follow. In a file or a pipe
    /// the text stays as the program wrote it.
    public func append(_ entry: LogEntry, to output: inout [UInt8]) {
        if !entry.continuesLine {
            output += prefix.utf8
            if showsTimestamps, !entry.timestamp.isEmpty {
                output += entry.timestamp
                output.append(UInt8(ascii: " "))
            }
        }
        if isForTerminal {
            Self.append(printable: entry.text, to: &output)
        } else {
            output += entry.text
        }
        switch entry.end {
        case .lineFeed: output.append(UInt8(ascii: "\n"))
        case .moreFollows: break
        case .endOfLog:
            if isForTerminal || showsTimestamps || !prefix.isEmpty { output.append(UInt8(ascii: "\n")) }
        }
    }

    /// Appends bytes in a form that is safe for a terminal: control characters other than line feed and tab, and bytes
    /// that are not UTF-8, become visible escapes such as `\x1b`; everything else stays.
    public static func append(printable bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        if bytes.allSatisfy({ ($0 >= 0x20 && $0 < 0x7F) || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\n") }) {
            output += bytes
            return
        }
        var rest = bytes
        while let first = rest.first {
            if first < 0x80 {
                if (first >= 0x20 && first != 0x7F) || first == UInt8(ascii: "\t") || first == UInt8(ascii: "\n") {
                    output.append(first)
                } else {
                    append(escaped: first, to: &output)
                }
                rest = rest.dropFirst()
            } else if let (scalar, length) = Self.scalar(rest) {
                if scalar.isTerminalControl {
                    output += scalar.visibleEscape.utf8
                } else {
                    output += rest.prefix(length)
                }
                rest = rest.dropFirst(length)
            } else {
                append(escaped: first, to: &output)
                rest = rest.dropFirst()
            }
        }
    }

    /// The multi-byte character at the start of the bytes; nil if they are not UTF-8 (RFC 3629).
    private static func scalar(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, length: Int)? {
        guard let first = bytes.first else { return nil }
        let length: Int
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF: length = 3
        case 0xF0...0xF4: length = 4
        default: return nil
        }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        var count = 1
        for byte in bytes.dropFirst().prefix(length - 1) {
            guard byte & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
            count += 1
        }
        let minimum: UInt32 = length == 2 ? 0x80 : (length == 3 ? 0x800 : 0x10000)
        // Surrogates and values beyond Unicode are not scalars.
        guard count == length, value >= minimum, let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, length)
    }

    private static func append(escaped byte: UInt8, to output: inout [UInt8]) {
        func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 48 &+ nibble : 87 &+ nibble }
        output += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digit(byte >> 4), digit(byte & 15)]
    }
}

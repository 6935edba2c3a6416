extension JSONValue {
    /// The layout of the text.
    public enum Layout: Hashable, Sendable {
        /// One line without spaces.
        case compact
        /// Two spaces of indentation per level, one member or item per line.
        case pretty
        /// As `pretty`, but an array of scalars is on one line.
        case prettyWithInlineArrays
    }

    /// The value as text, without a final line break.
    ///
    /// Characters that control a terminal (control characters, changes of direction, line separators) are written as
    /// `\u` and four digits, so that the text is safe to show and has the same meaning.
    public func text(_ layout: Layout = .compact) -> String {
        var writer = JSONWriter(layout: layout)
        writer.write(self, level: 0)
        return writer.text
    }

    fileprivate var isScalar: Bool {
        switch self {
        case .null, .bool, .integer, .number, .string: true
        case .array, .object: false
        }
    }
}

/// Writes a JSON value in a layout.
private struct JSONWriter {
    let layout: JSONValue.Layout
    var text = ""

    init(layout: JSONValue.Layout) { self.layout = layout }

    mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += String(number)
        case .number(let number): text += number.isFinite ? String(number) : "null"
        case .string(let string): write(quoted: string)
        case .array(let items):
            let isInline = layout == .prettyWithInlineArrays && items.allSatisfy(\.isScalar)
            write(items, between: "[", "]", level: level, isInline: isInline) { writer, item in
                writer.write(item, level: level + 1)
            }
        case .object(let members):
            write(members, between: "{", "}", level: level, isInline: false) { writer, member in
                writer.write(quoted: member.key)
                writer.text += writer.layout == .compact ? ":" : ": "
                writer.write(member.value, level: level + 1)
            }
        }
    }

    private mutating func write<Item>(
        _ items: [Item],
        between open: String,
        _ close: String,
        level: Int,
        isInline: Bool,
        item writeItem: (inout JSONWriter, Item) -> Void
    ) {
        text += open
        for (index, item) in items.enumerated() {
            if index > 0 { text += isInline ? ", " : "," }
            if !isInline { writeLineBreak(level: level + 1) }
            writeItem(&self, item)
        }
        if !items.isEmpty, !isInline { writeLineBreak(level: level) }
        text += close
    }

    private mutating func writeLineBreak(level: Int) {
        guard layout != .compact else { return }
        text += "\n" + String(repeating: " ", count: level * 2)
    }

    private mutating func write(quoted string: String) {
        text += "\""
        if string.utf8.allSatisfy({ $0 >= 32 && $0 < 127 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            text += string
        } else {
            for scalar in string.unicodeScalars { write(scalar) }
        }
        text += "\""
    }

    private mutating func write(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case let control where control.isTerminalControl:
            // All of these characters are in the Basic Multilingual Plane, so four digits are enough.
            let digits = String(control.value, radix: 16)
            text += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        default: text.unicodeScalars.append(scalar)
        }
    }
}

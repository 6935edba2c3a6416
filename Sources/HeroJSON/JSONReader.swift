/// The reason why a text is not JSON, with the byte where reading has ended.
public struct JSONReadError: Error, Hashable, Sendable {
    /// The problem.
    public var problem: String
    /// The offset of the byte, from 0.
    public var offset: Int
}

/// Reads JSON (RFC 8259) from bytes of another program.
///
/// It is strict, uses no recursion, and limits the depth of the value.
public struct JSONReader {
    /// An array or object that is not complete yet.
    private struct Container {
        /// The name of the member that is being read; nil in an array.
        var key: String?
        var items: [JSONValue] = []
        var members: [JSONValue.Member] = []
    }

    private let bytes: [UInt8]
    private let maximumDepth: Int
    private var position = 0
    private var containers: [Container] = []

    /// Reads one value that fills the whole text.
    public static func read(_ bytes: [UInt8], maximumDepth: Int = 64) throws(JSONReadError) -> JSONValue {
        var reader = JSONReader(bytes, maximumDepth)
        return try reader.readDocument()
    }

    private init(_ bytes: [UInt8], _ maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ problem: String) -> JSONReadError { JSONReadError(problem: problem, offset: position) }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func readDocument() throws(JSONReadError) -> JSONValue {
        while true {
            // Otherwise a container begins, and its first item follows.
            guard var value = try beginValue() else { continue }
            while !containers.isEmpty {
                guard let completed = try add(value) else { break }
                value = completed
            }
            guard containers.isEmpty else { continue }
            skipSpace()
            guard current == nil else { throw failure("there is text after the value") }
            return value
        }
    }

    /// Reads a scalar or an empty container; opens any other container and returns nil.
    private mutating func beginValue() throws(JSONReadError) -> JSONValue? {
        skipSpace()
        guard let byte = current else { throw failure("the text ends within a value") }
        switch byte {
        case UInt8(ascii: "{"): return try beginContainer(isObject: true)
        case UInt8(ascii: "["): return try beginContainer(isObject: false)
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        case UInt8(ascii: "-"), 48...57: return try readNumber()
        default: throw failure("no value begins with this character")
        }
    }

    private mutating func beginContainer(isObject: Bool) throws(JSONReadError) -> JSONValue? {
        guard containers.count < maximumDepth else { throw failure("more than \(maximumDepth) levels") }
        position += 1
        skipSpace()
        if current == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            position += 1
            return isObject ? .object([]) : .array([])
        }
        containers.append(Container(key: isObject ? try readKey() : nil))
        return nil
    }

    /// Adds an item to the innermost container.
    ///
    /// - Returns: the container if it is complete; nil if another item follows.
    private mutating func add(_ value: JSONValue) throws(JSONReadError) -> JSONValue? {
        skipSpace()
        let last = containers.count - 1
        let isObject = containers[last].key != nil
        if let key = containers[last].key {
            containers[last].members.append(JSONValue.Member(key, value))
        } else {
            containers[last].items.append(value)
        }
        if current == UInt8(ascii: ",") {
            position += 1
            skipSpace()
            if isObject { containers[last].key = try readKey() }
            return nil
        }
        guard current == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw failure("`,` or `\(isObject ? "}" : "]")` is missing")
        }
        position += 1
        let container = containers.removeLast()
        return isObject ? .object(container.members) : .array(container.items)
    }

    private mutating func readKey() throws(JSONReadError) -> String {
        guard current == UInt8(ascii: "\"") else { throw failure("a member begins with its name in quotes") }
        let key = try readString()
        skipSpace()
        guard current == UInt8(ascii: ":") else { throw failure("`:` is missing") }
        position += 1
        return key
    }

    private mutating func readWord(_ word: StaticString, _ value: JSONValue) throws(JSONReadError) -> JSONValue {
        for byte in word.description.utf8 {
            guard current == byte else { throw failure("unknown word") }
            position += 1
        }
        return value
    }

    private mutating func readNumber() throws(JSONReadError) -> JSONValue {
        let start = position
        var isWhole = true
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") {
            position += 1
        } else {
            try readDigits()
        }
        if current == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try readDigits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if current == UInt8(ascii: "-") || current == UInt8(ascii: "+") { position += 1 }
            try readDigits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let number = Int64(text) { return .integer(number) }
        guard let number = Double(text), number.isFinite else { throw failure("the number is too large") }
        return .number(number)
    }

    private mutating func readDigits() throws(JSONReadError) {
        let start = position
        while let byte = current, (48...57).contains(byte) { position += 1 }
        if position == start { throw failure("a digit is missing") }
    }

    private mutating func readString() throws(JSONReadError) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("text is not UTF-8") }
                return text
            case UInt8(ascii: "\\"): content += try readEscape()
            case 0..<0x20: throw failure("a string contains a control character")
            default: content.append(byte)
            }
        }
        throw failure("the text ends within a string")
    }

    private mutating func readEscape() throws(JSONReadError) -> [UInt8] {
        guard let byte = current else { throw failure("the text ends within a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): break
        default: throw failure("unknown escape")
        }
        var code = try readUnit()
        if (0xD800..<0xDC00).contains(code) {
            guard current == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u")
            else { throw failure("half of a surrogate pair") }
            position += 2
            let low = try readUnit()
            guard (0xDC00..<0xE000).contains(low) else { throw failure("half of a surrogate pair") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair") }
        return Array(String(Character(scalar)).utf8)
    }

    /// Reads the four digits of a `\u` escape.
    private mutating func readUnit() throws(JSONReadError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw failure("a `\\u` escape has four digits")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }
}

internal import GRDB
internal import HeroModel

/// Reads a row from left to right.
///
/// What stands in a file is outside input, even in ours: a wrong type is an error here, where GRDB's own
/// subscripts would stop the program.
struct Columns {
    private let row: Row
    private let stored: StoredText
    private var index = 0

    init(_ row: Row, _ stored: StoredText) {
        self.row = row
        self.stored = stored
    }

    private mutating func next() -> DatabaseValue {
        defer { index += 1 }
        guard index < row.count else { return .null }
        return row[index]
    }

    private mutating func required<Value>(_ what: String, _ value: Value?) throws -> Value {
        guard let value else { throw Unreadable(what: "column \(index) (no \(what))") }
        return value
    }

    mutating func optionalInteger() throws -> Int64? {
        switch next().storage {
        case .null: nil
        case .int64(let value): value
        case .double, .string, .blob: throw Unreadable(what: "column \(index) (no integer)")
        }
    }

    mutating func integer() throws -> Int64 {
        let value = try optionalInteger()
        return try required("integer", value)
    }

    mutating func optionalNumber<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number? {
        guard let value = try optionalInteger() else { return nil }
        return try required("\(type)", Number(exactly: value))
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        let value = try integer()
        return try required("\(type)", Number(exactly: value))
    }

    mutating func flag() throws -> Bool {
        try integer() != 0
    }

    mutating func optionalText() throws -> String? {
        switch next().storage {
        case .null: nil
        case .string(let value): value
        case .double, .int64, .blob: throw Unreadable(what: "column \(index) (no text)")
        }
    }

    mutating func text() throws -> String {
        let value = try optionalText()
        return try required("text", value)
    }

    mutating func bytes() throws -> [UInt8] {
        switch next().storage {
        case .blob(let data): [UInt8](data)
        case .null, .int64, .double, .string: throw Unreadable(what: "column \(index) (no bytes)")
        }
    }

    mutating func word<Word: RawRepresentable>(_ type: Word.Type) throws -> Word where Word.RawValue == String {
        let text = try text()
        guard let word = Word(rawValue: text) else { throw Unreadable(what: "\"\(text)\" (no \(type))") }
        return word
    }

    mutating func time() throws -> WallTime {
        try stored.time(text())
    }

    mutating func optionalTime() throws -> WallTime? {
        try optionalText().map(stored.time)
    }

    mutating func optionalOutcome() throws -> Outcome? {
        try optionalText().map(stored.outcome)
    }

    mutating func list() throws -> [String] {
        try stored.list(from: text())
    }

    mutating func names() throws -> [QualifiedName] {
        try stored.names(from: text())
    }

    mutating func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try stored.value(type, from: text())
    }
}

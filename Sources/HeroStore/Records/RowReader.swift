internal import GRDB
internal import HeroModel

/// Reads the columns of a row from left to right.
///
/// The file is external input: a wrong type throws an error here, while the subscripts of GRDB would terminate the
/// program.
struct RowReader {
    private let row: Row
    private let codec: ColumnCodec
    private var index = 0

    init(_ row: Row, _ codec: ColumnCodec) {
        self.row = row
        self.codec = codec
    }

    private mutating func next() -> DatabaseValue {
        defer { index += 1 }
        guard index < row.count else { return .null }
        return row[index]
    }

    private mutating func required<Value>(_ expected: String, _ value: Value?) throws -> Value {
        guard let value else { throw UnreadableColumn(content: "column \(index) (not \(expected))") }
        return value
    }

    mutating func optionalInteger() throws -> Int64? {
        switch next().storage {
        case .null: nil
        case .int64(let value): value
        case .double, .string, .blob: throw UnreadableColumn(content: "column \(index) (not an integer)")
        }
    }

    mutating func integer() throws -> Int64 {
        let value = try optionalInteger()
        return try required("an integer", value)
    }

    mutating func optionalNumber<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number? {
        guard let value = try optionalInteger() else { return nil }
        return try required("a value of \(type)", Number(exactly: value))
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        let value = try integer()
        return try required("a value of \(type)", Number(exactly: value))
    }

    mutating func bool() throws -> Bool {
        try integer() != 0
    }

    mutating func requestedRun() throws -> RequestedRun {
        let value = try integer()
        return try required("a requested run", RequestedRun(rawValue: value))
    }

    mutating func optionalText() throws -> String? {
        switch next().storage {
        case .null: nil
        case .string(let value): value
        case .double, .int64, .blob: throw UnreadableColumn(content: "column \(index) (not a text)")
        }
    }

    mutating func text() throws -> String {
        let value = try optionalText()
        return try required("a text", value)
    }

    mutating func bytes() throws -> [UInt8] {
        switch next().storage {
        case .blob(let data): [UInt8](data)
        case .null, .int64, .double, .string: throw UnreadableColumn(content: "column \(index) (not bytes)")
        }
    }

    mutating func enumeration<Value: RawRepresentable>(_ type: Value.Type) throws -> Value
    where Value.RawValue == String {
        let text = try text()
        guard let value = Value(rawValue: text) else { throw UnreadableColumn(content: "\"\(text)\" (not a \(type))") }
        return value
    }

    mutating func optionalEnumeration<Value: RawRepresentable>(_ type: Value.Type) throws -> Value?
    where Value.RawValue == String {
        guard let text = try optionalText() else { return nil }
        guard let value = Value(rawValue: text) else { throw UnreadableColumn(content: "\"\(text)\" (not a \(type))") }
        return value
    }

    mutating func time() throws -> WallTime {
        try codec.time(text())
    }

    mutating func optionalTime() throws -> WallTime? {
        try optionalText().map(codec.time)
    }

    mutating func optionalOutcome() throws -> Outcome? {
        try optionalText().map(codec.outcome)
    }

    mutating func list() throws -> [String] {
        try codec.list(from: text())
    }

    mutating func names() throws -> [QualifiedName] {
        try codec.names(from: text())
    }

    mutating func json<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try codec.value(type, from: text())
    }

    mutating func optionalJSON<Value: Decodable>(_ type: Value.Type) throws -> Value? {
        try optionalText().map { try codec.value(type, from: $0) }
    }
}

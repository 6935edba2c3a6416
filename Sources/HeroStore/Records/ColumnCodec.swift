internal import Foundation
internal import HeroModel

/// Values as the text that stands in a column, and back.
///
/// The same few texts come again and again (no tags, exit code 0, now), so both ways remember them.
final class ColumnCodec {
    private var lists = BoundedCache<[String], String>()
    private var readLists = BoundedCache<String, [String]>()
    private var times = BoundedCache<WallTime, String>()
    private var readTimes = BoundedCache<String, WallTime>()
    private var outcomes = BoundedCache<Outcome, String>()
    private var readOutcomes = BoundedCache<String, Outcome>()
    private let encoder = JSONEncoder()
    private let decoder = JSONDecoder()

    init() {
        // Sorted, so that equal values are equal texts.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// RFC 3339.
    func text(_ time: WallTime) -> String {
        times.value(for: time) { $0.description }
    }

    /// RFC 3339, back.
    func time(_ text: String) throws -> WallTime {
        try readTimes.value(for: text) { text in
            guard let time = WallTime(text) else { throw UnreadableColumn(content: "the time \"\(text)\"") }
            return time
        }
    }

    /// A JSON array of texts.
    func list(_ texts: [String]) throws -> String {
        if texts.isEmpty { return "[]" }
        return try lists.value(for: texts) { try json($0) }
    }

    /// A JSON array of texts, back.
    func list(from text: String) throws -> [String] {
        if text == "[]" { return [] }
        return try readLists.value(for: text) { try value([String].self, from: $0) }
    }

    /// A JSON array of `context/name`.
    func names(_ names: [QualifiedName]) throws -> String {
        if names.isEmpty { return "[]" }
        return try list(names.map(\.description))
    }

    /// A JSON array of `context/name`, back.
    func names(from text: String) throws -> [QualifiedName] {
        if text == "[]" { return [] }
        return try list(from: text).map { text in
            guard let slash = text.firstIndex(of: "/") else { throw UnreadableColumn(content: "the name \"\(text)\"") }
            return QualifiedName(String(text[text.index(after: slash)...]), context: String(text[..<slash]))
        }
    }

    /// An outcome as JSON.
    func text(_ outcome: Outcome) throws -> String {
        try outcomes.value(for: outcome) { try json($0) }
    }

    /// An outcome from JSON.
    func outcome(_ text: String) throws -> Outcome {
        try readOutcomes.value(for: text) { try value(Outcome.self, from: $0) }
    }

    /// Any value as JSON, keys sorted.
    func json(_ value: some Encodable) throws -> String {
        String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Any value from JSON.
    func value<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
        do {
            return try decoder.decode(type, from: Data(text.utf8))
        } catch {
            throw UnreadableColumn(content: "the JSON of \(type)")
        }
    }
}

/// A column that holds something this program cannot have written.
struct UnreadableColumn: Error {
    /// What is found there.
    var content: String
}

/// The last results of a function, a bounded number of them.
private struct BoundedCache<Key: Hashable, Value> {
    private var values: [Key: Value] = [:]

    mutating func value(for key: Key, _ make: (Key) throws -> Value) rethrows -> Value {
        if let value = values[key] { return value }
        let value = try make(key)
        if values.count >= 1024 { values.removeAll(keepingCapacity: true) }
        values[key] = value
        return value
    }
}

/// A short name for a text: FNV-1a with 128 bits, in hexadecimal.
///
/// It is stable for ever and not cryptographic: two texts with one digest are told apart by their bytes.
public func contentDigest(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in bytes {
        hash ^= UInt128(byte)
        hash &*= 0x0000_0000_0100_0000_0000_0000_0000_013b
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: max(0, 32 - digits.count)) + digits
}

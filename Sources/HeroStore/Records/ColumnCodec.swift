internal import Foundation
internal import HeroJSON
internal import HeroModel

/// Converts values to the text of a column and back.
///
/// Few different texts occur very often (no tags, exit code 0, now), so both directions are cached.
final class ColumnCodec {
    private var lists = BoundedCache<[String], String>()
    private var readLists = BoundedCache<String, [String]>()
    private var times = BoundedCache<WallTime, String>()
    private var readTimes = BoundedCache<String, WallTime>()
    private var outcomes = BoundedCache<Outcome, String>()
    private var readOutcomes = BoundedCache<String, Outcome>()
    private let decoder = JSONDecoder()

    /// A time as RFC 3339.
    func text(_ time: WallTime) -> String {
        times.value(for: time) { $0.description }
    }

    /// A time from RFC 3339.
    func time(_ text: String) throws -> WallTime {
        try readTimes.value(for: text) { text in
            guard let time = WallTime(text) else { throw UnreadableColumn(content: "the invalid time \"\(text)\"") }
            return time
        }
    }

    /// Texts as a JSON array.
    func list(_ texts: [String]) throws -> String {
        if texts.isEmpty { return "[]" }
        return try lists.value(for: texts) { try json($0) }
    }

    /// Texts from a JSON array.
    func list(from text: String) throws -> [String] {
        if text == "[]" { return [] }
        return try readLists.value(for: text) { try value([String].self, from: $0) }
    }

    /// Names as a JSON array of `context/name`.
    func names(_ names: [QualifiedName]) throws -> String {
        if names.isEmpty { return "[]" }
        return try list(names.map(\.description))
    }

    /// Names from a JSON array of `context/name`.
    func names(from text: String) throws -> [QualifiedName] {
        if text == "[]" { return [] }
        return try list(from: text).map { text in
            guard let slash = text.firstIndex(of: "/") else {
                throw UnreadableColumn(content: "the invalid name \"\(text)\"")
            }
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

    /// A value as JSON with sorted keys, so that equal values have equal texts.
    func json(_ value: some Encodable) throws -> String {
        String(decoding: try SortedJSONEncoder.encode(value), as: UTF8.self)
    }

    /// A value from JSON.
    func value<Value: Decodable>(_ type: Value.Type, from text: String) throws -> Value {
        do {
            return try decoder.decode(type, from: Data(text.utf8))
        } catch {
            throw UnreadableColumn(content: "invalid JSON of \(type)")
        }
    }
}

/// A column with a value that this program cannot have written.
struct UnreadableColumn: Error {
    /// A description of the invalid value.
    var content: String
}

/// A cache of results with a limited number of entries.
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

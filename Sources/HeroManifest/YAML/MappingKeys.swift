internal import HeroModel

/// The keys of a mapping so far: searched linearly while there are few, with a hash table when there are many.
struct MappingKeys {
    private var table: [ByteText: Int] = [:]

    /// Adds the key of the next entry; if the key exists already, returns the index of its entry.
    mutating func insert(_ key: String, among entries: [YAMLEntry]) -> Int? {
        let name = ByteText(key)
        if entries.count < 24 { return entries.firstIndex { ByteText($0.key) == name } }
        if table.isEmpty {
            for (index, entry) in entries.enumerated() { table[ByteText(entry.key)] = index }
        }
        if let first = table[name] { return first }
        table[name] = entries.count
        return nil
    }
}

/// The keys of a mapping so far: searched linearly while there are few, with a hash table when there are many.
struct MappingKeys {
    private var table: [String: Int] = [:]

    /// Adds the key of the next entry; if the key exists already, returns the index of its entry.
    mutating func insert(_ key: String, among entries: [YAMLEntry]) -> Int? {
        if entries.count < 24 { return entries.firstIndex { $0.key == key } }
        if table.isEmpty {
            for (index, entry) in entries.enumerated() { table[entry.key] = index }
        }
        if let first = table[key] { return first }
        table[key] = entries.count
        return nil
    }
}

/// A value in a manifest to write.
indirect enum ManifestValue: Hashable {
    /// A number, a keyword or a duration, written as it is.
    case plain(String)
    /// A text in the notation of manifests, quoted where YAML needs it.
    case text(String)
    /// The lines of a script.
    case block(String)
    /// A list.
    case list([ManifestValue])
    /// A map.
    case map(ManifestMap)

    /// A text with variables.
    static func text(_ text: ImportedText) -> Self { .text(text.manifestText) }
}

/// A map in a manifest to write, in the order in which its keys are written.
struct ManifestMap: Hashable {
    /// One entry.
    struct Entry: Hashable {
        /// The key.
        var key: String
        /// The value.
        var value: ManifestValue
    }

    /// The entries.
    private(set) var entries: [Entry] = []

    /// Whether there is no entry.
    var isEmpty: Bool { entries.isEmpty }

    /// The value of a key, or of a key of a nested map, such as `stop.signal`; nil removes it.
    subscript(path: String) -> ManifestValue? {
        get {
            let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
            guard let first = parts.first, let entry = entries.first(where: { $0.key == first }) else { return nil }
            guard parts.count == 2 else { return entry.value }
            if case .map(let inner) = entry.value { return inner[parts[1]] }
            return nil
        }
        set {
            let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
            guard let first = parts.first else { return }
            guard parts.count == 2 else {
                set(newValue, of: first)
                return
            }
            var inner = ManifestMap()
            if case .map(let present)? = self[first] { inner = present }
            inner[parts[1]] = newValue
            set(inner.isEmpty ? nil : .map(inner), of: first)
        }
    }

    /// Sets the value of a key that may contain a dot; nil removes it.
    mutating func set(_ value: ManifestValue?, of key: String) {
        let index = entries.firstIndex { $0.key == key }
        switch (index, value) {
        case (let index?, let value?): entries[index].value = value
        case (let index?, nil): entries.remove(at: index)
        case (nil, let value?): entries.append(Entry(key: key, value: value))
        case (nil, nil): break
        }
    }

    /// The entries in the order of a list of keys; keys that it does not have come last.
    func sorted(by order: [String]) -> [Entry] {
        let ranks = Dictionary(order.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        return entries.enumerated().sorted {
            (ranks[$0.element.key] ?? order.count, $0.offset) < (ranks[$1.element.key] ?? order.count, $1.offset)
        }.map(\.element)
    }
}

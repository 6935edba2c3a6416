extension ImportNode {
    /// The node with the keys of a later file: maps are merged by key, lists are joined, other values replaced.
    func merged(with later: ImportNode, depth: Int = 0) -> ImportNode {
        guard isMap, later.isMap, depth < 8 else {
            guard isList, later.isList, depth > 2 else { return later }
            var result = later
            result.content = .list(items + later.items)
            return result
        }
        var result = self
        var all = entries
        for entry in later.entries {
            if let index = all.firstIndex(where: { $0.key == entry.key }) {
                let value = all[index].value
                let replaces = entry.key == "command" || entry.key == "entrypoint" || entry.key == "test"
                all[index] = entry
                if !replaces { all[index].value = value.merged(with: entry.value, depth: depth + 1) }
            } else {
                all.append(entry)
            }
        }
        result.content = .map(all)
        return result
    }
}

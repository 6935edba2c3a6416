internal import HeroModel

/// An item of `env_file` that is a map: `{path: web.env, optional: true}`.
private struct EnvironmentFileDraft: ManifestDraft {
    var path: String?
    var isOptional = false
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []
}

extension FileDecoder {
    /// Decodes `env_file`: one file, or a list of files; a file is a path or a map.
    ///
    /// Each path is returned once.
    mutating func environmentFiles(_ node: YAMLNode, _ key: String) -> [EnvironmentFileReference] {
        let items: [YAMLNode] =
            switch node.content {
            case .sequence(let items): items
            case .scalar where node.isNull: []
            case .scalar, .mapping, .invalid: [node]
            }
        var files: [EnvironmentFileReference] = []
        var paths = OrderedSet<ByteText>()
        for item in items {
            guard let file = environmentFile(item, key) else { continue }
            if paths.append(ByteText(file.path)) {
                files.append(file)
            } else {
                reportListedTwice(item, key, file.path)
            }
        }
        return files
    }

    private mutating func environmentFile(_ item: YAMLNode, _ key: String) -> EnvironmentFileReference? {
        guard case .mapping(let entries) = item.content else {
            guard requireScalar(item, key, of: "paths", example: "web.env") else { return nil }
            return filePath(item, key, example: "\(lastComponent(key)): [web.env]").map {
                EnvironmentFileReference($0)
            }
        }
        let table = KeyTable<EnvironmentFileDraft>(
            of: key,
            prefix: "\(key).",
            [
                Key("path") { node, draft, decoder in
                    draft.path = decoder.filePath(node, "\(key).path", example: "path: web.env")
                },
                Key("optional") { node, draft, decoder in
                    if let value = decoder.boolean(node, "\(key).optional") { draft.isOptional = value }
                },
            ]
        )
        var draft = EnvironmentFileDraft()
        table.decode(entries, into: &draft, in: &self)
        if !entries.contains(where: { $0.key == "path" }), !draft.misspelledKeys.contains("path") {
            report(
                .missingKey,
                "an item of `\(key)` has no `path`",
                help: "write `{path: web.env, optional: true}`, or only the path",
                at: item.span
            )
        }
        return draft.path.map { EnvironmentFileReference($0, isOptional: draft.isOptional) }
    }
}

internal import HeroModel

/// One item of `folders` that is written as a map.
struct FolderDraft: ManifestDraft {
    private var path: String?
    private var mode: UInt32 = 0o755
    private var user: String?
    private var group: String?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    private init() {}

    /// Decodes the list of paths and maps; returns each folder once.
    static func decodeList(_ node: YAMLNode, in decoder: inout FileDecoder) -> [Folder] {
        var folders: [Folder] = []
        var paths = OrderedSet<ByteText>()
        for item in decoder.items(node, "folders", of: "paths", example: "/var/lib/web") {
            guard let folder = decode(item, in: &decoder) else { continue }
            if paths.append(ByteText(folder.path)) {
                folders.append(folder)
            } else {
                decoder.reportListedTwice(item, "folders", folder.path)
            }
        }
        return folders
    }

    private static func decode(_ item: YAMLNode, in decoder: inout FileDecoder) -> Folder? {
        guard case .mapping(let entries) = item.content else {
            guard decoder.requireScalar(item, "folders", of: "paths", example: "/var/lib/web") else { return nil }
            return decoder.path(item, "folders", example: "folders: [/var/lib/web]").map { Folder($0) }
        }
        var draft = Self()
        table.decode(entries, into: &draft, in: &decoder)
        if !entries.contains(where: { $0.key == "path" }), !draft.misspelledKeys.contains("path") {
            decoder.report(
                .missingKey,
                "this item of `folders` has no `path`",
                help: "add the path, as in `{path: /var/lib/web, mode: \"0750\"}`",
                at: item.span
            )
        }
        return draft.path.map { Folder($0, mode: draft.mode, user: draft.user, group: draft.group) }
    }

    /// The keys of an item.
    static let table = KeyTable<FolderDraft>(
        of: "folders",
        prefix: "folders.",
        [
            Key("path") { node, draft, decoder in
                draft.path = decoder.path(node, "folders.path", example: "path: /var/lib/web")
            },
            Key("mode") { node, draft, decoder in
                if let value = decoder.mode(node, "folders.mode") { draft.mode = UInt32(value) }
            },
            Key("user") { node, draft, decoder in draft.user = decoder.account(node, "user", other: "group") },
            Key("group") { node, draft, decoder in draft.group = decoder.account(node, "group", other: "user") },
        ]
    )
}

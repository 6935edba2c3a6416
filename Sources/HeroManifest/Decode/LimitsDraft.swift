internal import HeroModel

/// The `limits` map of an action, or of the defaults in the settings.
struct LimitsDraft: ManifestDraft {
    /// The decoded limits.
    private(set) var limits = ResourceLimits()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// The keys in an action.
    static let actionTable = table("limits")
    /// The keys in the settings.
    static let settingsTable = table("defaults.limits")

    private static func table(_ owner: String) -> KeyTable<Self> {
        func count(
            _ key: String,
            _ range: ClosedRange<Int>,
            _ set: @escaping @Sendable (inout ResourceLimits, Int64?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                set(&draft.limits, decoder.integer(node, path, in: range).map(Int64.init))
            }
        }
        func size(
            _ key: String,
            _ range: ClosedRange<Int64>,
            _ set: @escaping @Sendable (inout ResourceLimits, Int64?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in set(&draft.limits, decoder.size(node, path, in: range)) }
        }
        let cpu = owner + ".cpu"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                count("nofile", AllowedRanges.openFiles) { $0.openFiles = $1 },
                count("nproc", AllowedRanges.processes) { $0.processes = $1 },
                size("core", AllowedRanges.coreBytes) { $0.coreBytes = $1 },
                size("memory", AllowedRanges.memoryBytes) { $0.memoryBytes = $1 },
                count("pids", AllowedRanges.processes) { $0.treeProcesses = $1 },
                Key("cpu") { node, draft, decoder in
                    draft.limits.processors = decoder.number(node, cpu, in: AllowedRanges.processors)
                },
            ]
        )
    }
}

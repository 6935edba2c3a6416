internal import HeroModel

/// The `limits` map of an action, or of the defaults in the settings.
struct LimitsDraft: ManifestDraft {
    private var limits = ResourceLimits()
    /// The limits of the process tree that are `unlimited`, so that the default does not count.
    private var unlimitedKeys: Set<String> = []
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Returns the limits with the defaults for keys that are not written.
    func limits(defaultingTo defaults: ResourceLimits) -> ResourceLimits {
        var defaults = defaults
        if unlimitedKeys.contains("memory") { defaults.memoryBytes = nil }
        if unlimitedKeys.contains("pids") { defaults.treeProcesses = nil }
        if unlimitedKeys.contains("cpu") { defaults.processors = nil }
        return limits.completed(by: defaults)
    }

    /// The keys in an action.
    static let actionTable = table("limits")
    /// The keys in the settings.
    static let settingsTable = table("defaults.limits")

    private static func table(_ owner: String) -> KeyTable<Self> {
        func count(
            _ key: String,
            _ range: ClosedRange<Int>,
            _ set: @escaping @Sendable (inout ResourceLimits, ProcessLimit?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                let limit = decoder.processLimit(node, path, example: "1024") { decoder, node, path in
                    decoder.integer(node, path, in: range).map(Int64.init)
                }
                set(&draft.limits, limit)
            }
        }
        func size(
            _ key: String,
            _ range: ClosedRange<Int64>,
            _ set: @escaping @Sendable (inout ResourceLimits, ProcessLimit?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                let limit = decoder.processLimit(node, path, example: "64MiB") { decoder, node, path in
                    decoder.size(node, path, in: range)
                }
                set(&draft.limits, limit)
            }
        }
        func ofTree(
            _ key: String,
            _ decode: @escaping @Sendable (YAMLNode, String, inout ResourceLimits, inout FileDecoder) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                if decoder.isUnlimited(node) {
                    draft.unlimitedKeys.insert(key)
                } else if !decoder.reportOtherUnlimited(node, path) {
                    decode(node, path, &draft.limits, &decoder)
                }
            }
        }
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                count("nofile", AllowedRanges.openFiles) { $0.openFiles = $1 },
                count("nproc", AllowedRanges.processes) { $0.processes = $1 },
                size("core", AllowedRanges.coreBytes) { $0.coreBytes = $1 },
                size("memlock", AllowedRanges.limitBytes) { $0.lockedBytes = $1 },
                size("fsize", AllowedRanges.limitBytes) { $0.fileBytes = $1 },
                size("stack", AllowedRanges.addressBytes) { $0.stackBytes = $1 },
                size("address_space", AllowedRanges.addressBytes) { $0.addressSpaceBytes = $1 },
                ofTree("memory") { node, path, limits, decoder in
                    limits.memoryBytes = decoder.size(node, path, in: AllowedRanges.memoryBytes)
                },
                ofTree("pids") { node, path, limits, decoder in
                    limits.treeProcesses = decoder.integer(node, path, in: AllowedRanges.processes).map(Int64.init)
                },
                ofTree("cpu") { node, path, limits, decoder in
                    limits.processors = decoder.number(node, path, in: AllowedRanges.processors)
                },
            ]
        )
    }
}

/// The map `{soft: 1024, hard: 4096}`.
private struct SoftAndHardDraft: ManifestDraft {
    var soft: Int64?
    var hard: Int64?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []
}

extension FileDecoder {
    /// Decodes a limit of a process: a value, `unlimited`, or a map of `soft` and `hard`.
    fileprivate mutating func processLimit(
        _ node: YAMLNode,
        _ key: String,
        example: String,
        _ value: @escaping @Sendable (inout FileDecoder, YAMLNode, String) -> Int64?
    ) -> ProcessLimit? {
        @Sendable func bound(_ node: YAMLNode, _ key: String, _ decoder: inout FileDecoder) -> Int64? {
            if decoder.isUnlimited(node) { return ProcessLimit.unlimited }
            return decoder.reportOtherUnlimited(node, key) ? nil : value(&decoder, node, key)
        }
        guard case .mapping(let entries) = node.content else {
            return bound(node, key, &self).map { ProcessLimit($0) }
        }
        let table = KeyTable<SoftAndHardDraft>(
            of: key,
            prefix: "\(key).",
            [
                Key("soft") { node, draft, decoder in draft.soft = bound(node, "\(key).soft", &decoder) },
                Key("hard") { node, draft, decoder in draft.hard = bound(node, "\(key).hard", &decoder) },
            ]
        )
        var draft = SoftAndHardDraft()
        table.decode(entries, into: &draft, in: &self)
        for name in ["soft", "hard"] where !entries.contains(where: { $0.key == name }) {
            guard !draft.misspelledKeys.contains(name) else { continue }
            report(
                .missingKey,
                "`\(key)` has no `\(name)`",
                help: "write both, as in `{soft: \(example), hard: unlimited}`, or one value for both",
                at: node.span
            )
        }
        guard let soft = draft.soft, let hard = draft.hard else { return nil }
        guard soft <= hard else {
            report(
                .outOfRange,
                "`\(key).soft` is greater than `\(key).hard`",
                help: "lower `soft`, or raise `hard`",
                at: node.span
            )
            return nil
        }
        return ProcessLimit(soft: soft, hard: hard)
    }

    /// Reports a word of another tool for `unlimited`; returns whether it is one.
    fileprivate mutating func reportOtherUnlimited(_ node: YAMLNode, _ key: String) -> Bool {
        guard let text = scalar(node)?.text,
            ["infinity", "infinite", "inf", "max", "none", "-1"].contains(text.lowercased())
        else { return false }
        report(
            .unknownValue,
            "`\(key)` cannot be \(quoted(text))",
            help: "write `\(lastComponent(key)): unlimited`",
            at: node.span
        )
        return true
    }

    /// Whether the value is `unlimited`.
    fileprivate func isUnlimited(_ node: YAMLNode) -> Bool {
        scalar(node)?.text == "unlimited"
    }

    /// Decodes a priority of disk access.
    mutating func ioPriority(_ node: YAMLNode, _ key: String) -> IOPriority? {
        guard let text = singleLineText(node, key, example: "\(key): idle") else { return nil }
        if let priority = IOPriority(text) { return priority }
        report(
            .unknownValue,
            "`\(key)` cannot be \(quoted(text))",
            help: "write `idle`, or `best_effort:0` (highest) to `best_effort:7` (lowest)",
            at: node.span
        )
        return nil
    }
}

internal import HeroModel

/// The settings that one document declares.
struct SettingsDraft: ManifestDraft {
    /// The index of the file.
    var file: Int
    /// The span of the start of the document.
    var span: Span
    /// The names in `required` with their spans; nil if the key is not written.
    var required: [(name: QualifiedName, span: Span)]?
    private var spec = Settings()
    private var stop = StopDraft()
    private var retry = RetryDraft()
    private var log = LogDraft()
    private var limits = LimitsDraft()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    init(file: Int, span: Span) {
        self.file = file
        self.span = span
    }

    /// The settings with the defaults for keys that are not written.
    var settings: Settings {
        var result = spec
        if let required { result.required = required.map(\.name) }
        result.stop = stop.policy(defaultingTo: result.stop)
        result.retry = retry.defaults
        result.log = log.policy(defaultingTo: result.log)
        result.execution.limits = limits.limits(defaultingTo: ResourceLimits())
        return result
    }

    /// The fields of `defaults`, with the paths that they have in a service or an action.
    var defaultFields: [WrittenField] {
        let prefix = "defaults."
        let own = writtenFields.filter { $0.path.hasPrefix(prefix) }
        let inner = stop.writtenFields + retry.writtenFields + log.writtenFields + limits.writtenFields
        return (own + inner).map { WrittenField(path: String($0.path.dropFirst(prefix.count)), span: $0.span) }
    }

    /// The keys of `kind: Settings`.
    static let table = KeyTable<SettingsDraft>(
        of: "settings",
        [
            Key("kind") { _, _, _ in },
            Key("required") { node, draft, decoder in
                // A key without a value is an error: an empty value must not turn off the required core.
                if node.isNull {
                    decoder.reportWrongType(node, "required", "a list of names", example: "required: []")
                } else {
                    draft.required = decoder.references(node, "required")
                }
            },
            Key("vars") { node, draft, decoder in
                draft.spec.variables = decoder.variableMap(node, "vars") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("vars_files") { node, draft, decoder in
                var paths = OrderedSet<ByteText>()
                for item in decoder.scalarItems(node, "vars_files", of: "paths", example: ".env") {
                    guard let path = decoder.filePath(item, "vars_files", example: "vars_files: [.env]") else {
                        continue
                    }
                    if !paths.append(ByteText(path)) { decoder.reportListedTwice(item, "vars_files", path) }
                }
                draft.spec.variableFiles = paths.items.map(\.text)
            },
            Key("pass_env") { node, draft, decoder in
                draft.spec.passedEnvironment = decoder.variableNames(node, "pass_env")
            },
            Key("defaults") { node, draft, decoder in
                Self.defaultsTable.decode(node, example: "stop: {timeout: 30s}", into: &draft, in: &decoder)
            },
            Key("retention") { node, draft, decoder in
                for item in decoder.items(node, "retention", of: "rules", example: "{tag: nightly, older_than: 7d}") {
                    if let rule = RetentionDraft.decode(item, in: &decoder) { draft.spec.retention.append(rule) }
                }
            },
            Key("max_disruption") { node, draft, decoder in
                draft.spec.maxDisruption = decoder.integer(node, "max_disruption", in: AllowedRanges.maxDisruption)
            },
            Key("settle") { node, draft, decoder in
                if let value = decoder.duration(node, "settle", in: AllowedRanges.delay) { draft.spec.settle = value }
            },
        ]
    )

    /// The keys of `defaults`.
    static let defaultsTable = KeyTable<SettingsDraft>(
        of: "defaults",
        prefix: "defaults.",
        [
            Key("stop") { node, draft, decoder in
                StopDraft.settingsTable.decode(node, example: "timeout: 30s", into: &draft.stop, in: &decoder)
            },
            Key("retry") { node, draft, decoder in
                RetryDraft.settingsTable.decode(node, example: "max_delay: 1m", into: &draft.retry, in: &decoder)
            },
            Key("log") { node, draft, decoder in
                LogDraft.settingsTable.decode(node, example: "max_size: 10MiB", into: &draft.log, in: &decoder)
            },
            Key("env") { node, draft, decoder in
                draft.spec.execution.environment = decoder.environment(node, "defaults.env") { path, span in
                    draft.writtenFields.append(WrittenField(path: path, span: span))
                }
            },
            Key("env_file") { node, draft, decoder in
                draft.spec.execution.environmentFiles = decoder.environmentFiles(node, "defaults.env_file")
            },
            Key("user") { node, draft, decoder in
                draft.spec.execution.user = decoder.account(node, "defaults.user", other: "group")
            },
            Key("group") { node, draft, decoder in
                draft.spec.execution.group = decoder.account(node, "defaults.group", other: "user")
            },
            Key("cwd") { node, draft, decoder in
                draft.spec.execution.workingDirectory = decoder.path(node, "defaults.cwd", example: "cwd: /srv")
            },
            Key("umask") { node, draft, decoder in
                draft.spec.execution.umask = decoder.octal(node, "defaults.umask", in: AllowedRanges.umask).map(
                    UInt32.init
                )
            },
            Key("limits") { node, draft, decoder in
                LimitsDraft.settingsTable.decode(node, example: "nofile: 4096", into: &draft.limits, in: &decoder)
            },
            Key("restart") { node, draft, decoder in
                draft.spec.execution.restart = decoder.choice(node, "defaults.restart", RestartPolicy.self)
            },
            Key("start_timeout") { node, draft, decoder in
                draft.spec.execution.startTimeout = decoder.duration(
                    node,
                    "defaults.start_timeout",
                    in: AllowedRanges.time
                )
            },
        ]
    )
}

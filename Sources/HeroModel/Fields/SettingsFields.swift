extension Settings {
    /// Every key of `kind: Settings`, in the order of the reference.
    public static let fields: [Field<Settings>] = [
        Field(
            "required",
            .list(of: .reference),
            default: .list([.text("core/hero_db")]),
            cost: .inPlace,
            "Services that must be declared."
        ) {
            .textUnless($0.required == Settings().required, "[\(Canonical.list($0.required.map(\.description)))]")
        },
        Field(
            "vars",
            .map(of: .text),
            cost: .inPlace,
            "Values of ${NAME}; a change affects the fields that use them."
        ) {
            .map($0.variables.mapValues(Canonical.quotedIfNeeded))
        },
        Field(
            "vars_files",
            .list(of: .path),
            cost: .inPlace,
            "Files of KEY=VALUE lines with values of ${NAME}; a later file overrides an earlier one, `vars` all of them."
        ) {
            .list($0.variableFiles)
        },
        Field(
            "pass_env",
            .list(of: .formatted(.variable)),
            default: .list(defaultPassedEnvironment.map { .text($0) }),
            cost: .inPlace,
            "Environment variables that ${NAME} may read."
        ) {
            .textUnless($0.passedEnvironment == defaultPassedEnvironment, "[\(Canonical.list($0.passedEnvironment))]")
        },
        Field("defaults", .object(.defaults), cost: .inPlace, "Values for services and actions that do not set them.") {
            .map($0.canonicalDefaults)
        },
        Field("retention", .list(of: .object(.retention)), cost: .inPlace, "Which ended jobs are deleted, and when.") {
            .list($0.retention.map(\.canonical))
        },
        Field(
            "max_disruption",
            .integer(AllowedRanges.maxDisruption),
            default: .described("no limit"),
            cost: .inPlace,
            "A plan that stops or restarts more services needs `--allow-disruption`."
        ) {
            .textUnless($0.maxDisruption == nil, String($0.maxDisruption ?? 0))
        },
        Field(
            "settle",
            .duration(AllowedRanges.delay),
            default: .text("1s"),
            cost: .inPlace,
            "How long the services that an apply started must stay up before it has converged."
        ) {
            .textUnless($0.settle == Settings().settle, Canonical.duration($0.settle))
        },
    ]

    private var canonicalDefaults: [String: String] {
        var result: [String: String] = [:]
        func add(_ key: String, _ entries: [String: String]) {
            for (name, text) in entries { result["\(key).\(name)"] = text }
        }
        add("stop", stop.canonical)
        add("retry", retry.policy.canonical(differingFrom: RetryDefaults().policy))
        add("retry", presentEntries(("max_attempts", retry.maxAttempts.map(String.init))))
        add("log", log.canonical)
        add("env", execution.environment.mapValues(\.description))
        add("limits", execution.limits.canonical)
        let files = execution.environmentFiles
        let others = presentEntries(
            ("env_file", files.isEmpty ? nil : Canonical.environmentFiles(files)),
            ("user", execution.user.map(Canonical.quotedIfNeeded)),
            ("group", execution.group.map(Canonical.quotedIfNeeded)),
            ("cwd", execution.workingDirectory.map(Canonical.quotedIfNeeded)),
            ("umask", execution.umask.map { "0" + String($0, radix: 8) }),
            ("restart", execution.restart?.rawValue),
            ("start_timeout", execution.startTimeout.map(Canonical.duration))
        )
        result.merge(others) { _, new in new }
        return result
    }
}

extension RetentionRule {
    /// The rule as one text, with its keys in the order of the reference.
    fileprivate var canonical: String {
        let parts = [
            tag.map { "tag=\(Canonical.quotedIfNeeded($0))" }, service.map { "service=\($0)" },
            action.map { "action=\($0)" },
            phases.isEmpty ? nil : "phases=\(phases.map(\.rawValue).joined(separator: ","))",
            "older_than=\(Canonical.duration(olderThan))",
        ]
        return parts.compactMap(\.self).joined(separator: " ")
    }
}

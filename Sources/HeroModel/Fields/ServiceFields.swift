extension ServiceSpec {
    /// Every key of `kind: Service`, in the order of the reference.
    public static let fields: [Field<ServiceSpec>] = [
        Field("name", .name, cost: .restart, "Its name, unique in its context.") { _ in .byDefault },
        Field("context", .name, default: .text("core"), cost: .restart, "The tenancy unit it belongs to.") { _ in
            .byDefault
        },
        Field("description", .text, cost: .none, "A description for people.") {
            .textUnless($0.description.isEmpty, Canonical.quoted($0.description))
        },
        Field(
            "class",
            .choice(ServiceClass.self),
            default: .text("user"),
            cost: .inPlace,
            "The class: `down` does not stop system services."
        ) {
            .textUnless($0.serviceClass == .user, $0.serviceClass.rawValue)
        },
        Field("status", .choice(DesiredStatus.self), default: .text("start"), cost: .inPlace, "The desired status.") {
            .textUnless($0.status == .start, $0.status.rawValue)
        },
        Field("tags", .list(of: .text), cost: .inPlace, "Tags that are copied to its jobs.") { .list($0.tags) },
        Field("labels", .map(of: .text), cost: .none, "Labels for people and tools.") {
            .map($0.labels.mapValues(Canonical.quotedIfNeeded))
        },
        Field(
            "requires",
            .list(of: .requirement),
            cost: .inPlace,
            "Services that must be up first; stopping one stops this service."
        ) {
            .textUnless($0.requirements.isEmpty, Canonical.requirements($0.requirements))
        },
        Field("after", .list(of: .reference), cost: .inPlace, "It starts after these services and stops before them.") {
            .list($0.after.map(\.description))
        },
        Field("wants", .list(of: .reference), cost: .inPlace, "As `after`, but only for services that are declared.") {
            .list($0.wants.map(\.description))
        },
        Field("conflicts", .list(of: .reference), cost: .inPlace, "Services that are never up at the same time.") {
            .list($0.conflicts.map(\.description))
        },
        Field("required", .bool, default: .bool(false), cost: .inPlace, "Whether it is part of the required core.") {
            .textUnless(!$0.required, "true")
        },
        Field(
            "essential",
            .bool,
            default: .bool(false),
            cost: .inPlace,
            "Whether everything is stopped when it has ended for good."
        ) {
            .textUnless(!$0.isEssential, "true")
        },
        Field(
            "env",
            .map(of: .environmentValue),
            cost: .restart,
            "Environment variables of all its actions; an action overrides them."
        ) {
            .map($0.environment.mapValues(\.description))
        },
        Field("env_file", .environmentFiles, cost: .restart, "Files of KEY=VALUE lines; `env` overrides them.") {
            .textUnless($0.environmentFiles.isEmpty, Canonical.environmentFiles($0.environmentFiles))
        },
        Field(
            "files",
            .list(of: .path),
            cost: .reload,
            "The files that its actions read; a change of their content is a change of the service."
        ) {
            .list($0.files)
        },
        Field(
            "user",
            .formatted(.account),
            default: .described("heroproc's own"),
            cost: .restart,
            "The user that its actions run as."
        ) {
            .textUnless($0.user == nil, Canonical.quotedIfNeeded($0.user ?? ""))
        },
        Field(
            "group",
            .formatted(.account),
            default: .described("the user's"),
            cost: .restart,
            "The group that its actions run as."
        ) {
            .textUnless($0.group == nil, Canonical.quotedIfNeeded($0.group ?? ""))
        },
        Field("cwd", .path, cost: .restart, "Working directory of its actions, unless an action sets it.") {
            .textUnless($0.workingDirectory == nil, Canonical.quotedIfNeeded($0.workingDirectory ?? ""))
        },
        Field("actions", .list(of: .actionOrName, atLeast: 1), cost: .restart, "Its actions; at least one.") {
            .list($0.actions.map(\.name))
        },
        Field(
            "start_order",
            .choice(StartOrder.self),
            default: .text("serial"),
            cost: .inPlace,
            "Start its actions one after another, or all at once."
        ) {
            .textUnless($0.startOrder == .serial, $0.startOrder.rawValue)
        },
        Field(
            "start",
            .object(.start),
            cost: .inPlace,
            "Whether a start cancels and deletes earlier jobs and runs, or only prunes inactive jobs."
        ) {
            .map(presentEntries(("replace_existing_jobs", $0.replacesExistingJobs ? nil : "false")))
        },
        Field(
            "stop",
            .object(.serviceStop),
            cost: .inPlace,
            "Whether a stop deletes its ended jobs."
        ) {
            .map(presentEntries(("remove_jobs", $0.removesJobs ? "true" : nil)))
        },
        Field("protect", .bool, default: .bool(false), cost: .inPlace, "A stop or restart needs `--allow-protected`.") {
            .textUnless(!$0.isProtected, "true")
        },
        Field(
            "generation",
            .integer(AllowedRanges.generation),
            default: .integer(0),
            cost: .restart,
            "Raise this number to request a restart."
        ) {
            .textUnless($0.generation == 0, String($0.generation))
        },
        // Not compared: a changed hold is recorded at once and is no change of the service.
        Field("hold", .object(.hold), cost: .none, "Until then no plan changes the service; it is healed.") { _ in
            .byDefault
        },
    ]
}

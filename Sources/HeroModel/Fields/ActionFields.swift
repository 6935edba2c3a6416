extension ActionSpec {
    /// Every key of `kind: Action`, in the order of the reference.
    ///
    /// `context` is only for actions of their own document.
    public static let fields: [Field<ActionSpec>] = [
        Field("name", .name, cost: .restart, "Its name, unique in its service, or its context.") { _ in .byDefault },
        Field("context", .name, default: .text("core"), cost: .restart, "The tenancy unit it belongs to.") { _ in
            .byDefault
        },
        Field("description", .text, cost: .none, "What it does, for people.") {
            .textUnless($0.description.isEmpty, Canonical.quoted($0.description))
        },
        Field("tags", .list(of: .text), cost: .inPlace, "Copied onto its jobs.") { .list($0.tags) },
        Field("exec", .list(of: .text, atLeast: 1), cost: .restart, "The program and its arguments; or else `script`.")
        {
            guard case .exec(let arguments) = $0.program else { return .byDefault }
            return .list(arguments)
        },
        Field("script", .text, cost: .restart, "A text to run; or else `exec`.") {
            guard case .script(let text, interpreter: _) = $0.program else { return .byDefault }
            return .text(Canonical.quoted(text))
        },
        Field(
            "interpreter",
            .formatted(.program),
            default: .described("its #! line, else sh"),
            cost: .restart,
            "What runs the script."
        ) {
            guard case .script(_, interpreter: let name?) = $0.program else { return .byDefault }
            return .text(Canonical.quotedIfNeeded(name))
        },
        Field(
            "is_process",
            .bool,
            default: .bool(false),
            cost: .restart,
            "True: kept alive for ever. False: a one-shot."
        ) {
            .textUnless(!$0.isProcess, "true")
        },
        Field("cwd", .path, default: .described("the service's, else /"), cost: .restart, "Working directory.") {
            .textUnless($0.workingDirectory == nil, Canonical.quotedIfNeeded($0.workingDirectory ?? ""))
        },
        Field("env", .map(of: .environmentValue), cost: .restart, "Environment; stronger than the service's.") {
            .map($0.environment.mapValues(\.description))
        },
        Field("env_file", .list(of: .path), cost: .restart, "Files of KEY=VALUE lines; `env` is stronger.") {
            .list($0.environmentFiles)
        },
        Field(
            "user",
            .formatted(.account),
            default: .described("the service's, else heroproc's own"),
            cost: .restart,
            "The user it runs as."
        ) {
            .textUnless($0.user == nil, Canonical.quotedIfNeeded($0.user ?? ""))
        },
        Field(
            "group",
            .formatted(.account),
            default: .described("the service's, else the user's"),
            cost: .restart,
            "The group it runs as."
        ) {
            .textUnless($0.group == nil, Canonical.quotedIfNeeded($0.group ?? ""))
        },
        Field(
            "umask",
            .formatted(.umask),
            default: .text("022"),
            cost: .restart,
            "Permission bits its files do not get."
        ) {
            .textUnless($0.umask == 0o022, "0" + String($0.umask, radix: 8))
        },
        Field("limits", .object(.limits), cost: .restart, "What it may use of the machine.") {
            .map($0.limits.canonical)
        },
        Field(
            "no_new_privs",
            .bool,
            default: .described("true where it does not run as root"),
            cost: .restart,
            "It and its children never gain privileges."
        ) {
            .textUnless($0.noNewPrivileges == nil, $0.noNewPrivileges == true ? "true" : "false")
        },
        Field(
            "strict_exec",
            .bool,
            default: .bool(false),
            cost: .restart,
            "Executed only if nobody else could change its program."
        ) {
            .textUnless(!$0.isStrict, "true")
        },
        Field(
            "oom_score_adj",
            .integer(AllowedRanges.oomScoreAdjustment),
            cost: .restart,
            "How readily the kernel kills it when memory runs out."
        ) {
            .textUnless($0.oomScoreAdjustment == nil, String($0.oomScoreAdjustment ?? 0))
        },
        Field("singleton", .bool, default: .bool(false), cost: .restart, "One instance on this machine, by PID file.") {
            .textUnless(!$0.singleton, "true")
        },
        Field("pid_file", .path, default: .described("one in the state directory"), cost: .restart, "Its PID file.") {
            .textUnless($0.pidFile == nil, Canonical.quotedIfNeeded($0.pidFile ?? ""))
        },
        Field(
            "kill_others",
            .bool,
            default: .bool(false),
            cost: .restart,
            "May stop strangers that hold what it binds."
        ) {
            .textUnless(!$0.killsOthers, "true")
        },
        Field("sockets", .list(of: .path), cost: .restart, "The Unix sockets it binds.") { .list($0.sockets) },
        Field(
            "tcp_ports",
            .list(of: .either(.formatted(.endpoint), .object(.port))),
            cost: .restart,
            "The TCP ports it binds."
        ) {
            .textUnless($0.tcpPorts.isEmpty, $0.tcpPorts.map(\.canonical).joined(separator: " "))
        },
        Field(
            "ready",
            .object(.ready),
            default: .described("its tree listens on all it declares"),
            cost: .inPlace,
            "When it counts as up."
        ) {
            guard let probe = $0.ready else { return .byDefault }
            return .map(probe.canonical(differingFrom: Probe(probe.check).interval))
        },
        Field("health", .object(.health), cost: .inPlace, "Whether it is alive; it is started again when it is not.") {
            guard let probe = $0.health else { return .byDefault }
            return .map(probe.canonical(differingFrom: Probe.healthInterval))
        },
        Field(
            "start_timeout",
            .duration(AllowedRanges.time),
            default: .text("30s"),
            cost: .inPlace,
            "Time it has to become ready."
        ) {
            .textUnless($0.startTimeout == .seconds(30), Canonical.duration($0.startTimeout))
        },
        Field(
            "timeout",
            .duration(AllowedRanges.time),
            default: .described("none"),
            cost: .inPlace,
            "How long a one-shot may run."
        ) {
            guard let timeout = $0.timeout else { return .byDefault }
            return .text(Canonical.duration(timeout))
        },
        Field("stop", .object(.stop), cost: .inPlace, "How it is ended.") {
            .map($0.stop.canonical)
        },
        Field(
            "restart",
            .choice(RestartPolicy.self),
            default: .described("always for a process, on_failure for a one-shot"),
            cost: .inPlace,
            "When it is started again."
        ) {
            .textUnless($0.restart == ($0.isProcess ? .always : .onFailure), $0.restart.rawValue)
        },
        Field(
            "retry",
            .object(.retry),
            cost: .inPlace,
            "How often and after which delays it is tried again."
        ) {
            .map($0.retry.canonical(differingFrom: RetryPolicy(maxAttempts: $0.isProcess ? 0 : 1)))
        },
        Field(
            "success_exit_codes",
            .list(of: .integer(AllowedRanges.exitCode), atLeast: 1),
            default: .list([.integer(0)]),
            cost: .inPlace,
            "Codes of a good end."
        ) {
            .textUnless($0.successExitCodes == [0], Canonical.list($0.successExitCodes.map(String.init)))
        },
        Field("schedule", .object(.schedule), cost: .inPlace, "When it runs by itself.") {
            guard let schedule = $0.schedule else { return .byDefault }
            return .map(schedule.canonical)
        },
        Field(
            "run_on",
            .choice(RunOn.self),
            default: .text("none"),
            cost: .inPlace,
            "Runs once for each change that is applied."
        ) {
            .textUnless($0.runOn == .none, $0.runOn.rawValue)
        },
        Field(
            "log",
            .object(.log),
            cost: .inPlace,
            "How much output is kept."
        ) {
            .map($0.log.canonical)
        },
        Field(
            "generation",
            .integer(AllowedRanges.generation),
            default: .integer(0),
            cost: .restart,
            "Raise it to ask for a restart."
        ) {
            .textUnless($0.generation == 0, String($0.generation))
        },
    ]
}

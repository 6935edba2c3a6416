extension ActionSpec {
    /// Every key of `kind: Action`, in the order of the reference.
    ///
    /// `context` is only for an action in its own document.
    public static let fields: [Field<ActionSpec>] = [
        Field("name", .name, cost: .restart, "Its name, unique in its service or its context.") { _ in .byDefault },
        Field("context", .name, default: .text("core"), cost: .restart, "The tenancy unit it belongs to.") { _ in
            .byDefault
        },
        Field("description", .text, cost: .none, "A description for people.") {
            .textUnless($0.description.isEmpty, Canonical.quoted($0.description))
        },
        Field("tags", .list(of: .text), cost: .inPlace, "Tags that are copied to its jobs.") { .list($0.tags) },
        Field(
            "exec",
            .list(of: .text, atLeast: 1),
            cost: .restart,
            "The program and its arguments; either this or `script`."
        ) {
            guard case .exec(let arguments) = $0.program else { return .byDefault }
            return .list(arguments)
        },
        Field("script", .text, cost: .restart, "A script to run; either this or `exec`.") {
            guard case .script(let text, interpreter: _) = $0.program else { return .byDefault }
            return .text(Canonical.quoted(text))
        },
        Field(
            "interpreter",
            .formatted(.program),
            default: .described("its #! line, else sh"),
            cost: .restart,
            "The program that runs the script."
        ) {
            guard case .script(_, interpreter: let name?) = $0.program else { return .byDefault }
            return .text(Canonical.quotedIfNeeded(name))
        },
        Field(
            "is_process",
            .bool,
            default: .bool(false),
            cost: .restart,
            "True: a process that is kept running. False: a one-shot."
        ) {
            .textUnless(!$0.isProcess, "true")
        },
        Field("cwd", .path, default: .described("the service's, else /"), cost: .restart, "Working directory.") {
            .textUnless($0.workingDirectory == nil, Canonical.quotedIfNeeded($0.workingDirectory ?? ""))
        },
        Field(
            "env",
            .map(of: .environmentValue),
            cost: .restart,
            "Environment variables; they override those of the service."
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
            "The files that it reads; a change of their content is a change of the action."
        ) {
            .list($0.files)
        },
        Field(
            "user",
            .formatted(.account),
            default: .described("the service's, else heroproc's own"),
            cost: .restart,
            "The user that it runs as."
        ) {
            .textUnless($0.user == nil, Canonical.quotedIfNeeded($0.user ?? ""))
        },
        Field(
            "group",
            .formatted(.account),
            default: .described("the service's, else the user's"),
            cost: .restart,
            "The group that it runs as."
        ) {
            .textUnless($0.group == nil, Canonical.quotedIfNeeded($0.group ?? ""))
        },
        Field(
            "umask",
            .formatted(.umask),
            default: .text("022"),
            cost: .restart,
            "Permission bits that are removed from new files."
        ) {
            .textUnless($0.umask == 0o022, "0" + String($0.umask, radix: 8))
        },
        Field("limits", .object(.limits), cost: .restart, "Resource limits.") {
            .map($0.limits.canonical)
        },
        Field(
            "no_new_privs",
            .bool,
            default: .described("true unless it runs as root"),
            cost: .restart,
            "It and its children cannot gain privileges."
        ) {
            .textUnless($0.noNewPrivileges == nil, $0.noNewPrivileges == true ? "true" : "false")
        },
        Field(
            "capabilities",
            .list(of: .formatted(.capability)),
            default: .described("all for root, none for another user"),
            cost: .restart,
            "The rights of root that it keeps; root has no others."
        ) {
            guard let capabilities = $0.capabilities else { return .byDefault }
            return .text(Canonical.list(capabilities.map(\.description)))
        },
        Field(
            "sandbox",
            .object(.sandbox),
            cost: .restart,
            "What it can see and change of the machine; only root can start a program in a sandbox."
        ) {
            .map($0.sandbox?.canonical ?? [:])
        },
        Field(
            "strict_exec",
            .bool,
            default: .bool(false),
            cost: .restart,
            "It runs only if no other user can change its program."
        ) {
            .textUnless(!$0.isStrict, "true")
        },
        Field(
            "oom_score_adj",
            .integer(AllowedRanges.oomScoreAdjustment),
            cost: .restart,
            "Its score for the kernel's out-of-memory killer."
        ) {
            .textUnless($0.oomScoreAdjustment == nil, String($0.oomScoreAdjustment ?? 0))
        },
        Field(
            "nice",
            .integer(AllowedRanges.nice),
            default: .described("0"),
            cost: .restart,
            "Its nice value: a lower one gets more processor time."
        ) {
            .textUnless($0.nice == nil, String($0.nice ?? 0))
        },
        Field(
            "io_priority",
            .formatted(.ioPriority),
            default: .described("that of its nice value"),
            cost: .restart,
            "The priority of its disk access: `idle`, or `best_effort:0` to `best_effort:7`."
        ) {
            .textUnless($0.ioPriority == nil, $0.ioPriority?.description ?? "")
        },
        Field(
            "folders",
            .list(of: .either(.path, .object(.folder))),
            cost: .restart,
            "The directories that are made before it starts if they are missing."
        ) {
            .textUnless($0.folders.isEmpty, $0.folders.map(\.canonical).joined(separator: " "))
        },
        Field(
            "singleton",
            .bool,
            default: .bool(false),
            cost: .restart,
            "Only one instance runs on this machine, by PID file."
        ) {
            .textUnless(!$0.singleton, "true")
        },
        Field("pid_file", .path, default: .described("a file in the state directory"), cost: .restart, "Its PID file.")
        {
            .textUnless($0.pidFile == nil, Canonical.quotedIfNeeded($0.pidFile ?? ""))
        },
        Field(
            "kill_others",
            .bool,
            default: .bool(false),
            cost: .restart,
            "Stop other processes that hold its ports or sockets."
        ) {
            .textUnless(!$0.killsOthers, "true")
        },
        Field("sockets", .list(of: .path), cost: .restart, "The Unix sockets that it binds.") { .list($0.sockets) },
        Field(
            "tcp_ports",
            .list(of: .either(.formatted(.endpoint), .object(.port))),
            cost: .restart,
            "The TCP ports that it binds."
        ) {
            .textUnless($0.tcpPorts.isEmpty, $0.tcpPorts.map(\.canonical).joined(separator: " "))
        },
        Field(
            "ready",
            .object(.ready),
            default: .described("its process tree listens on all declared ports and sockets"),
            cost: .inPlace,
            parts: ["notify": .nextStart, "fd": .nextStart],
            "The readiness probe."
        ) {
            guard let probe = $0.ready else { return .byDefault }
            return .map(probe.canonical(differingFrom: Probe(probe.check).interval))
        },
        Field(
            "health",
            .object(.health),
            cost: .inPlace,
            parts: ["watchdog": .nextStart],
            "The health probe; a process that fails it is restarted."
        ) {
            guard let probe = $0.health else { return .byDefault }
            return .map(probe.canonical(differingFrom: Probe.healthInterval))
        },
        Field(
            "notify_from",
            .choice(NotifyFrom.self),
            default: .described("main; all for a program that starts as root"),
            cost: .nextStart,
            "Which users may write to its notify socket."
        ) {
            guard let notifyFrom = $0.notifyFrom else { return .byDefault }
            return .text(notifyFrom.rawValue)
        },
        Field(
            "start_timeout",
            .duration(AllowedRanges.time),
            default: .text("30s"),
            cost: .inPlace,
            "Maximum time until it is ready."
        ) {
            .textUnless($0.startTimeout == .seconds(30), Canonical.duration($0.startTimeout))
        },
        Field(
            "timeout",
            .duration(AllowedRanges.time),
            default: .described("none; 30s with `when: stopped`"),
            cost: .inPlace,
            "Maximum run time of a one-shot."
        ) {
            let standard = $0.occasion == .stopped ? ActionSpec.stoppedTimeout : nil
            guard let timeout = $0.timeout, timeout != standard else { return .byDefault }
            return .text(Canonical.duration(timeout))
        },
        Field("stop", .object(.stop), cost: .inPlace, "How it is stopped.") {
            .map($0.stop.canonical)
        },
        Field("reload", .object(.reload), cost: .inPlace, "How it reads changed `files` while it keeps running.") {
            .map($0.reload?.canonical ?? [:])
        },
        Field(
            "restart",
            .choice(RestartPolicy.self),
            default: .described("always for a process, on_failure for a one-shot"),
            cost: .inPlace,
            "When it is restarted."
        ) {
            .textUnless($0.restart == ($0.isProcess ? .always : .onFailure), $0.restart.rawValue)
        },
        Field(
            "retry",
            .object(.retry),
            cost: .inPlace,
            "How often and after which delays it is retried."
        ) {
            .map($0.retry.canonical(differingFrom: RetryPolicy(maxAttempts: $0.isProcess ? 0 : 1)))
        },
        Field(
            "success_exit_codes",
            .list(of: .integer(AllowedRanges.exitCode), atLeast: 1),
            default: .list([.integer(0)]),
            cost: .inPlace,
            "Exit codes that count as success."
        ) {
            .textUnless($0.successExitCodes == [0], Canonical.list($0.successExitCodes.map(String.init)))
        },
        Field(
            "when",
            .choice(ActionSpec.Occasion.self),
            default: .text("start"),
            cost: .inPlace,
            "Whether it runs when its service starts, or when the rest of it was stopped."
        ) {
            .textUnless($0.occasion == .start, $0.occasion.rawValue)
        },
        Field(
            "once",
            .bool,
            default: .bool(false),
            cost: .inPlace,
            "A one-shot that has succeeded does not run again until its spec changes."
        ) {
            .textUnless(!$0.runsOnce, "true")
        },
        Field("schedule", .object(.schedule), cost: .inPlace, "When it runs without a service.") {
            guard let schedule = $0.schedule else { return .byDefault }
            return .map(schedule.canonical)
        },
        Field(
            "run_on",
            .choice(RunOn.self),
            default: .text("none"),
            cost: .inPlace,
            "Run once for each change that is applied."
        ) {
            .textUnless($0.runOn == .none, $0.runOn.rawValue)
        },
        Field(
            "log",
            .object(.log),
            cost: .nextStart,
            parts: ["link": .inPlace],
            "How its output is stored."
        ) {
            .map($0.log.canonical)
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
    ]
}

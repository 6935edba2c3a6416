internal import HeroModel

/// Writes the sections `[Unit]` and `[Service]` of one service.
struct SystemdUnitWriter {
    let service: ServiceSpec
    let declared: Declared<ServiceSpec>
    /// The lines of `[Service]`.
    private(set) var lines = ""
    /// The lines of `[Unit]` about restarts.
    private(set) var unitLines = ""
    private var pending: [(key: String, code: LossCode, text: String)] = []

    init(service: ServiceSpec, declared: Declared<ServiceSpec>) {
        self.service = service
        self.declared = declared
    }

    /// Moves the report to that of the export.
    func moveReport(to state: inout ExportState) {
        for item in pending {
            state.report("\(service.name.name).\(item.key)", item.code, item.text, at: declared.location(of: item.key))
        }
    }

    mutating func report(_ key: String, _ code: LossCode, _ text: String) {
        pending.append((key, code, text))
    }

    mutating func set(_ key: String, _ value: String) {
        lines += "\(key)=\(value)\n"
        pending.append((key, .exact, ""))
    }

    // MARK: Programs

    /// Writes a process with the one-shots around it.
    mutating func write(_ action: ActionSpec, before: [ActionSpec], after: [ActionSpec]) {
        if action.ready?.check == .notify {
            set("Type", "notify")
        } else if let path = action.pidFile {
            lines += "Type=forking\nPIDFile=\(SystemdQuoting.path(path))\n"
            report("pid_file", .valueAdapted, "`Type=forking`: the program must move to the background")
        } else {
            set("Type", "exec")
        }
        for other in before {
            lines += "ExecStartPre=\(command(other))\n"
            report("actions", .valueAdapted, "`\(other.name)` is `ExecStartPre=`, which also runs before each restart")
        }
        set("ExecStart", command(action))
        for other in after {
            lines += "ExecStartPost=\(command(other))\n"
            report("actions", .valueAdapted, "`\(other.name)` is `ExecStartPost=`, which also runs after each restart")
        }
        writeReadiness(action)
        writeExecution(action)
        writeRestart(action)
        set("TimeoutStartSec", SystemdQuoting.duration(action.startTimeout))
        writeStop(action)
    }

    /// Writes the one-shots that run after a stop.
    mutating func writeStopped(_ actions: [ActionSpec]) {
        for action in actions {
            lines += "ExecStopPost=\(command(action))\n"
            report("actions", .valueAdapted, "`\(action.name)` is `ExecStopPost=`, which also runs after a crash")
        }
    }

    /// Writes one-shots as one unit.
    mutating func writeOneShots(_ actions: [ActionSpec], isScheduled: Bool = false) {
        lines += "Type=oneshot\n"
        if !isScheduled { lines += "RemainAfterExit=yes\n" }
        for action in actions { set("ExecStart", command(action)) }
        guard let first = actions.first else { return }
        writeExecution(first)
        if actions.count > 1 {
            report("actions", .valueAdapted, "all commands have the user, limits and times of the first one")
        }
        set("TimeoutStartSec", first.timeout.map(SystemdQuoting.duration) ?? "infinity")
        if first.retry.maxAttempts != 1, first.restart != .never { writeRestart(first) }
        writeStop(first)
    }

    private mutating func command(_ action: ActionSpec) -> String {
        switch action.program {
        case .exec(var words):
            // systemd accepts only a name or an absolute path.
            if let first = words.first, first.contains("/"), !first.hasPrefix("/") {
                let folder = action.workingDirectory ?? service.workingDirectory ?? ""
                words[0] = (folder == "/" ? "" : folder) + "/" + first
            }
            return words.map(SystemdQuoting.argument).joined(separator: " ")
        case .script(let text, let interpreter):
            let shell = interpreter ?? "/bin/sh"
            let name = shell.split(separator: "/").last ?? ""
            if !["sh", "bash", "dash", "zsh", "python3", "python"].contains(name) || text.hasPrefix("#!") {
                report("script", .valueAdapted, "the script is passed to `\(name)` with `-c`")
            }
            return "\(SystemdQuoting.argument(shell)) -c \(SystemdQuoting.argument(text))"
        }
    }

    // MARK: Keys

    private mutating func writeReadiness(_ action: ActionSpec) {
        if action.ready != nil, action.ready?.check != .notify {
            report("ready", .noCounterpart, "not written: dependents start as soon as the program is executed")
        } else if action.ready == nil, !action.tcpPorts.isEmpty || !action.sockets.isEmpty {
            report("tcp_ports", .noCounterpart, "not written: dependents do not wait until the program listens")
        }
        switch action.health?.check {
        case .watchdog(let time)?:
            set("WatchdogSec", SystemdQuoting.duration(time))
        case nil: break
        case .tcp?, .http?, .exec?, .unix?, .log?, .notify?, .descriptor?, .memory?, .aliveFor?:
            report("health", .noCounterpart, "not written: systemd checks only a watchdog")
        }
        if action.notifyFrom == .all { set("NotifyAccess", "all") }
        if action.killsOthers { report("kill_others", .noCounterpart, "not written: other processes are left alone") }
    }

    private mutating func writeExecution(_ action: ActionSpec) {
        let user = action.user ?? service.user
        if let user { set("User", SystemdQuoting.line(user)) }
        if let group = action.group ?? service.group { set("Group", SystemdQuoting.line(group)) }
        if let path = action.workingDirectory ?? service.workingDirectory {
            set("WorkingDirectory", SystemdQuoting.path(path))
        }
        if action.umask != 0o022 {
            let digits = String(action.umask, radix: 8)
            set("UMask", String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits)
        }
        writeEnvironment(action)
        writeLimits(action.limits)
        let isRoot = user == nil || user == "root" || user == "0"
        if action.noNewPrivileges ?? !isRoot { set("NoNewPrivileges", "yes") }
        if let capabilities = action.capabilities {
            let names = capabilities.map { "CAP_\($0)" }.joined(separator: " ")
            set("CapabilityBoundingSet", names)
            if !isRoot { set("AmbientCapabilities", names) }
        }
        writeConfinement(action)
        if let score = action.oomScoreAdjustment { set("OOMScoreAdjust", String(score)) }
        if let nice = action.nice { set("Nice", String(nice)) }
        switch action.ioPriority {
        case .idle?: set("IOSchedulingClass", "idle")
        case .bestEffort(let level)?:
            set("IOSchedulingClass", "best-effort")
            set("IOSchedulingPriority", String(level))
        case nil: break
        }
        if action.successExitCodes != [0] {
            let codes = action.successExitCodes.filter { $0 != 0 }
            set("SuccessExitStatus", codes.map(String.init).joined(separator: " "))
        }
    }

    private mutating func writeEnvironment(_ action: ActionSpec) {
        let files = service.environmentFiles + action.environmentFiles
        for file in files {
            set("EnvironmentFile", (file.isOptional ? "-" : "") + SystemdQuoting.path(file.path))
        }
        var values = service.environment
        for (name, value) in action.environment { values[name] = value }
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .text(let text): set("Environment", SystemdQuoting.quoted("\(name)=\(text)"))
            case .fromFile(let path):
                report("env", .credentials, "`\(name)` is not written: put `\(name)=value` of \(path) into an env file")
            case .expand: report("env", .noCounterpart, "`\(name)` is not written: it refers to other variables")
            }
        }
        guard !files.isEmpty, !values.isEmpty else { return }
        report("env_file", .valueAdapted, "in systemd a file overrides `Environment=`; here `env` is stronger")
    }

    private mutating func writeLimits(_ limits: ResourceLimits) {
        let names = [
            "nofile": "NOFILE", "nproc": "NPROC", "core": "CORE", "memlock": "MEMLOCK", "fsize": "FSIZE",
            "stack": "STACK", "address_space": "AS",
        ]
        for kind in ResourceLimits.processKinds {
            guard let limit = kind.limit(limits), let name = names[kind.key] else { continue }
            let values = [limit.soft, limit.hard].map { $0 == ProcessLimit.unlimited ? "infinity" : String($0) }
            set("Limit" + name, limit.soft == limit.hard ? values[0] : values.joined(separator: ":"))
        }
        if let bytes = limits.memoryBytes { set("MemoryMax", String(bytes)) }
        if let count = limits.treeProcesses { set("TasksMax", String(count)) }
        if let processors = limits.processors { set("CPUQuota", "\(max(1, Int((processors * 100).rounded())))%") }
    }

    private mutating func writeRestart(_ action: ActionSpec) {
        switch action.restart {
        case .always: set("Restart", action.isProcess ? "always" : "on-failure")
        case .onFailure: set("Restart", "on-failure")
        case .never: return set("Restart", "no")
        }
        set("RestartSec", SystemdQuoting.duration(action.retry.delay))
        if action.retry.factor > 1 {
            report(
                "retry",
                .retryLimit,
                "the delay stays \(SystemdQuoting.duration(action.retry.delay)); it does not grow"
            )
        }
        if action.retry.maxAttempts == 0 {
            unitLines += "StartLimitIntervalSec=0\n"
        } else {
            let attempts = Int64(clamping: action.retry.maxAttempts)
            let (delays, overflow) = (action.retry.delay.components.seconds + 1).multipliedReportingOverflow(
                by: attempts
            )
            let stable = action.retry.stableAfter.components.seconds
            let whole = overflow ? Int64(86_400 * 365) : min(delays + stable, 86_400 * 365)
            let interval = action.retry.within.map { max(1, $0.components.seconds) } ?? whole
            unitLines += "StartLimitIntervalSec=\(interval)s\nStartLimitBurst=\(attempts)\n"
        }
    }

    private mutating func writeStop(_ action: ActionSpec) {
        if !action.stop.command.isEmpty {
            set("ExecStop", action.stop.command.map(SystemdQuoting.argument).joined(separator: " "))
        }
        set("KillSignal", "SIG\(action.stop.signal)")
        set("TimeoutStopSec", SystemdQuoting.duration(action.stop.timeout))
        set("KillMode", action.stop.target == .main ? "mixed" : "control-group")
        if action.log != LogPolicy() { report("log", .logLocation, "not written: the journal has limits of its own") }
        if service.isEssential {
            report("essential", .endTogether, "not written: the end of one unit ends no other one")
        }
        if service.isProtected { report("protect", .noCounterpart, "not written: every unit can be stopped") }
    }
}

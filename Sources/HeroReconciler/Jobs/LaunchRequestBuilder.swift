import HeroKernel
import HeroModel

/// Turns what manifests say into what a shim is told: environment, paths and arguments.
struct LaunchRequestBuilder {
    /// `PATH HOME USER ...` of the kernel.
    var baseEnvironment: [String: String]

    /// The order that starts this generation of a job; a standalone one has no service.
    func launchRequest(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> LaunchRequest {
        let rights = rights(of: action, in: service)
        let (arguments, script) = command(of: action.program)
        var order = LaunchRequest(
            start: StartID(job: job.id, generation: job.generation),
            label: service.map { "\($0.name).\(action.name)" } ?? "\(job.context)/\(action.name)",
            arguments: arguments,
            environment: builder(for: rights).environment(job, action, in: service),
            workingDirectory: workingDirectory(action, in: service),
            script: script,
            umask: action.umask,
            stop: action.stop,
            log: action.log,
            logFile: logFile(of: job, action, in: service)
        )
        order.rights = rights
        // A one-shot that ended well has done its work, whatever its PID file says.
        order.pidFile = action.isProcess ? action.pidFile : nil
        order.handoverTimeout = action.startTimeout
        order.handoverCodes = Set(action.successExitCodes)
        order.mayNotify = action.usesNotifySocket
        order.notifiesReady = action.usesNotifySocket && action.ready?.check == .notify
        order.watchdog = action.watchdog
        order.isRestart = job.executions > 0
        return order
    }

    /// Another user has others of `HOME USER LOGNAME SHELL`, and only the kernel knows them.
    private func builder(for rights: Rights) -> Self {
        var planner = self
        guard rights.user != nil else { return planner }
        for name in ["HOME", "USER", "LOGNAME", "SHELL"] { planner.baseEnvironment[name] = nil }
        return planner
    }

    /// Where the output of a job goes, also where its shim is gone.
    func outputCaptureRequest(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> OutputCaptureRequest
    {
        OutputCaptureRequest(
            start: StartID(job: job.id, generation: job.generation),
            log: action.log,
            logFile: logFile(of: job, action, in: service)
        )
    }

    private func logFile(of job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> String {
        "\(Self.logFolder(job.context, service: service?.name.name, action: action.name))/\(job.id).log"
    }

    /// What must be free before an action starts.
    func blockerScanRequest(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> BlockerScanRequest {
        let program =
            switch action.program {
            case .exec(let arguments): arguments.first ?? ""
            case .script: ""
            }
        var order = BlockerScanRequest(
            ports: action.tcpPorts,
            sockets: action.sockets,
            pidFile: action.pidFile,
            program: program,
            environment: environment(job, action, in: service),
            recorded: job.process
        )
        order.ownPIDFile = Self.ownPIDFile(of: job, action)
        order.bindsAsOwnUser = rights(of: action, in: service).user == nil
        return order
    }

    /// The name of the PID file that heroproc writes for a singleton which names none: no part of it can hold a dot.
    static func ownPIDFile(of job: JobRecord, _ action: ActionSpec) -> String? {
        guard action.singleton, action.pidFile == nil else { return nil }
        return "\(job.context).\(job.service ?? "_").\(action.name)"
    }

    /// One question to a running start; without a probe, whether it listens on all it declares.
    func probeRequest(
        _ start: StartID,
        _ serial: UInt64,
        _ probe: Probe?,
        _ job: JobRecord,
        _ action: ActionSpec,
        in service: ServiceSpec?
    ) -> ProbeRequest {
        let rights = rights(of: action, in: service)
        var order = ProbeRequest(
            start: start,
            serial: serial,
            question: probe.map { .probe($0.check) }
                ?? .listening(sockets: action.sockets, ports: action.tcpPorts.map(\.endpoint)),
            timeout: probe?.timeout ?? .seconds(1),
            environment: builder(for: rights).environment(job, action, in: service),
            workingDirectory: workingDirectory(action, in: service)
        )
        order.rights = Rights(
            user: rights.user,
            group: rights.group,
            noNewPrivileges: rights.noNewPrivileges,
            isStrict: rights.isStrict
        )
        order.logFile = logFile(of: job, action, in: service)
        order.startedAt = job.startedAt
        return order
    }

    /// As whom it runs: a user of its own comes with its own groups, not with the service's.
    func rights(of action: ActionSpec, in service: ServiceSpec?) -> Rights {
        Rights(
            user: action.user ?? service?.user,
            group: action.group ?? (action.user == nil ? service?.group : nil),
            limits: action.limits,
            noNewPrivileges: action.noNewPrivileges,
            isStrict: action.isStrict,
            oomScoreAdjustment: action.oomScoreAdjustment
        )
    }

    /// Where its program runs.
    func workingDirectory(_ action: ActionSpec, in service: ServiceSpec?) -> String {
        action.workingDirectory ?? service?.workingDirectory ?? "/"
    }

    /// The folder of an action's logs below the log directory; `_` stands for no service (contract section 8).
    static func logFolder(_ context: String, service: String?, action: String) -> String {
        "\(context)/\(service ?? "_")/\(action)"
    }

    /// Weakest first: base, what heroproc says, the service's files, the service's own, the action's files, the action's own
    /// (contract section 3).
    func environment(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> [EnvironmentLayer] {
        var base = baseEnvironment
        base["HEROPROC_CONTEXT"] = job.context
        if let service { base["HEROPROC_SERVICE"] = service.name.name }
        base["HEROPROC_ACTION"] = action.name
        base["HEROPROC_JOB_ID"] = String(job.id)
        base["HEROPROC_RESTART_COUNT"] = String(job.executions)
        var layers = [EnvironmentLayer.texts(base)]
        if let service {
            layers += service.environmentFiles.map(EnvironmentLayer.file)
            layers.append(.variables(service.environment))
        }
        layers += action.environmentFiles.map(EnvironmentLayer.file)
        layers.append(.variables(action.environment))
        return layers
    }

    private func command(of program: ActionSpec.Program) -> (arguments: [String], script: String?) {
        switch program {
        case .exec(let arguments): (arguments, nil)
        case .script(let text, interpreter: let interpreter):
            (
                interpreterArguments(interpreter ?? Self.shebang(of: text) ?? "sh") + [LaunchRequest.scriptPlaceholder],
                text
            )
        }
    }

    /// `#!/usr/bin/env python3 -u` has an interpreter and words for it; so may the key.
    private func interpreterArguments(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }

    private static func shebang(of script: String) -> String? {
        guard script.hasPrefix("#!"), let line = script.split(whereSeparator: \.isNewline).first else { return nil }
        let words = line.dropFirst(2).drop { $0 == " " || $0 == "\t" }
        return words.isEmpty ? nil : String(words)
    }
}

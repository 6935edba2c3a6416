import HeroKernel
import HeroModel

/// Builds the requests to the kernel from the specs of manifests: environment, paths and arguments.
struct LaunchRequestBuilder {
    /// `PATH HOME USER ...`, as given by the kernel.
    var baseEnvironment: [String: String]

    /// The request that starts the current generation of a job; a standalone job has no service.
    func launchRequest(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> LaunchRequest {
        let rights = rights(of: action, in: service)
        let (arguments, script) = command(of: action.program)
        var request = LaunchRequest(
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
        request.rights = rights
        request.sandbox = action.sandbox
        // A one-shot that has exited successfully is complete, whatever its PID file contains.
        request.pidFile = action.isProcess ? action.pidFile : nil
        request.handoverTimeout = action.startTimeout
        request.handoverCodes = Set(action.successExitCodes)
        request.mayNotify = action.usesNotifySocket
        request.notifyFrom = action.notifyFrom
        request.notifiesReady = action.usesNotifySocket && action.ready?.check == .notify
        request.readyDescriptor = action.readyDescriptor
        request.watchdog = action.watchdog
        request.folders = action.folders
        request.isRestart = job.executions > 0
        return request
    }

    /// For another user, `HOME USER LOGNAME SHELL` are different, and only the kernel knows them.
    private func builder(for rights: Rights) -> Self {
        var builder = self
        guard rights.user != nil else { return builder }
        for name in ["HOME", "USER", "LOGNAME", "SHELL"] { builder.baseEnvironment[name] = nil }
        return builder
    }

    /// The request that captures the output of a job whose shim is gone.
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

    /// The request that scans for the start blockers of an action.
    func blockerScanRequest(_ job: JobRecord, _ action: ActionSpec, in service: ServiceSpec?) -> BlockerScanRequest {
        let program =
            switch action.program {
            case .exec(let arguments): arguments.first ?? ""
            case .script: ""
            }
        var request = BlockerScanRequest(
            ports: action.tcpPorts,
            sockets: action.sockets,
            pidFile: action.pidFile,
            program: program,
            environment: environment(job, action, in: service),
            recorded: job.process
        )
        request.ownPIDFile = Self.ownPIDFile(of: job, action)
        request.bindsAsOwnUser = rights(of: action, in: service).user == nil
        return request
    }

    /// The name of the PID file that heroproc writes for a singleton without `pid_file`; nil for others.
    ///
    /// The name is unique, because none of its parts can contain a dot.
    static func ownPIDFile(of job: JobRecord, _ action: ActionSpec) -> String? {
        guard action.singleton, action.pidFile == nil else { return nil }
        return "\(job.context).\(job.service ?? "_").\(action.name)"
    }

    /// The request for one probe of a start; without a declared probe it checks whether the job listens on everything
    /// it declares.
    func probeRequest(
        _ start: StartID,
        _ serial: UInt64,
        _ probe: Probe?,
        _ job: JobRecord,
        _ action: ActionSpec,
        in service: ServiceSpec?
    ) -> ProbeRequest {
        let rights = rights(of: action, in: service)
        var request = ProbeRequest(
            start: start,
            serial: serial,
            question: probe.map { .probe($0.check) }
                ?? .listening(sockets: action.sockets, ports: action.tcpPorts.map(\.endpoint)),
            timeout: probe?.timeout ?? .seconds(1),
            environment: builder(for: rights).environment(job, action, in: service),
            workingDirectory: workingDirectory(action, in: service)
        )
        request.rights = Rights(
            user: rights.user,
            group: rights.group,
            noNewPrivileges: rights.noNewPrivileges,
            isStrict: rights.isStrict
        )
        request.rights.capabilities = rights.capabilities
        request.memoryBelow = probe?.memoryBelow
        request.sandboxed = action.sandbox == nil ? nil : job.process
        request.logFile = logFile(of: job, action, in: service)
        request.startedAt = job.startedAt
        return request
    }

    /// The rights of an action: an action with its own user does not get the group of the service.
    func rights(of action: ActionSpec, in service: ServiceSpec?) -> Rights {
        var rights = Rights(
            user: action.user ?? service?.user,
            group: action.group ?? (action.user == nil ? service?.group : nil),
            limits: action.limits,
            noNewPrivileges: action.noNewPrivileges,
            isStrict: action.isStrict,
            oomScoreAdjustment: action.oomScoreAdjustment
        )
        rights.capabilities = action.capabilities
        rights.nice = action.nice
        rights.ioPriority = action.ioPriority
        return rights
    }

    /// The working directory of an action.
    func workingDirectory(_ action: ActionSpec, in service: ServiceSpec?) -> String {
        action.workingDirectory ?? service?.workingDirectory ?? "/"
    }

    /// The folder of an action's logs in the log directory; `_` replaces the service of a standalone action (contract
    /// section 8).
    static func logFolder(_ context: String, service: String?, action: String) -> String {
        "\(context)/\(service ?? "_")/\(action)"
    }

    /// The environment, weakest layer first (contract section 3): the base with the variables of heroproc, files of the
    /// service, variables of the service, files of the action, variables of the action.
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

    /// Splits an interpreter with arguments, such as `/usr/bin/env python3 -u`.
    private func interpreterArguments(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }

    private static func shebang(of script: String) -> String? {
        guard script.hasPrefix("#!"), let line = script.split(whereSeparator: \.isNewline).first else { return nil }
        let command = line.dropFirst(2).drop { $0 == " " || $0 == "\t" }
        return command.isEmpty ? nil : String(command)
    }
}

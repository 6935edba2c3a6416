import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// Encodes a launch in the format of CHeroRecord: a header, then all texts.
///
/// One encoder reuses its memory for every launch.
struct ShimSpecEncoder {
    /// The values that are the same for all starts.
    struct Context {
        /// The paths of the state directory.
        var paths: RuntimePaths
        /// Boot and PID namespace.
        var machine: ProcessTable.MachineIdentity
        /// The soft limit of open files for services.
        var softOpenFiles: UInt64
        /// The out-of-memory score of programs whose manifest sets none.
        var oomScore = OOMScore()
    }

    private(set) var bytes: [UInt8] = []
    private var textWithNUL: String?

    /// Encodes a launch and replaces the earlier one.
    mutating func encode(_ launch: ResolvedLaunch, _ context: Context, in cgroup: StartCgroups.Placement? = nil)
        throws(StartError)
    {
        let request = launch.request
        let headerSize = MemoryLayout<hero_spec>.size
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: headerSize))
        textWithNUL = nil

        var header = hero_spec()
        header.magic = UInt32(HERO_SPEC_MAGIC)
        header.version = UInt32(HERO_SPEC_VERSION)
        header.generation = request.start.generation
        header.job = request.start.job
        header.record_path = append(context.paths.record(of: request.start.job))
        header.log_path = append(context.paths.logs + "/" + request.logFile)
        header.working_directory = append(request.workingDirectory)
        (header.candidates, header.candidate_count) = append(list: launch.candidates)
        let scriptPath = context.paths.script(of: request.start.job)
        (header.arguments, header.argument_count) = append(
            list: request.arguments.map { $0 == LaunchRequest.scriptPlaceholder ? scriptPath : $0 }
        )
        var own = [InstanceTag.variable: InstanceTag.value(request.start, context.paths)]
        if request.mayNotify {
            let socket = try Self.notifySocket(request, context.paths)
            header.notify_socket = append(socket)
            own["NOTIFY_SOCKET"] = socket
            header.notify_senders =
                switch request.notifyFrom {
                case nil: HERO_NOTIFY_SENDERS_DEFAULT.rawValue
                case .main: HERO_NOTIFY_SENDERS_MAIN.rawValue
                case .all: HERO_NOTIFY_SENDERS_ALL.rawValue
                }
            if let watchdog = request.watchdog {
                // The shim adds WATCHDOG_PID, which only the shim can know.
                header.watchdog_us = UInt64(clamping: max(1, watchdog.wholeNanoseconds / 1000))
                own["WATCHDOG_USEC"] = String(header.watchdog_us)
            }
        }
        let variables = launch.environment.merging(own) { $1 }
        (header.environment, header.environment_count) = append(
            list: variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        )
        // The value may be a secret and the refusal is shown to users, so the name of the variable is used.
        if textWithNUL != nil {
            textWithNUL = launch.environment.first { $0.value.utf8.contains(0) }?.key ?? textWithNUL
        }
        header.ready_descriptor = UInt32(clamping: request.readyDescriptor ?? 0)
        if let script = request.script {
            header.script = append(script)
            header.script_size = UInt32(clamping: script.utf8.count)
            header.script_path = append(scriptPath)
        }
        header.umask = request.umask
        header.stop_signal = UInt32(clamping: request.stop.signal.number)
        header.stop_timeout_ms = UInt32(clamping: request.stop.timeout.wholeMilliseconds)
        header.log_keep = UInt32(clamping: min(max(request.log.keep, 0), 99))
        header.log_max_size = UInt64(clamping: request.log.maxSize)
        header.log_when_slow =
            switch request.log.whenSlow {
            case .block: HERO_WHEN_SLOW_BLOCK.rawValue
            case .drop: HERO_WHEN_SLOW_DROP.rawValue
            }
        header.open_files_soft = context.softOpenFiles
        header.pid_namespace = context.machine.pidNamespace
        header.rights = encode(request.rights, launch.account, context.oomScore)
        header.strict_exec = request.rights.isStrict ? 1 : 0
        header.attributes = Self.attributes(of: request.rights)
        if let capabilities = request.rights.capabilities {
            header.limits_capabilities = 1
            header.capabilities = Capability.bits(capabilities)
        }
        if let sandbox = request.sandbox { header.sandbox = encode(sandbox) }
        if let cgroup {
            header.containment = cgroup.kind.rawValue
            header.cgroup = append(cgroup.path)
            header.needs_cgroup = cgroup.isRequired ? 1 : 0
        }
        if let pidFile = request.pidFile { header.pid_file = append(pidFile) }
        if request.pidFile != nil || request.notifiesReady {
            header.handover_timeout_ms = UInt32(clamping: request.handoverTimeout.wholeMilliseconds)
            header.handover_codes = append(codes: request.handoverCodes)
        }
        withUnsafeMutableBytes(of: &header.boot_id) { field in
            field.copyBytes(from: context.machine.bootID.utf8.prefix(field.count - 1))
        }

        guard textWithNUL == nil else {
            throw StartError(.launch, EINVAL, "a NUL character is in `\(textWithNUL ?? "")`")
        }
        guard !launch.candidates.isEmpty, !request.arguments.isEmpty else {
            throw StartError(.execute, ENOENT, "there is no program to execute")
        }
        guard bytes.count <= 1 << 30 else {
            throw StartError(.launch, E2BIG, "arguments, environment and script are too large")
        }
        header.size = UInt32(clamping: bytes.count)
        withUnsafeBytes(of: &header) { source in
            bytes.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
    }

    /// Overwrites the encoded bytes, because they may contain secrets.
    mutating func wipe() {
        for index in bytes.indices { bytes[index] = 0 }
    }

    private mutating func encode(_ rights: Rights, _ account: Account?, _ oomScore: OOMScore) -> hero_rights {
        var encoded = hero_rights()
        if let account, !account.isCurrentUser {
            encoded.changes_user = 1
            encoded.uid = account.uid
            encoded.gid = account.gid
            encoded.groups = UInt32(clamping: bytes.count)
            encoded.group_count = UInt32(clamping: account.groups.count)
            for group in account.groups { withUnsafeBytes(of: group) { bytes.append(contentsOf: $0) } }
        }
        encoded.no_new_privileges = rights.noNewPrivileges ?? ((account?.uid ?? geteuid()) != 0) ? 1 : 0
        if let score = rights.oomScoreAdjustment ?? oomScore.ofPrograms {
            encoded.sets_oom_score = 1
            encoded.oom_score = Int32(clamping: min(max(score, -1000), 1000))
        }
        // The limits are in the attributes.
        encoded.open_files = .max
        encoded.processes = .max
        encoded.core_bytes = .max
        encoded.memory_bytes = .max
        return encoded
    }

    /// The address of the notify socket; an abstract name cannot be reached from another network namespace.
    private static func notifySocket(_ request: LaunchRequest, _ paths: RuntimePaths) throws(StartError) -> String {
        let address = paths.notifySocket(of: request.start.job)
        guard request.sandbox != nil, address.hasPrefix("@") else { return address }
        let path = paths.notifySocketFile(of: request.start.job)
        throw StartError(.notify, ENAMETOOLONG, "a program in a sandbox needs a path of at most 107 bytes: \(path)")
    }

    private mutating func encode(_ sandbox: SandboxPolicy) -> hero_sandbox {
        var encoded = hero_sandbox()
        if sandbox.isReadOnly { encoded.flags |= HERO_SANDBOX_READ_ONLY.rawValue }
        if sandbox.hasPrivateTmp { encoded.flags |= HERO_SANDBOX_PRIVATE_TMP.rawValue }
        if sandbox.hasNoNetwork { encoded.flags |= HERO_SANDBOX_NO_NETWORK.rawValue }
        (encoded.writable, encoded.writable_count) = append(list: sandbox.writable)
        (encoded.hidden, encoded.hidden_count) = append(list: sandbox.hidden)
        return encoded
    }

    /// Encodes limits and priorities.
    ///
    /// Only a cgroup limits the memory of a process tree. `limits.memory` never becomes a limit of the address space,
    /// which would end programs that reserve more than they use.
    private static func attributes(of rights: Rights) -> hero_attributes {
        var attributes = hero_attributes()
        let limits = rights.limits
        let kinds: [(hero_limit_kind, ProcessLimit?)] = [
            (HERO_LIMIT_OPEN_FILES, limits.openFiles), (HERO_LIMIT_PROCESSES, limits.processes),
            (HERO_LIMIT_CORE, limits.coreBytes), (HERO_LIMIT_ADDRESS_SPACE, limits.addressSpaceBytes),
            (HERO_LIMIT_LOCKED_MEMORY, limits.lockedBytes), (HERO_LIMIT_FILE_SIZE, limits.fileBytes),
            (HERO_LIMIT_STACK, limits.stackBytes),
        ]
        func bound(_ value: Int64) -> UInt64 { value == ProcessLimit.unlimited ? .max : UInt64(clamping: value) }
        for case (let kind, let limit?) in kinds {
            hero_set_limit(&attributes, kind, bound(limit.soft), bound(limit.hard))
        }
        if let nice = rights.nice {
            attributes.sets_nice = 1
            attributes.nice = Int32(clamping: nice)
        }
        switch rights.ioPriority {
        // The classes of ioprio_set(2), which are above the 13 bits of the level.
        case .idle: attributes.io_priority = 3 << 13
        case .bestEffort(let level): attributes.io_priority = 2 << 13 | UInt32(clamping: level)
        case nil: break
        }
        return attributes
    }

    private mutating func append(_ text: String) -> UInt32 {
        let offset = bytes.count
        bytes.append(contentsOf: text.utf8)
        // A NUL would end the text early and shift all texts after it.
        if bytes[offset...].contains(0) { textWithNUL = text }
        bytes.append(0)
        return UInt32(clamping: offset)
    }

    private mutating func append(codes: Set<Int32>) -> UInt32 {
        let offset = bytes.count
        var map = [UInt8](repeating: 0, count: Int(HERO_EXIT_CODE_MAP_SIZE))
        for code in codes where (0...255).contains(code) { map[Int(code) / 8] |= 1 << UInt8(code % 8) }
        bytes.append(contentsOf: map)
        return UInt32(clamping: offset)
    }

    private mutating func append(list: [String]) -> (offset: UInt32, count: UInt32) {
        let offset = UInt32(clamping: bytes.count)
        for text in list { _ = append(text) }
        return (offset, UInt32(clamping: list.count))
    }
}

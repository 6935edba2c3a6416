import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// A launch order in the words of CHeroRecord: the header, then all texts in one blob.
///
/// One value encodes order after order into the same memory.
struct ShimSpecEncoder {
    /// What is the same for all starts.
    struct Context {
        /// The paths of this state directory.
        var paths: RuntimePaths
        /// Boot and pid namespace.
        var machine: ProcessTable.MachineIdentity
        /// The soft limit of open files that services get.
        var softOpenFiles: UInt64
        /// How readily the kernel ends a program that is told nothing else.
        var oomScore = OOMScore()
    }

    private(set) var bytes: [UInt8] = []
    private var textWithNUL: String?

    /// Encodes a launch, over whatever was encoded before.
    mutating func encode(_ launch: ResolvedLaunch, _ place: Context, in cgroup: StartCgroups.Placement? = nil)
        throws(StartError)
    {
        let order = launch.request
        let headerSize = MemoryLayout<hero_spec>.size
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: headerSize))
        textWithNUL = nil

        var header = hero_spec()
        header.magic = UInt32(HERO_SPEC_MAGIC)
        header.version = UInt32(HERO_SPEC_VERSION)
        header.generation = order.start.generation
        header.job = order.start.job
        header.record_path = append(place.paths.record(of: order.start.job))
        header.log_path = append(place.paths.logs + "/" + order.logFile)
        header.working_directory = append(order.workingDirectory)
        (header.candidates, header.candidate_count) = append(list: launch.candidates)
        let scriptPath = place.paths.script(of: order.start.job)
        (header.arguments, header.argument_count) = append(
            list: order.arguments.map { $0 == LaunchRequest.scriptPlaceholder ? scriptPath : $0 }
        )
        var own = [InstanceTag.variable: InstanceTag.value(order.start, place.paths)]
        if order.mayNotify {
            let socket = place.paths.notifySocket(of: order.start.job)
            header.notify_socket = append(socket)
            own["NOTIFY_SOCKET"] = socket
            if let watchdog = order.watchdog {
                // WATCHDOG_PID is added by the shim, which alone can know it.
                header.watchdog_us = UInt64(clamping: max(1, watchdog.wholeNanoseconds / 1000))
                own["WATCHDOG_USEC"] = String(header.watchdog_us)
            }
        }
        let variables = launch.environment.merging(own) { $1 }
        (header.environment, header.environment_count) = append(
            list: variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        )
        // Its values may be secrets, and what is refused is told.
        if textWithNUL != nil {
            textWithNUL = launch.environment.first { $0.value.utf8.contains(0) }?.key ?? textWithNUL
        }
        if let script = order.script {
            header.script = append(script)
            header.script_size = UInt32(clamping: script.utf8.count)
            header.script_path = append(scriptPath)
        }
        header.umask = order.umask
        header.stop_signal = UInt32(clamping: order.stop.signal.number)
        header.stop_timeout_ms = UInt32(clamping: order.stop.timeout.wholeMilliseconds)
        header.log_keep = UInt32(clamping: min(max(order.log.keep, 0), 99))
        header.log_max_size = UInt64(clamping: order.log.maxSize)
        header.log_when_slow =
            switch order.log.whenSlow {
            case .block: HERO_WHEN_SLOW_BLOCK.rawValue
            case .drop: HERO_WHEN_SLOW_DROP.rawValue
            }
        header.open_files_soft = place.softOpenFiles
        header.pid_namespace = place.machine.pidNamespace
        header.rights = encode(order.rights, launch.account, place.oomScore)
        header.strict_exec = order.rights.isStrict ? 1 : 0
        if let cgroup {
            header.containment = cgroup.kind.rawValue
            header.cgroup = append(cgroup.path)
            header.needs_cgroup = cgroup.isRequired ? 1 : 0
            // All of them together is what was meant; each of them alone would be less than that.
            if cgroup.limitsMemory { header.rights.memory_bytes = .max }
        }
        if let pidFile = order.pidFile { header.pid_file = append(pidFile) }
        if order.pidFile != nil || order.notifiesReady {
            header.handover_timeout_ms = UInt32(clamping: order.handoverTimeout.wholeMilliseconds)
            header.handover_codes = append(codes: order.handoverCodes)
        }
        withUnsafeMutableBytes(of: &header.boot_id) { field in
            field.copyBytes(from: place.machine.bootID.utf8.prefix(field.count - 1))
        }

        guard textWithNUL == nil else {
            throw StartError(.launch, EINVAL, "a NUL character stands in `\(textWithNUL ?? "")`")
        }
        guard !launch.candidates.isEmpty, !order.arguments.isEmpty else {
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

    /// Overwrites what was encoded: there may be secrets in it.
    mutating func wipe() {
        for index in bytes.indices { bytes[index] = 0 }
    }

    private mutating func encode(_ rights: Rights, _ account: Account?, _ oomScore: OOMScore) -> hero_rights {
        var words = hero_rights()
        if let account, !account.isCurrentUser {
            words.changes_user = 1
            words.uid = account.uid
            words.gid = account.gid
            words.groups = UInt32(clamping: bytes.count)
            words.group_count = UInt32(clamping: account.groups.count)
            for group in account.groups { withUnsafeBytes(of: group) { bytes.append(contentsOf: $0) } }
        }
        words.no_new_privileges = rights.noNewPrivileges ?? ((account?.uid ?? geteuid()) != 0) ? 1 : 0
        if let score = rights.oomScoreAdjustment ?? oomScore.ofPrograms {
            words.sets_oom_score = 1
            words.oom_score = Int32(clamping: min(max(score, -1000), 1000))
        }
        func limit(_ value: Int64?) -> UInt64 { value.map { UInt64(clamping: $0) } ?? .max }
        words.open_files = limit(rights.limits.openFiles)
        words.processes = limit(rights.limits.processes)
        words.core_bytes = limit(rights.limits.coreBytes)
        words.memory_bytes = limit(rights.limits.memoryBytes)
        return words
    }

    private mutating func append(_ text: String) -> UInt32 {
        let offset = bytes.count
        bytes.append(contentsOf: text.utf8)
        // A NUL would cut the text in two and shift every text behind it.
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

/// A start that fails before there is a shim.
struct StartError: Error, Hashable {
    /// What becomes its outcome.
    var failure: StartFailure

    init(_ stage: StartFailure.Stage, _ number: Int32, _ detail: String) {
        failure = StartFailure(stage: stage, errno: number, detail: detail)
    }
}

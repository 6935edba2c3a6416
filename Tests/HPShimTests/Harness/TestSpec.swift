import CHeroRecord

/// The spec of a start; `bytes` is its binary form.
struct TestSpec {
    var job: Int64 = 17
    var generation: UInt32 = 1
    var recordPath = ""
    var logPath = ""
    var workingDirectory = "/"
    var candidates = ["/bin/sh"]
    var arguments = ["sh"]
    var environment = ["PATH=/usr/bin:/bin", "LC_ALL=C"]
    var script: String?
    var scriptPath = ""
    var umask: UInt32 = 0o022
    var stopSignal: UInt32 = 15
    var stopTimeout: UInt32 = 300
    var logKeep: UInt32 = 5
    var logMaxSize: UInt64 = 10 << 20
    var logWhenSlow = HERO_WHEN_SLOW_BLOCK
    var openFiles: UInt64 = 0
    /// Older versions have a shorter header.
    var version = HERO_SPEC_VERSION
    var containment = HERO_CONTAINMENT_NONE
    var cgroup: String?
    var needsCgroup = false
    var pidFile: String?
    var handoverTimeout: UInt32 = 20_000
    /// nil means success code 0 only, as in older specs.
    var handoverCodes: Set<Int>?
    /// NOTIFY_SOCKET of the service.
    var notifySocket: String?
    /// WATCHDOG_USEC of the service; 0 means no watchdog.
    var watchdog: UInt64 = 0
    var notifySenders = HERO_NOTIFY_SENDERS_DEFAULT.rawValue
    /// Whether only programs are executed that no other user can change.
    var isStrict = false
    /// By default without limits and without a change of user.
    var rights = TestSpec.defaultRights
    /// By default nothing is set.
    var attributes = hero_attributes()
    /// The capabilities that the program keeps, one bit each; nil: unchanged.
    var capabilities: UInt64?
    /// The restrictions of the sandbox.
    var sandboxFlags: UInt32 = 0
    var writable: [String] = []
    var hidden: [String] = []
    var groups: [UInt32] = []

    static let defaultRights: hero_rights = {
        var rights = hero_rights()
        (rights.open_files, rights.processes, rights.core_bytes, rights.memory_bytes) = (.max, .max, .max, .max)
        return rights
    }()

    var bytes: [UInt8] {
        var header = hero_spec()
        let base = UInt32(hero_spec_header_size(version))
        var blob: [UInt8] = []
        func put(_ texts: [String]) -> UInt32 {
            let at = base + UInt32(blob.count)
            for text in texts { blob += Array(text.utf8) + [0] }
            return at
        }
        header.magic = HERO_SPEC_MAGIC
        header.version = version
        header.generation = generation
        header.job = job
        header.record_path = put([recordPath])
        header.log_path = put([logPath])
        header.working_directory = put([workingDirectory])
        header.candidates = put(candidates)
        header.candidate_count = UInt32(candidates.count)
        header.arguments = put(arguments)
        header.argument_count = UInt32(arguments.count)
        var variables = environment
        if let notifySocket { variables.append("NOTIFY_SOCKET=\(notifySocket)") }
        if watchdog > 0 { variables.append("WATCHDOG_USEC=\(watchdog)") }
        header.environment = put(variables)
        header.environment_count = UInt32(variables.count)
        if let script {
            header.script = put([script])
            header.script_size = UInt32(script.utf8.count)
            header.script_path = put([scriptPath])
        }
        header.umask = umask
        header.stop_signal = stopSignal
        header.stop_timeout_ms = stopTimeout
        header.log_keep = logKeep
        header.log_max_size = logMaxSize
        header.log_when_slow = logWhenSlow.rawValue
        header.open_files_soft = openFiles
        header.pid_namespace = 4_026_531_836
        header.rights = rights
        header.rights.groups = base + UInt32(blob.count)
        header.rights.group_count = UInt32(groups.count)
        for group in groups { blob += withUnsafeBytes(of: group) { Array($0) } }
        withUnsafeMutableBytes(of: &header.boot_id) { $0.copyBytes(from: Array("test-boot".utf8)) }
        header.containment = containment.rawValue
        header.cgroup = cgroup.map { put([$0]) } ?? 0
        header.needs_cgroup = needsCgroup ? 1 : 0
        header.pid_file = pidFile.map { put([$0]) } ?? 0
        header.handover_timeout_ms = handoverTimeout
        if let handoverCodes {
            header.handover_codes = base + UInt32(blob.count)
            var map = [UInt8](repeating: 0, count: Int(HERO_EXIT_CODE_MAP_SIZE))
            for code in handoverCodes { map[code / 8] |= 1 << UInt8(code % 8) }
            blob += map
        }
        header.watchdog_us = watchdog
        header.notify_socket = notifySocket.map { put([$0]) } ?? 0
        header.notify_senders = notifySenders
        header.strict_exec = isStrict ? 1 : 0
        header.attributes = attributes
        header.sandbox.flags = sandboxFlags
        (header.sandbox.writable, header.sandbox.writable_count) = (put(writable), UInt32(writable.count))
        (header.sandbox.hidden, header.sandbox.hidden_count) = (put(hidden), UInt32(hidden.count))
        header.limits_capabilities = capabilities == nil ? 0 : 1
        header.capabilities = capabilities ?? 0
        header.size = base + UInt32(blob.count)
        return withUnsafeBytes(of: header) { Array($0.prefix(Int(base))) } + blob
    }
}

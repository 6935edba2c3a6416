import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// The program under test: built beside the test bundle.
let shimProgram: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("hpshim").path
}()

/// What a shim is started with; `bytes` is its form on the wire.
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
    /// An older one has a shorter header.
    var version = HERO_SPEC_VERSION
    var containment = HERO_CONTAINMENT_NONE
    var cgroup: String?
    var needsCgroup = false
    var pidFile: String?
    var handoverTimeout: UInt32 = 20_000
    /// nil: as an older spec has it, code 0 alone.
    var handoverCodes: Set<Int>?
    /// What the service is told as NOTIFY_SOCKET.
    var notifySocket: String?
    /// What it is told as WATCHDOG_USEC; 0: it has no watchdog.
    var watchdog: UInt64 = 0
    /// Whether only what nobody else can change is executed.
    var isStrict = false
    /// Without limits and without a change of user.
    var rights = TestSpec.defaultRights
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
        header.strict_exec = isStrict ? 1 : 0
        header.size = base + UInt32(blob.count)
        return withUnsafeBytes(of: header) { Array($0.prefix(Int(base))) } + blob
    }
}

/// A line of a log in CRI format.
struct LogLine: Equatable {
    var stream: String
    var tag: String
    var text: [UInt8]
}

/// One job in a directory of its own: starts shims, reads what they leave, and ends everything when it goes.
final class TestJob {
    var spec = TestSpec()
    let directory: String
    /// What HEROPROC_FP says to its shims (CHeroFailpoints.h).
    var failpoints = ""
    private var pids: [Int32] = []

    init() throws {
        var template = Array("/tmp/hpshim-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        directory = try #require(made)
        spec.recordPath = directory + "/17"
        spec.logPath = directory + "/logs/web/17.log"
        spec.scriptPath = directory + "/17.script"
    }

    /// Runs a shell program as the service.
    convenience init(shell: String) throws {
        try self.init()
        spec.arguments = ["sh", "-c", shell]
    }

    deinit {
        if let record = proc, record.main.pid > 0, exit?.kind == HERO_EXIT_EMPTY.rawValue {
            for pid in pids { _ = harness_signal(pid, HERO_SIGNAL_KILL_TREE) }
        }
        var status: Int32 = 0
        for pid in pids where harness_wait(pid, 5000, &status) == 0 {
            _ = harness_signal(pid, SIGKILL)
            _ = harness_wait(pid, 5000, &status)
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    // MARK: Running

    /// Starts a shim; `wire` replaces the spec's bytes.
    @discardableResult
    func start(
        wire: [UInt8]? = nil,
        sealed: Bool = true,
        notice: Int32 = -1,
        ignoringSignals: Bool = false
    ) throws -> Int32 {
        let descriptor = try makeMemfd(wire ?? spec.bytes, sealed: sealed)
        defer { close(descriptor) }
        let pid = harness_spawn(
            shimProgram,
            "hpshim core/web #17",
            "HEROPROC_FP=\(failpoints)",
            descriptor,
            notice,
            ignoringSignals ? 1 : 0
        )
        try #require(pid > 0, "cannot start \(shimProgram)")
        pids.append(pid)
        return pid
    }

    /// The spec in a memfd; the caller closes it.
    func makeMemfd(_ bytes: [UInt8], sealed: Bool = true) throws -> Int32 {
        let descriptor = bytes.withUnsafeBytes { harness_memfd($0.baseAddress, $0.count, sealed ? 1 : 0) }
        try #require(descriptor >= 0)
        return descriptor
    }

    /// Waits for a shim's exit code; nil when it still lives after the time.
    func waitForExit(of pid: Int32, within milliseconds: Int32 = 20_000) -> Int32? {
        var status: Int32 = 0
        guard harness_wait(pid, milliseconds, &status) == 1 else { return nil }
        pids.removeAll { $0 == pid }
        return status
    }

    /// Starts a shim and waits until it is done.
    func run(wire: [UInt8]? = nil, sealed: Bool = true) throws -> Int32? {
        waitForExit(of: try start(wire: wire, sealed: sealed))
    }

    /// Looks again and again until the fact holds; false when it never does.
    func eventually(_ fact: () -> Bool) -> Bool {
        for _ in 0..<2000 {
            if fact() { return true }
            usleep(5000)
        }
        return false
    }

    /// Waits until the service has executed, and answers its pid.
    func awaitMainPID() throws -> Int32 {
        try #require(self.eventually { proc?.phase == HERO_PROC_EXECUTED.rawValue })
        return try #require(proc).main.pid
    }

    /// A file in the job's directory.
    func path(_ name: String) -> String { directory + "/" + name }

    /// What a file in the job's directory says.
    func read(_ name: String) -> String {
        FileManager.default.contents(atPath: path(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Makes a file in the job's directory.
    func write(_ name: String, _ text: String, mode: Int = 0o600) {
        _ = FileManager.default.createFile(
            atPath: path(name),
            contents: Data(text.utf8),
            attributes: [.posixPermissions: mode]
        )
    }

    /// Numbers that the service wrote into a file, separated by white space.
    func numbers(_ name: String) -> [Int32] {
        read(name).split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
    }

    // MARK: Reading

    var proc: hero_proc? {
        guard var record: hero_proc = recordPart(at: 0), hero_proc_is_valid(&record) == 1 else { return nil }
        return record
    }

    var exit: hero_exit? {
        guard var record: hero_exit = recordPart(at: Int(HERO_SECTOR)), hero_exit_is_valid(&record) == 1 else {
            return nil
        }
        return record
    }

    /// What the service has said; nil where there is no such part, or it is damaged.
    var notifyState: hero_notify_state? {
        guard let record: hero_notify_state = recordPart(at: 2 * Int(HERO_SECTOR)),
            withUnsafePointer(to: record, hero_notify_state_is_valid) == 1
        else { return nil }
        return record
    }

    private func recordPart<Record>(at offset: Int) -> Record? {
        guard
            let data = FileManager.default.contents(atPath: spec.recordPath),
            data.count >= offset + MemoryLayout<Record>.size
        else { return nil }
        return Array(data)[offset...].withUnsafeBytes { $0.loadUnaligned(as: Record.self) }
    }

    /// The bytes of the active log, or of an earlier one.
    func log(_ number: Int = 0) -> [UInt8] {
        let path = number == 0 ? spec.logPath : "\(spec.logPath).\(number)"
        return FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }

    func lines(_ number: Int = 0) -> [LogLine] { parse(log(number)) }

    /// The texts of all full lines.
    var texts: [String] { lines().map { String(decoding: $0.text, as: UTF8.self) } }

    /// What a stream wrote, put together again.
    func stream(_ name: String, from lines: [LogLine]) -> [UInt8] {
        lines.filter { $0.stream == name }.flatMap { $0.tag == "F" ? $0.text + [10] : $0.text }
    }

    private func parse(_ bytes: [UInt8]) -> [LogLine] {
        var lines: [LogLine] = []
        var from = 0
        while let end = bytes[from...].firstIndex(of: 10) {
            let line = bytes[from..<end]
            from = end + 1
            let fields = line.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count == 4, fields[0].count == 30, fields[0].last == UInt8(ascii: "Z") else {
                lines.append(LogLine(stream: "", tag: "torn", text: Array(line)))
                continue
            }
            lines.append(
                LogLine(
                    stream: String(decoding: fields[1], as: UTF8.self),
                    tag: String(decoding: fields[2], as: UTF8.self),
                    text: Array(fields[3])
                )
            )
        }
        if from < bytes.count { lines.append(LogLine(stream: "", tag: "torn", text: Array(bytes[from...]))) }
        return lines
    }
}

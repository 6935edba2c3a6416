import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// The program under test.
let shimProgram = builtProgram("hpshim")

/// One job in its own directory: starts shims, reads their files, and ends all processes when it is deallocated.
final class TestJob {
    var spec = TestSpec()
    let directory: String
    /// HEROPROC_FP of its shims (CHeroFailpoints.h).
    var failpoints = ""
    private var pids: [Int32] = []

    init() throws {
        directory = try makeTemporaryDirectory("hpshim-test")
        spec.recordPath = directory + "/17"
        spec.logPath = directory + "/logs/web/17.log"
        spec.scriptPath = directory + "/17.script"
    }

    /// Creates a job whose service is a shell script.
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

    /// Starts a shim; `wire` replaces the bytes of the spec.
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

    /// Creates a memfd with the spec; the caller closes it.
    func makeMemfd(_ bytes: [UInt8], sealed: Bool = true) throws -> Int32 {
        let descriptor = bytes.withUnsafeBytes { harness_memfd($0.baseAddress, $0.count, sealed ? 1 : 0) }
        try #require(descriptor >= 0)
        return descriptor
    }

    /// Waits for the exit code of a shim; nil when it does not exit in time.
    func waitForExit(of pid: Int32, within milliseconds: Int32 = 20_000) -> Int32? {
        var status: Int32 = 0
        guard harness_wait(pid, milliseconds, &status) == 1 else { return nil }
        pids.removeAll { $0 == pid }
        return status
    }

    /// Starts a shim and waits until it exits.
    func run(wire: [UInt8]? = nil, sealed: Bool = true) throws -> Int32? {
        waitForExit(of: try start(wire: wire, sealed: sealed))
    }

    /// Waits until the service is executed; returns its PID.
    func awaitMainPID() throws -> Int32 {
        try #require(waitUntil { proc?.phase == HERO_PROC_EXECUTED.rawValue })
        return try #require(proc).main.pid
    }

    /// The path of a file in the directory of the job.
    func path(_ name: String) -> String { directory + "/" + name }

    /// The text of a file in the directory of the job.
    func read(_ name: String) -> String {
        FileManager.default.contents(atPath: path(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Creates a file in the directory of the job.
    func write(_ name: String, _ text: String, mode: Int = 0o600) {
        _ = FileManager.default.createFile(
            atPath: path(name),
            contents: Data(text.utf8),
            attributes: [.posixPermissions: mode]
        )
    }

    /// The numbers in a file, separated by white space.
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

    /// The notify state; nil when there is no such part, or it is invalid.
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

    /// The bytes of the active log (0) or of an earlier one.
    func log(_ number: Int = 0) -> [UInt8] {
        let path = number == 0 ? spec.logPath : "\(spec.logPath).\(number)"
        return FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }

    func lines(_ number: Int = 0) -> [LogLine] { parse(log(number)) }

    /// The texts of all lines.
    var texts: [String] { lines().map { String(decoding: $0.text, as: UTF8.self) } }

    /// The output of a stream, joined from its lines.
    func stream(_ name: String, from lines: [LogLine]) -> [UInt8] {
        lines.filter { $0.stream == name }.flatMap { $0.tag == "F" ? $0.text + [10] : $0.text }
    }

    private func parse(_ bytes: [UInt8]) -> [LogLine] {
        var lines: [LogLine] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 10) {
            let line = bytes[start..<end]
            start = end + 1
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
        if start < bytes.count { lines.append(LogLine(stream: "", tag: "torn", text: Array(bytes[start...]))) }
        return lines
    }
}

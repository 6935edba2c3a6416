import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// A state directory of one test, gone with the test, and what is needed to live in it.
final class Sandbox {
    let folder: String
    let paths: RuntimePaths

    private let ownsFolder: Bool

    init() throws {
        ownsFolder = true
        var template = Array("/tmp/hplt-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
        folder = String(cString: try #require(made))
        // As another user without XDG_RUNTIME_DIR: the run directory then lies below the state directory.
        paths = RuntimePaths(state: folder + "/state", uid: 4711, environment: [:])
    }

    /// The sandbox of another process.
    init(existing folder: String) {
        ownsFolder = false
        self.folder = folder
        paths = RuntimePaths(state: folder + "/state", uid: 4711, environment: [:])
    }

    deinit {
        if ownsFolder { removeTree(folder) }
    }

    func kernel() throws -> LinuxKernel {
        try LinuxKernel(paths: paths, shimPath: Shim.find(), environment: [:], ownsProcess: false)
    }

    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        let path = "\(folder)/\(name)"
        var parent = folder
        for part in name.split(separator: "/").dropLast() {
            parent += "/" + part
            mkdir(parent, 0o755)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }

    /// An order with everything plain.
    func request(_ job: JobID, _ command: [String], generation: UInt32 = 1, script: String? = nil) -> LaunchRequest {
        LaunchRequest(
            start: StartID(job: job, generation: generation),
            label: "core/test.\(job)",
            arguments: command,
            environment: [.texts(["PATH": "/usr/bin:/bin"])],
            workingDirectory: "/",
            script: script,
            stop: StopPolicy(signal: .term, timeout: .seconds(2)),
            log: LogPolicy(),
            logFile: "core/test/main/\(job).log"
        )
    }

    /// A shell command as an order.
    func shellRequest(_ job: JobID, _ text: String, generation: UInt32 = 1) -> LaunchRequest {
        request(job, ["/bin/sh", "-c", text], generation: generation)
    }
}

/// The shim under test: `HEROPROC_SHIM`, or what was built beside the tests.
enum Shim {
    static func find() throws -> String {
        guard let path else {
            Issue.record("there is no hpshim beside the tests: run `swift build` first")
            throw TimedOut()
        }
        return path
    }

    private static let path: String? = {
        if let named = getenv("HEROPROC_SHIM") { return String(cString: named) }
        let maps = readText("/proc/self/maps", limit: 1 << 24) ?? ""
        for line in maps.split(separator: "\n") where line.hasSuffix(".xctest") {
            guard let slash = line.firstIndex(of: "/"), let last = line.lastIndex(of: "/") else { continue }
            let beside = line[slash..<last] + "/hpshim"
            if access(String(beside), X_OK) == 0 { return String(beside) }
        }
        return nil
    }()
}

extension LinuxKernel {
    /// Collects events until one is the awaited one; fails after 20 s.
    @discardableResult
    func await(
        _ what: Comment,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ isIt: (KernelEvent) -> Bool
    ) throws -> [KernelEvent] {
        var seen: [KernelEvent] = []
        let deadline = now() + .seconds(20)
        while now() < deadline {
            let events = nextEvents(until: deadline)
            seen += events
            // Each is looked at, also behind the awaited one.
            if events.filter(isIt).isEmpty == false { return seen }
        }
        Issue.record("\(what) did not happen; seen: \(seen)", sourceLocation: sourceLocation)
        throw TimedOut()
    }

    /// The report of a start's end; all events before it are given to a closure.
    func awaitEnd(
        _ job: JobID,
        _ others: (KernelEvent) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> EndReport {
        var report: EndReport?
        let seen = try self.await("the end of \(job)", sourceLocation: sourceLocation) { event in
            guard case .ended(let start, let end) = event, start.job == job else { return false }
            report = end
            return true
        }
        for event in seen { others(event) }
        return try #require(report)
    }

    /// The report of a start.
    func awaitStart(_ job: JobID, sourceLocation: SourceLocation = #_sourceLocation) throws -> StartReport {
        var report: StartReport?
        try self.await("the start of \(job)", sourceLocation: sourceLocation) { event in
            guard case .started(let start, let started) = event, start.job == job else { return false }
            report = started
            return true
        }
        return try #require(report)
    }
}

struct TimedOut: Error {}

/// Waits for a fact.
func eventually(_ seconds: Int64 = 10, _ isTrue: () -> Bool) -> Bool {
    for _ in 0..<(seconds * 200) {
        if isTrue() { return true }
        usleep(5000)
    }
    return isTrue()
}

/// Removes a folder and all below it; follows no links.
func removeTree(_ path: String) {
    for name in listDirectory(path) ?? [] {
        let child = "\(path)/\(name)"
        var entry = stat()
        guard lstat(child, &entry) == 0 else { continue }
        if entry.st_mode & S_IFMT == S_IFDIR { removeTree(child) } else { unlink(child) }
    }
    rmdir(path)
}

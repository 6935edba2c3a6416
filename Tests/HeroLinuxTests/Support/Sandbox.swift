import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// The state directory of one test, removed at its end.
final class Sandbox {
    let folder: String
    let paths: RuntimePaths

    private let ownsFolder: Bool

    init() throws {
        ownsFolder = true
        folder = try makeTemporaryDirectory("hplt")
        // The paths of another user without XDG_RUNTIME_DIR: the run directory is inside the state directory.
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

    /// A launch request with default values.
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

    /// A launch request for a shell command.
    func shellRequest(_ job: JobID, _ text: String, generation: UInt32 = 1) -> LaunchRequest {
        request(job, ["/bin/sh", "-c", text], generation: generation)
    }
}

/// The shim under test: `HEROPROC_SHIM`, or the program built next to the tests.
enum Shim {
    static func find() throws -> String {
        let path = getenv("HEROPROC_SHIM").map { String(cString: $0) } ?? builtProgram("hpshim")
        try #require(access(path, X_OK) == 0, "there is no hpshim next to the tests: run `swift build` first")
        return path
    }
}

extension LinuxKernel {
    /// Collects events until one satisfies a condition; fails after 20 s.
    @discardableResult
    func await(
        _ what: Comment,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: (KernelEvent) -> Bool
    ) throws -> [KernelEvent] {
        var seen: [KernelEvent] = []
        let deadline = now() + .seconds(20)
        while now() < deadline {
            let events = nextEvents(until: deadline)
            seen += events
            // All events are tested, also those after the first match.
            if events.filter(condition).isEmpty == false { return seen }
        }
        Issue.record("\(what) did not happen; seen: \(seen)", sourceLocation: sourceLocation)
        throw ConditionTimeout()
    }

    /// Waits for an event that has a value, and returns this value; fails after 20 s.
    func awaitValue<Value>(
        _ what: Comment,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ value: (KernelEvent) -> Value?
    ) throws -> Value {
        var found: Value?
        try self.await(what, sourceLocation: sourceLocation) { event in
            guard let next = value(event) else { return false }
            found = next
            return true
        }
        return try #require(found)
    }

    /// Waits for the end of a start; passes all earlier events to a closure.
    func awaitEnd(
        _ job: JobID,
        _ others: (KernelEvent) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> EndReport {
        var report: EndReport?
        let seen = try self.await("the end of \(job)", sourceLocation: sourceLocation) { event in
            guard case .start(let start, .ended(let end)) = event, start.job == job else { return false }
            report = end
            return true
        }
        for event in seen { others(event) }
        return try #require(report)
    }

    /// Waits for the report of a start.
    func awaitStart(_ job: JobID, sourceLocation: SourceLocation = #_sourceLocation) throws -> StartReport {
        try awaitValue("the start of \(job)", sourceLocation: sourceLocation) { event in
            guard case .start(let start, .started(let started)) = event, start.job == job else { return nil }
            return started
        }
    }
}

/// Removes a folder and its content; follows no links.
func removeTree(_ path: String) {
    for name in listDirectory(path) ?? [] {
        let child = "\(path)/\(name)"
        var entry = stat()
        guard lstat(child, &entry) == 0 else { continue }
        if entry.st_mode & S_IFMT == S_IFDIR { removeTree(child) } else { unlink(child) }
    }
    rmdir(path)
}

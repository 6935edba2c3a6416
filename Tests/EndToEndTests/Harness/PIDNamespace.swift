import Foundation
import Glibc
import Testing

/// Whether this machine lets us make a pid namespace.
let canMakePIDNamespace =
    geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/nsenter", X_OK) == 0
    && runShell("/usr/bin/unshare -pf --mount-proc true") == 0

/// A pid namespace of one test, whose first process only reaps: pids in it are the test's to give out, and `kill -9 -1` in it
/// ends nobody else.
struct PIDNamespace {
    let host: TestHost
    /// The first process, as it is called outside.
    let initPID: pid_t
    /// What leads a program in.
    var entryCommand: [String] { ["nsenter", "-t", "\(initPID)", "-p", "-m"] }

    /// Makes one; whatever happens in the body, nobody in it outlives the body.
    static func with(_ world: TestHost, _ body: (PIDNamespace) async throws -> Void) async throws {
        let words = ["-pf", "--mount-proc", "--propagation", "private", TestHost.oraclePath, "init"]
        let running = try world.start(words, program: "/usr/bin/unshare")
        var first: pid_t?
        func end() async throws {
            if let first { kill(first, SIGKILL) }
            _ = try await world.exitCode(of: running)
        }
        do {
            try await eventually("it has a first process") {
                first = children(of: running.pid).first
                return first.map { world.readText("/proc/\($0)/cmdline").contains("init") } ?? false
            }
            try await body(PIDNamespace(host: world, initPID: try #require(first)))
        } catch {
            try await end()
            throw error
        }
        try await end()
    }

    /// Runs heroproc inside.
    func run(_ arguments: String...) async throws -> TestHost.CommandResult {
        try await host.run(arguments, through: entryCommand)
    }

    /// Starts heroproc, or another program, inside.
    func start(
        _ arguments: String...,
        program: String = TestHost.heroprocPath,
        extra: [String: String] = [:]
    ) throws -> TestHost.RunningCommand {
        try host.start(arguments, extra: extra, program: program, through: entryCommand)
    }

    /// Starts the oracle inside; it finds the folder of the traces.
    func startOracle(_ arguments: [String]) throws -> TestHost.RunningCommand {
        try host.start(
            arguments,
            extra: ["ORACLE_DIR": host.traceDirectory],
            program: TestHost.oraclePath,
            through: entryCommand
        )
    }

    /// Sends a signal to processes by their pids inside.
    func signal(_ name: String, _ pids: [pid_t]) async throws {
        let words = ["-c", "kill -\(name) \(pids.map(String.init).joined(separator: " "))"]
        let running = try host.start(words, program: "/bin/sh", through: entryCommand)
        _ = try await host.exitCode(of: running)
    }

    /// What is mounted as `/proc` inside.
    private var procDirectory: String { "/proc/\(initPID)/root/proc" }

    /// Whether a process inside lives; a zombie does not.
    func isAlive(_ pid: pid_t) -> Bool { EndToEndTests.isAlive(pid, in: procDirectory) }

    /// Whether a process inside stands still after SIGSTOP.
    func isStopped(_ pid: pid_t) -> Bool { statFields(of: pid, in: procDirectory).first == "T" }

    /// The parent of a process inside.
    func parent(of pid: pid_t) -> pid_t? {
        statFields(of: pid, in: procDirectory).dropFirst().first.flatMap { pid_t($0) }
    }

    /// All pids inside, except the first.
    var pids: [pid_t] { processIDs(in: procDirectory).filter { $0 != 1 }.sorted() }

    /// The one instance that lives now; waits for it.
    func runningInstance(_ service: String, after number: Int) async throws -> OracleInstance {
        var found: OracleInstance?
        try await eventually("\(service) lives as number \(number + 1) or later", within: 60) {
            let lives = host.instances(service)
            found = lives.last.flatMap { lives.count > number && isAlive($0.pid) ? $0 : nil }
            return found != nil
        }
        return try #require(found)
    }

    /// Services that are up, as `status` inside says.
    func waitUntilReady(_ count: Int) async throws {
        try await host.waitUntilReady(count, through: entryCommand, within: 90)
    }
}

import Foundation
import Glibc
import Testing

/// Whether the test may create a PID namespace.
let canMakePIDNamespace =
    geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/nsenter", X_OK) == 0
    && runShell("/usr/bin/unshare -pf --mount-proc true") == 0

/// A PID namespace whose first process only reaps.
///
/// The test can choose PIDs in it, and `kill -9 -1` reaches no process outside of it.
struct PIDNamespace {
    let host: TestHost
    /// The PID of the first process in the namespace of the test.
    let initPID: pid_t
    /// The command that runs a program in the namespace.
    var entryCommand: [String] { ["nsenter", "-t", "\(initPID)", "-p", "-m"] }

    /// Creates a namespace and ends all its processes after the body, also after an error.
    static func with(_ host: TestHost, _ body: (PIDNamespace) async throws -> Void) async throws {
        let arguments = ["-pf", "--mount-proc", "--propagation", "private", TestHost.oraclePath, "init"]
        let running = try host.start(arguments, program: "/usr/bin/unshare")
        var first: pid_t?
        func end() async throws {
            if let first { kill(first, SIGKILL) }
            _ = try await host.exitCode(of: running)
        }
        do {
            try await eventually("the namespace has a first process") {
                first = children(of: running.pid).first
                return first.map { host.readText("/proc/\($0)/cmdline").contains("init") } ?? false
            }
            try await body(PIDNamespace(host: host, initPID: try #require(first)))
        } catch {
            try await end()
            throw error
        }
        try await end()
    }

    /// Runs heroproc in the namespace.
    func run(_ arguments: String...) async throws -> CommandResult {
        try await host.run(arguments, through: entryCommand)
    }

    /// Starts heroproc, or another program, in the namespace.
    func start(
        _ arguments: String...,
        program: String = TestHost.heroprocPath,
        environment: [String: String] = [:]
    ) throws -> RunningCommand {
        try host.start(arguments, environment: environment, program: program, through: entryCommand)
    }

    /// Starts the oracle in the namespace, with the trace directory of the test host.
    func startOracle(_ arguments: [String]) throws -> RunningCommand {
        try host.start(
            arguments,
            environment: ["ORACLE_DIR": host.traceDirectory],
            program: TestHost.oraclePath,
            through: entryCommand
        )
    }

    /// Sends a signal to processes by their PIDs in the namespace.
    func signal(_ name: String, _ pids: [pid_t]) async throws {
        let arguments = ["-c", "kill -\(name) \(pids.map(String.init).joined(separator: " "))"]
        let running = try host.start(arguments, program: "/bin/sh", through: entryCommand)
        _ = try await host.exitCode(of: running)
    }

    /// The `/proc` of the namespace.
    private var procDirectory: String { "/proc/\(initPID)/root/proc" }

    /// Whether a process in the namespace runs; false for a zombie.
    func isAlive(_ pid: pid_t) -> Bool { EndToEndTests.isAlive(pid, in: procDirectory) }

    /// Whether a process in the namespace is stopped by SIGSTOP.
    func isStopped(_ pid: pid_t) -> Bool { statFields(of: pid, in: procDirectory).first == "T" }

    /// The parent of a process in the namespace.
    func parent(of pid: pid_t) -> pid_t? {
        statFields(of: pid, in: procDirectory).dropFirst().first.flatMap { pid_t($0) }
    }

    /// All PIDs in the namespace except the first process.
    var pids: [pid_t] { processIDs(in: procDirectory).filter { $0 != 1 }.sorted() }

    /// Waits for a running instance after a number of earlier ones, and returns it.
    func runningInstance(_ service: String, after number: Int) async throws -> OracleInstance {
        var found: OracleInstance?
        try await eventually("\(service) runs as instance \(number + 1) or later", within: 60) {
            let instances = host.instances(service)
            found = instances.last.flatMap { instances.count > number && isAlive($0.pid) ? $0 : nil }
            return found != nil
        }
        return try #require(found)
    }

    /// Waits until `status` in the namespace shows a number of services.
    func waitUntilReady(_ count: Int) async throws {
        try await host.waitUntilReady(count, through: entryCommand, within: 90)
    }
}

import Foundation
import Glibc
import Testing

/// Whether this machine lets us make a pid namespace.
let canMakePIDNamespace =
    geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/nsenter", X_OK) == 0
    && shell("/usr/bin/unshare -pf --mount-proc true") == 0

/// A pid namespace of one test, whose first process only reaps: pids in it are the test's to give out, and `kill -9 -1` in it
/// ends nobody else.
struct PrivateNamespace {
    let world: World
    /// The first process, as it is called outside.
    let first: pid_t
    /// What leads a program in.
    var entrance: [String] { ["nsenter", "-t", "\(first)", "-p", "-m"] }

    /// Makes one; whatever happens in the body, nobody in it outlives the body.
    static func with(_ world: World, _ body: (PrivateNamespace) async throws -> Void) async throws {
        let words = ["-pf", "--mount-proc", "--propagation", "private", World.oracle, "init"]
        let running = try world.start(words, program: "/usr/bin/unshare")
        var first: pid_t?
        func end() async throws {
            if let first { kill(first, SIGKILL) }
            _ = try await world.code(of: running)
        }
        do {
            try await eventually("it has a first process") {
                first = children(of: running.pid).first
                return first.map { world.text("/proc/\($0)/cmdline").contains("init") } ?? false
            }
            try await body(PrivateNamespace(world: world, first: try #require(first)))
        } catch {
            try await end()
            throw error
        }
        try await end()
    }

    /// Runs heroproc inside.
    func run(_ arguments: String...) async throws -> World.Answer { try await world.run(arguments, through: entrance) }

    /// Starts heroproc, or another program, inside.
    func start(
        _ arguments: String...,
        program: String = World.heroproc,
        extra: [String: String] = [:]
    ) throws -> World.Running {
        try world.start(arguments, extra: extra, program: program, through: entrance)
    }

    /// Starts the oracle inside; it finds the folder of the traces.
    func startOracle(_ arguments: [String]) throws -> World.Running {
        try world.start(arguments, extra: ["ORACLE_DIR": world.traces], program: World.oracle, through: entrance)
    }

    /// Sends a signal to processes by their pids inside.
    func signal(_ name: String, _ pids: [pid_t]) async throws {
        let words = ["-c", "kill -\(name) \(pids.map(String.init).joined(separator: " "))"]
        let running = try world.start(words, program: "/bin/sh", through: entrance)
        _ = try await world.code(of: running)
    }

    /// What is mounted as `/proc` inside.
    private var proc: String { "/proc/\(first)/root/proc" }

    /// Whether a process inside lives; a zombie does not.
    func isAlive(_ pid: pid_t) -> Bool { EndToEndTests.isAlive(pid, in: proc) }

    /// Whether a process inside stands still after SIGSTOP.
    func isStopped(_ pid: pid_t) -> Bool { statFields(of: pid, in: proc).first == "T" }

    /// The parent of a process inside.
    func parent(of pid: pid_t) -> pid_t? { statFields(of: pid, in: proc).dropFirst().first.flatMap { pid_t($0) } }

    /// All pids inside, except the first.
    var pids: [pid_t] { processIDs(in: proc).filter { $0 != 1 }.sorted() }

    /// The one instance that lives now; waits for it.
    func life(_ service: String, after number: Int) async throws -> Life {
        var found: Life?
        try await eventually("\(service) lives as number \(number + 1) or later", within: 60) {
            let lives = world.lives(service)
            found = lives.last.flatMap { lives.count > number && isAlive($0.pid) ? $0 : nil }
            return found != nil
        }
        return try #require(found)
    }

    /// Services that are up, as `status` inside says.
    func isUp(_ count: Int) async throws {
        try await world.isUp(count, through: entrance, within: 90)
    }
}

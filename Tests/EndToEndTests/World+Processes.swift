import Foundation
import GRDB
import Glibc
import HeroLinux

/// Who is who among the processes of a world, as the kernel tells.
extension World {
    /// The services that are declared, by the names of their files.
    var declared: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: services)) ?? []).filter { $0.hasSuffix(".yaml") }
            .map { String($0.dropLast(5)) }.sorted()
    }

    /// The shims of this world; a child that has not executed yet still bears the name, and is none.
    func shims() -> Set<pid_t> {
        Set(processes().filter { isShim($0) && !isShim(parent(of: $0)) && belongs($0) })
    }

    /// The shim that holds the newest instance of a service.
    func shim(of service: String) -> pid_t? {
        guard let life = lives(service).last(where: { isAlive($0.pid) }) else { return nil }
        let parent = parent(of: life.pid)
        return isShim(parent) ? parent : nil
    }

    /// Kills whatever is left of this world, wherever it hides, and forgets what its oracles wrote.
    func sweep() async {
        for _ in 0..<3 {
            for pid in processes() where pid != getpid() && belongs(pid) { kill(pid, SIGKILL) }
            try? await Task.sleep(for: .milliseconds(50))
        }
        for folder in [traces, paths.jobs] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                unlink("\(folder)/\(name)")
            }
        }
    }

    /// Whether a process is of this world: by its environment, by whom it holds, or by what it holds open.
    func belongs(_ pid: pid_t) -> Bool {
        if text("/proc/\(pid)/environ").contains(root + "/") { return true }
        // One that may not be looked into is known by whom it holds.
        if children(of: pid).contains(where: { text("/proc/\($0)/environ").contains(root + "/") }) { return true }
        let folder = "/proc/\(pid)/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).contains {
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
            return target.map { $0.hasPrefix(root + "/") || $0.hasPrefix(paths.run + "/") } ?? false
        }
    }

    // MARK: What is recorded

    /// Whether a service stands as it should: what the store says of it, checked against the processes.
    func standing(of service: String) -> FailpointRecipe.Wanted? {
        let living = lives(service).filter { isAlive($0.pid) }
        guard let (state, pid) = try? recorded(service) else { return living.isEmpty ? .down : nil }
        switch state {
        case "running":
            guard let last = living.last, living.count == 1, pid == last.pid, isShim(parent(of: last.pid)) else {
                return nil
            }
            return .up
        case "stopped": return living.isEmpty ? .down : nil
        default: return nil
        }
    }

    /// The state of a service, and the pid of its newest job.
    private func recorded(_ service: String) throws -> (state: String, pid: pid_t?)? {
        try read { db in
            guard
                let state = try String.fetchOne(
                    db,
                    sql: "SELECT state FROM services WHERE name = ?",
                    arguments: [service]
                )
            else { return nil }
            let sql = "SELECT pid FROM jobs WHERE service_id = ? AND phase = 'running' ORDER BY id DESC LIMIT 1"
            return (state, try Int32.fetchOne(db, sql: sql, arguments: [service]))
        }
    }

    /// Reads the database, which need not be there yet.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: database, configuration: configuration).read(body)
    }
}

/// All pids there are.
func processes() -> [pid_t] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
}

/// A field of `/proc/PID/stat`, counted from the state on.
private func field(_ number: Int, of pid: pid_t) -> Substring? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > number ? fields[number] : nil
}

/// The parent of a process; 0 when it is gone.
func parent(of pid: pid_t) -> pid_t { field(1, of: pid).flatMap { pid_t($0) } ?? 0 }

/// Whether a process stands still after SIGSTOP.
func isStopped(_ pid: pid_t) -> Bool { field(0, of: pid) == "T" }

/// The children of a process.
func children(of pid: pid_t) -> [pid_t] {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }
}

/// Whether a process is a shim that holds a job, and no keeper.
func isShim(_ pid: pid_t) -> Bool {
    guard (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "hpshim\n" else { return false }
    let words = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
    return !words.hasPrefix("hpshim\0keep\0")
}

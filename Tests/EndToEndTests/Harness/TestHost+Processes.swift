import Foundation
import GRDB
import Glibc
import HeroLinux

/// Who is who among the processes of a world, as the kernel tells.
extension TestHost {
    /// The services that are declared, by the names of their files.
    var declaredServices: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: servicesDirectory)) ?? []).filter {
            $0.hasSuffix(".yaml")
        }
        .map { String($0.dropLast(5)) }.sorted()
    }

    /// The shims of this world; a child that has not executed yet still bears the name, and is none.
    func shimPIDs() -> Set<pid_t> {
        Set(processIDs().filter { isShim($0) && !isShim(parent(of: $0)) && ownsProcess($0) })
    }

    /// The shim that holds the newest instance of a service.
    func shimPID(of service: String) -> pid_t? {
        guard let life = instances(service).last(where: { isAlive($0.pid) }) else { return nil }
        return parentShim(life.pid)
    }

    /// Kills whatever is left of this world, wherever it hides, and forgets what its oracles wrote.
    func killRemainingProcesses() async {
        for _ in 0..<3 {
            for pid in processIDs() where pid != getpid() && ownsProcess(pid) { kill(pid, SIGKILL) }
            try? await Task.sleep(for: .milliseconds(50))
        }
        for folder in [traceDirectory, paths.jobs] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                unlink("\(folder)/\(name)")
            }
        }
    }

    /// Whether a process is of this world: by its environment, by whom it holds, or by what it holds open.
    func ownsProcess(_ pid: pid_t) -> Bool {
        if readText("/proc/\(pid)/environ").contains(root + "/") { return true }
        // One that may not be looked into is known by whom it holds.
        if children(of: pid).contains(where: { readText("/proc/\($0)/environ").contains(root + "/") }) { return true }
        return openFiles(of: pid).contains { $0.hasPrefix(root + "/") || $0.hasPrefix(paths.run + "/") }
    }

    // MARK: What is recorded

    /// Whether a service stands as it should: what the store says of it, checked against the processes.
    func verifiedState(of service: String) -> FailpointScenario.ExpectedState? {
        let living = instances(service).filter { isAlive($0.pid) }
        guard let (state, pid) = try? recordedState(service) else { return living.isEmpty ? .stopped : nil }
        switch state {
        case "running":
            guard let last = living.last, living.count == 1, pid == last.pid, isShim(parent(of: last.pid)) else {
                return nil
            }
            return .running
        case "stopped": return living.isEmpty ? .stopped : nil
        default: return nil
        }
    }

    /// The state of a service, and the pid of its newest job.
    private func recordedState(_ service: String) throws -> (state: String, pid: pid_t?)? {
        try readDatabase { db in
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

    /// The rows of the database that a query finds.
    func databaseRows(_ sql: String) throws -> [Row] { try readDatabase { try Row.fetchAll($0, sql: sql) } }

    /// Reads the database, which need not be there yet.
    func readDatabase<Value>(_ body: (Database) throws -> Value) throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: databasePath, configuration: configuration).read(body)
    }
}

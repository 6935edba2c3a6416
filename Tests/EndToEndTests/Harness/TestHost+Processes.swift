import Foundation
import GRDB
import Glibc
import HeroLinux

/// The processes of a test host, as shown by the kernel.
extension TestHost {
    /// The declared services, by the names of their files.
    var declaredServices: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: servicesDirectory)) ?? []).filter {
            $0.hasSuffix(".yaml") && $0 != Self.settingsFile
        }
        .map { String($0.dropLast(5)) }.sorted()
    }

    /// The shims of this test host.
    ///
    /// A child between fork and exec has the same name and is not counted.
    func shimPIDs() -> Set<pid_t> {
        Set(processIDs().filter { isShim($0) && !isShim(parent(of: $0)) && ownsProcess($0) })
    }

    /// The shim of the newest instance of a service.
    func shimPID(of service: String) -> pid_t? {
        guard let instance = instances(service).last(where: { isAlive($0.pid) }) else { return nil }
        return parentShim(instance.pid)
    }

    /// Kills all remaining processes of this test host, and deletes its traces and records.
    func killRemainingProcesses() async {
        for _ in 0..<3 {
            for pid in processIDs() where pid != getpid() && ownsProcess(pid) { kill(pid, SIGKILL) }
            try? await Task.sleep(for: .milliseconds(50))
        }
        for directory in [traceDirectory, paths.jobs] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
                unlink("\(directory)/\(name)")
            }
        }
    }

    /// Whether a process belongs to this test host: by its environment, its children or its open files.
    func ownsProcess(_ pid: pid_t) -> Bool {
        if readText("/proc/\(pid)/environ").contains(root + "/") { return true }
        // A process that cannot be inspected is identified by its children.
        if children(of: pid).contains(where: { readText("/proc/\($0)/environ").contains(root + "/") }) { return true }
        return openFiles(of: pid).contains { $0.hasPrefix(root + "/") || $0.hasPrefix(paths.run + "/") }
    }

    // MARK: Recorded data

    /// The state of a service if database and processes agree; nil if they do not agree or the state is another one.
    func verifiedState(of service: String) -> FailpointScenario.ExpectedState? {
        let running = instances(service).filter { isAlive($0.pid) }
        guard let (state, pid) = try? recordedState(service) else { return running.isEmpty ? .stopped : nil }
        switch state {
        case "running":
            guard let last = running.last, running.count == 1, pid == last.pid, isShim(parent(of: last.pid)) else {
                return nil
            }
            return .running
        case "stopped": return running.isEmpty ? .stopped : nil
        default: return nil
        }
    }

    /// The recorded state of a service, and the PID of its newest running job.
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

    /// The rows of a database query.
    func databaseRows(_ sql: String) throws -> [Row] { try readDatabase { try Row.fetchAll($0, sql: sql) } }

    /// Reads from the database, which may not exist yet.
    func readDatabase<Value>(_ body: (Database) throws -> Value) throws -> Value {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: databasePath, configuration: configuration).read(body)
    }
}

import Foundation
import Glibc
import HeroLinux
import HeroModel
// Exported for all files of this target.
@_exported public import TestSupport
import Testing

/// A temporary directory with its own services and state directories.
final class Sandbox: HeroprocSandbox {
    /// The manifest of a small service that stops immediately.
    static func service(_ name: String, _ keys: String = "", script: String = "exec sleep 1000") -> String {
        """
        kind: Service
        name: \(name)
        \(keys)
        actions:
          - name: run
            is_process: true
            script: |
              \(script)
            retry: {delay: 10ms, jitter: 0}
        """
    }

    let root: String
    let environment: [String: String]

    /// The program under test.
    static let binary = builtProgram("heroproc")

    init(requiresCore: Bool = false) throws {
        root = try makeTemporaryDirectory("heroproc-cli")
        var environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": root, "XDG_RUNTIME_DIR": root + "/run",
            "HEROPROC_STATE": root + "/state",
        ]
        if !requiresCore { environment["HERO_PROC_NO_AUTOSTART_DB"] = "1" }
        self.environment = environment
        for folder in [servicesDirectory, root + "/run"] { mkdir(folder, 0o700) }
    }

    /// Runs the body with a new sandbox, and removes the sandbox afterwards.
    static func with(
        requiresCore: Bool = false,
        _ manifests: [String: String] = [:],
        _ body: (Sandbox) async throws -> Void
    ) async throws {
        let sandbox = try Sandbox(requiresCore: requiresCore)
        for (name, text) in manifests { try sandbox.writeManifest(name, text) }
        do {
            try await body(sandbox)
        } catch {
            await sandbox.cleanUp()
            throw error
        }
        await sandbox.cleanUp()
    }

    // MARK: Commands

    /// Runs `heroproc` in the sandbox and waits for its exit.
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> CommandResult {
        let answer = try await result(of: start(arguments, environment: environment))
        expectSchema(answer.output, of: arguments)
        return answer
    }

    // MARK: State

    /// All files below the state directory with their size and modification time.
    ///
    /// Without the index of the SQLite log, which readers rebuild after the writer was killed.
    func stateListing() throws -> [String] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: stateDirectory).filter { !$0.hasSuffix("-shm") }
        return paths.map { path in
            var file = stat()
            stat("\(stateDirectory)/\(path)", &file)
            return "\(path) \(file.st_size) \(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)"
        }.sorted()
    }

    var hasState: Bool { FileManager.default.fileExists(atPath: stateDirectory) }

    /// The first action of a service as `status -o json` shows it.
    func firstAction(_ service: String) async throws -> (job: Int, pid: Int32, restarts: Int)? {
        let services = try await run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        let found = services.first { $0["name"] as? String == service }
        guard let action = (found?["actions"] as? [[String: Any]])?.first, let job = action["job_id"] as? Int,
            let pid = action["pid"] as? Int, let restarts = action["restart_count"] as? Int
        else { return nil }
        return (job, Int32(clamping: pid), restarts)
    }

    /// The reconcilers of this sandbox and their monitors.
    private var reconcilers: [pid_t] {
        processIDs().filter { pid in
            let arguments = readText("/proc/\(pid)/cmdline")
            guard arguments.contains("\0reconcile\0") else { return false }
            return (arguments + readText("/proc/\(pid)/environ")).contains(root + "/")
        }
    }

    /// Stops all services and removes all files.
    private func cleanUp() async {
        if hasState {
            _ = try? await run("down", "--all", "--quiet")
            // Reconcilers with --watch are still running. Their monitors would restart them after a kill.
            for pid in reconcilers { kill(pid, SIGTERM) }
            try? await eventually("no reconciler and no monitor is running") { reconcilers.isEmpty }
        }
        for path in [paths.run, root] { try? FileManager.default.removeItem(atPath: path) }
    }
}

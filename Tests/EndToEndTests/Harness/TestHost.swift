import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

/// The directories, services and processes of one test.
///
/// The test fails if it leaves a process or a reconciler behind, or if two instances of an action ran at once.
final class TestHost: HeroprocSandbox {
    let root: String
    let environment: [String: String]
    var traceDirectory: String { root + "/oracle" }
    var databasePath: String { paths.database }
    var logDirectory: String { paths.logs }

    static let heroprocPath = builtProgram("heroproc")
    static let oraclePath = builtProgram("hporacle")

    private init(requiresCore: Bool) throws {
        root = try makeTemporaryDirectory("hp-e2e")
        var environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": root, "XDG_RUNTIME_DIR": root + "/run",
            "XDG_CONFIG_HOME": root + "/config", "XDG_STATE_HOME": root + "/xdg-state",
            "HEROPROC_STATE": root + "/state", "HEROPROC_DIR": root + "/services.d",
        ]
        if !requiresCore { environment["HERO_PROC_NO_AUTOSTART_DB"] = "1" }
        self.environment = environment
        for directory in [servicesDirectory, traceDirectory, root + "/run"] { mkdir(directory, 0o700) }
        try writeManifest(Self.settingsFile, "kind: Settings\nsettle: 0s\n")
    }

    /// The settings of the test host: only tests of `settle` wait until services have stayed up.
    static let settingsFile = "settings.yaml"

    /// Creates a test host, and removes it after the body, also after an error.
    static func with(requiresCore: Bool = false, _ body: (TestHost) async throws -> Void) async throws {
        let host = try TestHost(requiresCore: requiresCore)
        do {
            try await body(host)
        } catch {
            await host.tearDown()
            throw error
        }
        await host.tearDown()
    }

    // MARK: Manifests

    /// An action of a service that runs the oracle.
    struct OracleAction: Sendable {
        var name: String
        var commands: String
        var fields: [String]
        var isProcess: Bool

        /// A process that runs these commands of the oracle.
        static func process(_ commands: String = "sleep -1", _ fields: String..., name: String = "run") -> OracleAction
        {
            OracleAction(name: name, commands: commands, fields: fields, isProcess: true)
        }

        /// A one-shot that runs these commands of the oracle.
        static func oneShot(_ commands: String, _ fields: String..., name: String = "run") -> OracleAction {
            OracleAction(name: name, commands: commands, fields: fields, isProcess: false)
        }
    }

    /// The manifest of a service with oracle actions.
    func manifest(_ name: String, _ fields: [String], _ actions: [OracleAction]) -> String {
        var lines = ["kind: Service", "name: \(name)", "env: {ORACLE_DIR: \(traceDirectory)}"] + fields + ["actions:"]
        for action in actions {
            let commands = [Self.oraclePath] + action.commands.split(separator: " ").map(String.init)
            lines.append("  - name: \(action.name)")
            lines.append("    exec: [" + commands.map { "\"\($0)\"" }.joined(separator: ", ") + "]")
            lines.append("    is_process: \(action.isProcess)")
            lines += action.fields.map { "    " + $0 }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Declares a service, or replaces its declaration.
    func declare(_ name: String, _ fields: String..., actions: OracleAction...) throws {
        try writeManifest("\(name).yaml", manifest(name, fields, actions.isEmpty ? [.process()] : actions))
    }

    // MARK: Running heroproc

    /// Runs `heroproc` and waits for its exit.
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> CommandResult {
        try await run(arguments, environment: environment)
    }

    func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        through entryCommand: [String] = []
    ) async throws -> CommandResult {
        try await result(of: start(arguments, environment: environment, through: entryCommand))
    }

    /// Runs `apply` and expects success.
    @discardableResult
    func apply(sourceLocation: SourceLocation = #_sourceLocation) async throws -> CommandResult {
        let result = try await run("apply", "-o", "json")
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)", sourceLocation: sourceLocation)
        return result
    }

    /// Starts a reconciler that syncs from the services directory.
    ///
    /// The test host stops it if the test does not.
    func startReconciler() throws -> RunningCommand { try start(["reconcile", "--watch"]) }

    // MARK: The end

    /// Stops all services, and records an issue for everything that remains.
    private func tearDown() async {
        if FileManager.default.fileExists(atPath: stateDirectory) {
            let result = try? await run(["down", "--all", "--quiet"])
            if result?.exitCode != 0 {
                Issue.record("down --all exited with \(result?.exitCode ?? -1): \(result?.errorOutput ?? "")")
            }
            if let pid = reconcilerPID {
                kill(pid, SIGTERM)
                try? await eventually("no reconciler runs") {
                    waitpid(pid, nil, WNOHANG)
                    return !isAlive(pid) && reconcilerPID == nil
                }
            }
        }
        try? await eventually("no process of the test runs") { leftoverProcesses().isEmpty }
        for pid in leftoverProcesses() {
            Issue.record("left behind: \(pid) \(readText("/proc/\(pid)/cmdline"))")
            kill(pid, SIGKILL)
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: traceDirectory)) ?? []
        where name.hasSuffix(".trace") {
            if readText("\(traceDirectory)/\(name)").contains("DUP ") {
                Issue.record("two instances of \(name) ran at once (I1)")
            }
        }
        for name in leftoverJobFiles() { Issue.record("left behind: \(paths.jobs)/\(name)") }
        if ProcessInfo.processInfo.environment["HP_KEEP"] != nil { return print("kept: \(root)") }
        for path in [paths.run, root] { try? FileManager.default.removeItem(atPath: path) }
        if FileManager.default.fileExists(atPath: paths.run) { Issue.record("cannot remove \(paths.run)") }
    }

    /// Records and scripts of ended jobs, except those kept for late shims.
    private func leftoverJobFiles() -> [String] {
        let names = Set((try? FileManager.default.contentsOfDirectory(atPath: paths.jobs)) ?? [])
        return names.filter { !$0.hasSuffix(".retired") && !names.contains($0 + ".retired") }.sorted()
    }

    /// Running processes that belong to this test host, by their environment or their open files.
    private func leftoverProcesses() -> [pid_t] {
        let own = getpid()
        return processIDs().filter {
            guard $0 != own, isAlive($0) else { return false }
            if readText("/proc/\($0)/environ").contains(root + "/") { return true }
            // A monitor is excluded, because it inherits descriptors that another test had open for a moment.
            guard isShim($0) else { return false }
            return openFiles(of: $0).contains { $0.hasPrefix(root + "/") }
        }
    }
}

/// Nanoseconds since the boot of the machine, the clock of the traces.
func bootTime() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

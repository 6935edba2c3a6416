import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

/// A machine of its own for one test: its services directory, its state, and the traces of its oracles.
///
/// What a test leaves behind fails it: a process, a second instance that ever lived, a reconciler.
final class TestHost: Sendable {
    /// What a command wrote, and how it left.
    struct CommandResult: Sendable {
        var exitCode: Int32
        var output: String
        var errorOutput: String

        /// The results as JSON.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any] ?? [:]
        }
    }

    /// A program that goes on beside the test.
    struct RunningCommand: Sendable {
        let pid: pid_t
        let outputPath: String
        let errorPath: String
    }

    let root: String
    let environment: [String: String]
    var servicesDirectory: String { root + "/services.d" }
    var stateDirectory: String { root + "/state" }
    var traceDirectory: String { root + "/oracle" }
    var databasePath: String { paths.database }
    var logDirectory: String { paths.logs }
    var paths: RuntimePaths { RuntimePaths.resolve(state: stateDirectory, environment: environment) }

    /// The folder of what was built with these tests.
    private static let buildDirectory: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().path
    }()
    static let heroprocPath = buildDirectory + "/heroproc"
    static let oraclePath = buildDirectory + "/hporacle"

    private init(requiresCore: Bool) throws {
        var template = Array("/tmp/hp-e2e-XXXXXX".utf8CString)
        root = try #require(mkdtemp(&template).map { String(cString: $0) })
        var environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": root, "XDG_RUNTIME_DIR": root + "/run",
            "XDG_CONFIG_HOME": root + "/config", "XDG_STATE_HOME": root + "/xdg-state",
            "HEROPROC_STATE": root + "/state", "HEROPROC_DIR": root + "/services.d",
        ]
        if !requiresCore { environment["HERO_PROC_NO_AUTOSTART_DB"] = "1" }
        self.environment = environment
        for folder in [servicesDirectory, traceDirectory, root + "/run"] { mkdir(folder, 0o700) }
    }

    /// Makes a world, and takes it down again whatever happens in the body.
    static func with(requiresCore: Bool = false, _ body: (TestHost) async throws -> Void) async throws {
        let world = try TestHost(requiresCore: requiresCore)
        do {
            try await body(world)
        } catch {
            await world.tearDown()
            throw error
        }
        await world.tearDown()
    }

    // MARK: Manifests

    /// What one action of a service does.
    struct OracleAction: Sendable {
        var name: String
        var commands: String
        var fields: [String]
        var isProcess: Bool

        /// A process that does these deeds of the oracle.
        static func process(_ words: String = "sleep -1", _ keys: String..., name: String = "run") -> OracleAction {
            OracleAction(name: name, commands: words, fields: keys, isProcess: true)
        }

        /// A one-shot.
        static func oneShot(_ words: String, _ keys: String..., name: String = "run") -> OracleAction {
            OracleAction(name: name, commands: words, fields: keys, isProcess: false)
        }
    }

    /// The manifest of a service made of oracles.
    func manifest(_ name: String, _ keys: [String], _ deeds: [OracleAction]) -> String {
        var lines = ["kind: Service", "name: \(name)", "env: {ORACLE_DIR: \(traceDirectory)}"] + keys + ["actions:"]
        for deed in deeds {
            let words = [Self.oraclePath] + deed.commands.split(separator: " ").map(String.init)
            lines.append("  - name: \(deed.name)")
            lines.append("    exec: [" + words.map { "\"\($0)\"" }.joined(separator: ", ") + "]")
            lines.append("    is_process: \(deed.isProcess)")
            lines += deed.fields.map { "    " + $0 }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Declares a service, or declares it anew.
    func declare(_ name: String, _ keys: String..., actions deeds: OracleAction...) throws {
        try writeManifest("\(name).yaml", manifest(name, keys, deeds.isEmpty ? [.process()] : deeds))
    }

    /// Writes a manifest; a new text takes the place of the old one in one step.
    func writeManifest(_ file: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(servicesDirectory)/\(file)"), options: .atomic)
    }

    func removeManifest(_ name: String) { unlink("\(servicesDirectory)/\(name).yaml") }

    // MARK: Running heroproc

    /// Runs `heroproc` to its end.
    func run(_ arguments: String..., extra: [String: String] = [:]) async throws -> CommandResult {
        try await run(arguments, extra: extra)
    }

    func run(
        _ arguments: [String],
        extra: [String: String] = [:],
        through entrance: [String] = []
    ) async throws -> CommandResult {
        let running = try start(arguments, extra: extra, through: entrance)
        let code = try await exitCode(of: running)
        defer {
            unlink(running.outputPath)
            unlink(running.errorPath)
        }
        return CommandResult(
            exitCode: code,
            output: readText(running.outputPath),
            errorOutput: readText(running.errorPath)
        )
    }

    /// Applies, and expects that it converges.
    @discardableResult
    func apply(sourceLocation: SourceLocation = #_sourceLocation) async throws -> CommandResult {
        let answer = try await run("apply", "-o", "json")
        #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)", sourceLocation: sourceLocation)
        return answer
    }

    /// Starts `heroproc` (or another program) and does not wait for it; by way of a program that executes it, if one is given.
    func start(
        _ arguments: [String],
        extra: [String: String] = [:],
        program: String = TestHost.heroprocPath,
        through entrance: [String] = []
    ) throws -> RunningCommand {
        let number = UUID().uuidString
        let (out, err) = ("\(root)/\(number).out", "\(root)/\(number).err")
        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", root] + entrance + [program] + arguments
        let variables = environment.merging(extra) { $1 }.map { "\($0.key)=\($0.value)" }
        let pid = try #require(spawn(words, environment: variables, output: out, errors: err))
        return RunningCommand(pid: pid, outputPath: out, errorPath: err)
    }

    /// Starts a reconciler that syncs from the services directory; `with` ends it if the test does not.
    func startReconciler() throws -> RunningCommand { try start(["reconcile", "--watch"]) }

    /// Waits for an end; the exit code, or 128 and the signal.
    func exitCode(of running: RunningCommand, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Int32 {
        var status: Int32 = 0
        try await eventually("\(running.pid) ends", within: 90, sourceLocation: sourceLocation) {
            waitpid(running.pid, &status, WNOHANG) == running.pid
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// The pid of the live reconciler; nil also when it is in a pid namespace of its own, where its pid is another.
    var reconcilerPID: pid_t? {
        ReconcilerLock.holder(paths).flatMap { readText("/proc/\($0.pid)/comm") == "heroproc\n" ? $0.pid : nil }
    }

    /// The process that starts the live reconciler again when it crashes; nil when there is none.
    var monitorPID: pid_t? {
        guard let parent = reconcilerPID.map(parent) else { return nil }
        return readText("/proc/\(parent)/cmdline").hasPrefix("hpshim\0keep\0") ? parent : nil
    }

    /// Kills the live reconciler, whoever started it, and its keeper; waits until both are gone.
    func killReconciler(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let pid = try #require(reconcilerPID, sourceLocation: sourceLocation)
        if let monitorPID {
            try #require(kill(monitorPID, SIGKILL) == 0, sourceLocation: sourceLocation)
            try await eventually("its keeper is gone", sourceLocation: sourceLocation) {
                waitpid(monitorPID, nil, WNOHANG)
                return !isAlive(monitorPID)
            }
        }
        try #require(kill(pid, SIGKILL) == 0, sourceLocation: sourceLocation)
        try await eventually("the reconciler is gone", sourceLocation: sourceLocation) {
            waitpid(pid, nil, WNOHANG)
            return reconcilerPID != pid && !isAlive(pid)
        }
    }

    func readText(_ path: String) -> String {
        String(decoding: fileContents(path), as: UTF8.self)
    }

    // MARK: The end

    /// Takes everything down and looks for what is left.
    private func tearDown() async {
        if FileManager.default.fileExists(atPath: stateDirectory) {
            let answer = try? await run(["down", "--all", "--quiet"])
            if answer?.exitCode != 0 {
                Issue.record("down --all left with \(answer?.exitCode ?? -1): \(answer?.errorOutput ?? "")")
            }
            if let pid = reconcilerPID {
                kill(pid, SIGTERM)
                try? await eventually("no reconciler lives") {
                    waitpid(pid, nil, WNOHANG)
                    return !isAlive(pid) && reconcilerPID == nil
                }
            }
        }
        try? await eventually("nothing of the test runs any more") { leftoverProcesses().isEmpty }
        for pid in leftoverProcesses() {
            Issue.record("left behind: \(pid) \(readText("/proc/\(pid)/cmdline"))")
            kill(pid, SIGKILL)
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: traceDirectory)) ?? []
        where name.hasSuffix(".trace") {
            if readText("\(traceDirectory)/\(name)").contains("DUP ") {
                Issue.record("two instances of \(name) lived at once (I1)")
            }
        }
        for name in leftoverJobFiles() { Issue.record("left behind: \(paths.jobs)/\(name)") }
        if ProcessInfo.processInfo.environment["HP_KEEP"] != nil { return print("kept: \(root)") }
        for path in [paths.run, root] { try? FileManager.default.removeItem(atPath: path) }
        if FileManager.default.fileExists(atPath: paths.run) { Issue.record("cannot remove \(paths.run)") }
    }

    /// Records and scripts of jobs that have ended, except of those that a late shim must still find.
    private func leftoverJobFiles() -> [String] {
        let names = Set((try? FileManager.default.contentsOfDirectory(atPath: paths.jobs)) ?? [])
        return names.filter { !$0.hasSuffix(".retired") && !names.contains($0 + ".retired") }.sorted()
    }

    /// Live processes that know of this world: by their environment, or by what they hold open.
    private func leftoverProcesses() -> [pid_t] {
        let own = getpid()
        return processIDs().filter {
            guard $0 != own, isAlive($0) else { return false }
            if readText("/proc/\($0)/environ").contains(root + "/") { return true }
            // Not a keeper: it keeps open what another test had open at the moment of its start, and closed later.
            guard isShim($0) else { return false }
            return openFiles(of: $0).contains { $0.hasPrefix(root + "/") }
        }
    }
}

/// Nanoseconds since the machine started: the clock of the traces.
func bootTime() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// Waits for a fact.
func eventually(
    _ fact: @autoclosure () -> String,
    within seconds: Int = 20,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("never came true: \(fact())", sourceLocation: sourceLocation)
    throw ConditionTimeout()
}

/// A fact did not come true; the issue is recorded already.
struct ConditionTimeout: Error {}

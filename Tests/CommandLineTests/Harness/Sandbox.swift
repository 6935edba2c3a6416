import Foundation
import Glibc
import HeroLinux
import HeroModel
import TestSupport
import Testing

/// A folder of its own with a services directory and a state directory that nothing else on the machine uses.
final class Sandbox: Sendable {
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

    /// A program under test that goes on beside the test.
    struct RunningCommand: Sendable {
        let pid: pid_t
        let outputPath: String
        let errorPath: String
    }

    /// A manifest of a small service that ends at once when asked.
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
    var servicesDirectory: String { root + "/services.d" }
    var stateDirectory: String { root + "/state" }
    var paths: RuntimePaths { RuntimePaths.resolve(state: stateDirectory, environment: environment) }

    /// The binary that was built with these tests.
    static let binary: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("heroproc").path
    }()

    init(requiresCore: Bool = false) throws {
        var template = Array("/tmp/heroproc-cli-XXXXXX".utf8CString)
        root = try #require(mkdtemp(&template).map { String(cString: $0) })
        var environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": root, "XDG_RUNTIME_DIR": root + "/run",
            "HEROPROC_STATE": root + "/state",
        ]
        if !requiresCore { environment["HERO_PROC_NO_AUTOSTART_DB"] = "1" }
        self.environment = environment
        for folder in [servicesDirectory, root + "/run"] { mkdir(folder, 0o700) }
    }

    /// Makes a sandbox, and leaves nothing of it behind, whatever happens in the body.
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

    /// Writes a manifest; a new text takes the place of the old one in one step.
    func writeManifest(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(servicesDirectory)/\(name)"), options: .atomic)
    }

    func removeManifest(_ name: String) { unlink("\(servicesDirectory)/\(name)") }

    // MARK: Running it

    /// Runs `heroproc` to its end, in the sandbox's folder.
    func run(_ arguments: String..., extra: [String: String] = [:]) async throws -> CommandResult {
        let answer = try await result(of: start(arguments, extra: extra))
        expectSchema(answer.output, of: arguments)
        return answer
    }

    /// Waits for the end of a program, and takes what it wrote.
    func result(of running: RunningCommand) async throws -> CommandResult {
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

    /// Starts `heroproc`, or another program, and does not wait for it.
    func start(
        _ arguments: [String],
        extra: [String: String] = [:],
        program: String = binary
    ) throws -> RunningCommand {
        let number = UUID().uuidString
        let (out, err) = ("\(root)/\(number).out", "\(root)/\(number).err")
        let words = ["sh", "-c", "cd \"$0\" && exec \"$@\"", root, program] + arguments
        let variables = environment.merging(extra) { $1 }.map { "\($0.key)=\($0.value)" }
        let pid = try #require(spawn(words, environment: variables, output: out, errors: err))
        return RunningCommand(pid: pid, outputPath: out, errorPath: err)
    }

    /// Waits for its end; the exit code, or 128 and the signal.
    func exitCode(of running: RunningCommand) async throws -> Int32 {
        var status: Int32 = 0
        try await eventually("heroproc ends") { waitpid(running.pid, &status, WNOHANG) == running.pid }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    func readText(_ path: String) -> String {
        (try? String(decoding: Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)) ?? ""
    }

    // MARK: What is there

    /// Everything below the state directory: path, size, time of the last change.
    ///
    /// SQLite's index of its log is left out: a reader builds it anew when the writer was killed.
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

    /// Kills the reconciler in the background, and its keeper first: nobody supervises any more.
    func killReconciler() async throws {
        let pid = try #require(ReconcilerLock.holder(paths)).pid
        let parent = parent(of: pid)
        try #require(readText("/proc/\(parent)/cmdline").hasPrefix("hpshim\0keep\0"))
        for pid in [parent, pid] { #expect(kill(pid, SIGKILL) == 0) }
        try await eventually("the reconciler is gone") { ReconcilerLock.holder(paths) == nil }
    }

    /// The reconcilers of this sandbox, and their keepers.
    private var reconcilers: [pid_t] {
        processIDs().filter { pid in
            let words = readText("/proc/\(pid)/cmdline")
            return words.contains("\0reconcile\0") && (words + readText("/proc/\(pid)/environ")).contains(root + "/")
        }
    }

    /// Takes everything down and removes all traces.
    private func cleanUp() async {
        if hasState {
            _ = try? await run("down", "--all", "--quiet")
            // Whoever still supervises has nothing to do any more; a keeper would only start the next one.
            for pid in reconcilers { kill(pid, SIGTERM) }
            try? await eventually("no reconciler lives, and nobody who would start one") { reconcilers.isEmpty }
        }
        for path in [paths.run, root] { try? FileManager.default.removeItem(atPath: path) }
    }
}

/// Waits for a fact.
func eventually(
    _ fact: String,
    within seconds: Int = 20,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("never came true: \(fact)", sourceLocation: sourceLocation)
    throw CancellationError()
}

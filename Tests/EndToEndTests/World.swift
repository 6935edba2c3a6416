import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

/// A machine of its own for one test: its services directory, its state, and the traces of its oracles.
///
/// What a test leaves behind fails it: a process, a second instance that ever lived, a reconciler.
final class World: Sendable {
    /// What a command wrote, and how it left.
    struct Answer: Sendable {
        var code: Int32
        var out: String
        var err: String

        /// The results as JSON.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(out.utf8))) as? [String: Any] ?? [:]
        }
    }

    /// A program that goes on beside the test.
    struct Running: Sendable {
        let pid: pid_t
        let out: String
        let err: String
    }

    let root: String
    let environment: [String: String]
    var services: String { root + "/services.d" }
    var state: String { root + "/state" }
    var traces: String { root + "/oracle" }
    var database: String { paths.database }
    var logs: String { paths.logs }
    var paths: RuntimePaths { RuntimePaths.resolve(state: state, environment: environment) }

    /// The folder of what was built with these tests.
    private static let built: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().path
    }()
    static let heroproc = built + "/heroproc"
    static let oracle = built + "/hporacle"

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
        for folder in [services, traces, root + "/run"] { mkdir(folder, 0o700) }
    }

    /// Makes a world, and takes it down again whatever happens in the body.
    static func with(requiresCore: Bool = false, _ body: (World) async throws -> Void) async throws {
        let world = try World(requiresCore: requiresCore)
        do {
            try await body(world)
        } catch {
            await world.end()
            throw error
        }
        await world.end()
    }

    // MARK: Manifests

    /// What one action of a service does.
    struct Deed: Sendable {
        var name: String
        var words: String
        var keys: [String]
        var isProcess: Bool

        /// A process that does these deeds of the oracle.
        static func process(_ words: String = "sleep -1", _ keys: String..., name: String = "run") -> Deed {
            Deed(name: name, words: words, keys: keys, isProcess: true)
        }

        /// A one-shot.
        static func once(_ words: String, _ keys: String..., name: String = "run") -> Deed {
            Deed(name: name, words: words, keys: keys, isProcess: false)
        }
    }

    /// The manifest of a service made of oracles.
    func manifest(_ name: String, _ keys: [String], _ deeds: [Deed]) -> String {
        var lines = ["kind: Service", "name: \(name)", "env: {ORACLE_DIR: \(traces)}"] + keys + ["actions:"]
        for deed in deeds {
            let words = [Self.oracle] + deed.words.split(separator: " ").map(String.init)
            lines.append("  - name: \(deed.name)")
            lines.append("    exec: [" + words.map { "\"\($0)\"" }.joined(separator: ", ") + "]")
            lines.append("    is_process: \(deed.isProcess)")
            lines += deed.keys.map { "    " + $0 }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Declares a service, or declares it anew.
    func declare(_ name: String, _ keys: String..., does deeds: Deed...) throws {
        try write("\(name).yaml", manifest(name, keys, deeds.isEmpty ? [.process()] : deeds))
    }

    /// Writes a manifest; a new text takes the place of the old one in one step.
    func write(_ file: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(services)/\(file)"), options: .atomic)
    }

    func remove(_ name: String) { unlink("\(services)/\(name).yaml") }

    // MARK: Running heroproc

    /// Runs `heroproc` to its end.
    func run(_ arguments: String..., extra: [String: String] = [:]) async throws -> Answer {
        try await run(arguments, extra: extra)
    }

    func run(
        _ arguments: [String],
        extra: [String: String] = [:],
        through entrance: [String] = []
    ) async throws -> Answer {
        let running = try start(arguments, extra: extra, through: entrance)
        let code = try await code(of: running)
        defer {
            unlink(running.out)
            unlink(running.err)
        }
        return Answer(code: code, out: text(running.out), err: text(running.err))
    }

    /// Applies, and expects that it converges.
    @discardableResult
    func apply(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Answer {
        let answer = try await run("apply", "-o", "json")
        #expect(answer.code == 0, "\(answer.out)\(answer.err)", sourceLocation: sourceLocation)
        return answer
    }

    /// Starts `heroproc` (or another program) and does not wait for it; by way of a program that executes it, if one is given.
    func start(
        _ arguments: [String],
        extra: [String: String] = [:],
        program: String = World.heroproc,
        through entrance: [String] = []
    ) throws -> Running {
        let number = UUID().uuidString
        let (out, err) = ("\(root)/\(number).out", "\(root)/\(number).err")
        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", root] + entrance + [program] + arguments
        let variables = environment.merging(extra) { $1 }.map { "\($0.key)=\($0.value)" }
        let pid = try #require(spawn(words, environment: variables, output: out, errors: err))
        return Running(pid: pid, out: out, err: err)
    }

    /// Starts a reconciler that syncs from the services directory; `with` ends it if the test does not.
    func watch() throws -> Running { try start(["reconcile", "--watch"]) }

    /// Waits for an end; the exit code, or 128 and the signal.
    func code(of running: Running, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Int32 {
        var status: Int32 = 0
        try await eventually("\(running.pid) ends", within: 90, sourceLocation: sourceLocation) {
            waitpid(running.pid, &status, WNOHANG) == running.pid
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// The pid of the live reconciler; nil also when it is in a pid namespace of its own, where its pid is another.
    var reconciler: pid_t? {
        ReconcilerLock.holder(paths).flatMap { text("/proc/\($0.pid)/comm") == "heroproc\n" ? $0.pid : nil }
    }

    /// The process that starts the live reconciler again when it crashes; nil when there is none.
    var keeper: pid_t? {
        guard let parent = reconciler.map(parent) else { return nil }
        return text("/proc/\(parent)/cmdline").hasPrefix("hpshim\0keep\0") ? parent : nil
    }

    /// Kills the live reconciler, whoever started it, and its keeper; waits until both are gone.
    func killReconciler(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let pid = try #require(reconciler, sourceLocation: sourceLocation)
        if let keeper {
            try #require(kill(keeper, SIGKILL) == 0, sourceLocation: sourceLocation)
            try await eventually("its keeper is gone", sourceLocation: sourceLocation) {
                waitpid(keeper, nil, WNOHANG)
                return !isAlive(keeper)
            }
        }
        try #require(kill(pid, SIGKILL) == 0, sourceLocation: sourceLocation)
        try await eventually("the reconciler is gone", sourceLocation: sourceLocation) {
            waitpid(pid, nil, WNOHANG)
            return reconciler != pid && !isAlive(pid)
        }
    }

    func text(_ path: String) -> String {
        String(decoding: fileContents(path), as: UTF8.self)
    }

    // MARK: The end

    /// Takes everything down and looks for what is left.
    private func end() async {
        if FileManager.default.fileExists(atPath: state) {
            let answer = try? await run(["down", "--all", "--quiet"])
            if answer?.code != 0 { Issue.record("down --all left with \(answer?.code ?? -1): \(answer?.err ?? "")") }
            if let pid = reconciler {
                kill(pid, SIGTERM)
                try? await eventually("no reconciler lives") {
                    waitpid(pid, nil, WNOHANG)
                    return !isAlive(pid) && reconciler == nil
                }
            }
        }
        try? await eventually("nothing of the test runs any more") { leftovers().isEmpty }
        for pid in leftovers() {
            Issue.record("left behind: \(pid) \(text("/proc/\(pid)/cmdline"))")
            kill(pid, SIGKILL)
        }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: traces)) ?? [] where name.hasSuffix(".trace")
        {
            if text("\(traces)/\(name)").contains("DUP ") {
                Issue.record("two instances of \(name) lived at once (I1)")
            }
        }
        for name in litter() { Issue.record("left behind: \(paths.jobs)/\(name)") }
        if ProcessInfo.processInfo.environment["HP_KEEP"] != nil { return print("kept: \(root)") }
        for path in [paths.run, root] { try? FileManager.default.removeItem(atPath: path) }
        if FileManager.default.fileExists(atPath: paths.run) { Issue.record("cannot remove \(paths.run)") }
    }

    /// Records and scripts of jobs that have ended, except of those that a late shim must still find.
    private func litter() -> [String] {
        let names = Set((try? FileManager.default.contentsOfDirectory(atPath: paths.jobs)) ?? [])
        return names.filter { !$0.hasSuffix(".retired") && !names.contains($0 + ".retired") }.sorted()
    }

    /// Live processes that know of this world: by their environment, or by what they hold open.
    private func leftovers() -> [pid_t] {
        let own = getpid()
        return processIDs().filter {
            guard $0 != own, isAlive($0) else { return false }
            if text("/proc/\($0)/environ").contains(root + "/") { return true }
            // Not a keeper: it keeps open what another test had open at the moment of its start, and closed later.
            guard isShim($0) else { return false }
            return openFiles(of: $0).contains { $0.hasPrefix(root + "/") }
        }
    }
}

/// Nanoseconds since the machine started: the clock of the traces.
func boottime() -> Int64 {
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
    throw NeverTrue()
}

/// A fact did not come true; the issue is recorded already.
struct NeverTrue: Error {}

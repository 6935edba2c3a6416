import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// A stranger who exchanges a path with a link to a canary, as fast as he can, while heroproc works with it (FS-1).
@Suite("Swap races", .serialized, .enabled(if: isRoot, "needs root: the stranger is another user"))
struct SwapRaceTests {
    /// How long each race goes on; `HP_TORTURE=60` makes it a minute.
    private static let raceSeconds = TestSettings.cycles(1, share: 17)

    /// A folder of the stranger's, in which he swaps `thing` and `link`.
    private final class PathSwapper {
        let directory: String
        private var pid: pid_t = 0

        init() throws {
            var template = Array("/tmp/hp-mallory-XXXXXX".utf8CString)
            directory = try #require(mkdtemp(&template).map { String(cString: $0) })
            try TestHost.copyOracle(to: directory)
            chmod(directory, 0o755)
            lchown(directory, nobodyUID, nobodyUID)
        }

        var target: String { directory + "/thing" }

        /// Makes `thing` with a closure, a link to a canary beside it, both the stranger's, and begins.
        func startSwapping(with canary: String, _ make: (String) throws -> Void) throws {
            try make(target)
            lchown(target, nobodyUID, nobodyUID)
            try #require(symlink(canary, directory + "/link") == 0)
            lchown(directory + "/link", nobodyUID, nobodyUID)
            let words = [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", directory + "/oracle", "swap", target,
                directory + "/link",
            ]
            pid = try #require(spawn(words, environment: ["ORACLE_DIR=\(directory)", "PATH=/usr/bin:/bin"]))
        }

        /// Whether both names have been seen exchanged: the race is on.
        var isSwapping: Bool {
            var file = stat()
            return lstat(target, &file) == 0 && file.st_mode & S_IFMT == S_IFLNK
        }

        deinit {
            if pid > 0 {
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
            }
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    /// Lets heroproc pass over what is swapped, again and again, and looks at the canaries.
    private func runDuringSwaps(
        _ world: TestHost,
        _ mallory: PathSwapper,
        _ arguments: [String],
        extra: [String: String] = [:],
        each: (TestHost.CommandResult) -> Void = { _ in }
    ) async throws {
        let before = world.canarySnapshot()
        try await eventually("the stranger is at it") { mallory.isSwapping }
        let end = ContinuousClock.now + .seconds(Self.raceSeconds)
        var passes = 0
        while ContinuousClock.now < end || passes < 3 {
            each(try await world.run(arguments, extra: extra))
            #expect(world.canarySnapshot() == before)
            passes += 1
        }
    }

    @Test("FS-1: a state directory that is swapped is refused each time")
    func stateDirectory() async throws {
        try await TestHost.with { world in
            try world.createCanaries()
            try world.declare("web")
            let mallory = try PathSwapper()
            try mallory.startSwapping(with: world.canaryDirectory) { mkdir($0, 0o700) }
            try await runDuringSwaps(world, mallory, ["reconcile", "--state", mallory.target]) { answer in
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.contains(mallory.directory), "\(answer.errorOutput)")
            }
            #expect(world.instances("web").isEmpty)
        }
    }

    @Test("FS-1, SE-3: of a value that is swapped with a link to a secret nothing is read")
    func secretValue() async throws {
        try await TestHost.with { world in
            try world.createCanaries()
            let mallory = try PathSwapper()
            try mallory.startSwapping(with: world.canaryFile) {
                try Data("mine\n".utf8).write(to: URL(fileURLWithPath: $0))
            }
            try world.declare(
                "web",
                actions: .oneShot(
                    "print-env",
                    "env: {TOKEN: {from_file: \(mallory.target)}}",
                    "retry: {max_attempts: 1}"
                )
            )
            try await runDuringSwaps(world, mallory, ["reconcile", "--timeout", "2s"]) {
                #expect($0.exitCode == 1, "\($0.errorOutput)")
            }
            #expect(world.instances("web").isEmpty)
        }
    }

    @Test("FS-1, PF-1: a PID file that is swapped is never written to, nor believed")
    func pidFile() async throws {
        try await TestHost.with { world in
            try world.createCanaries()
            let mallory = try PathSwapper()
            try mallory.startSwapping(with: world.canaryFile) {
                try Data("1\n".utf8).write(to: URL(fileURLWithPath: $0))
            }
            var generation = 0
            func declare() throws {
                generation += 1
                try world.declare(
                    "web",
                    "generation: \(generation)",
                    actions: .process("sleep -1", "singleton: true", "pid_file: \(mallory.target)")
                )
            }
            try declare()
            try await runDuringSwaps(world, mallory, ["reconcile", "--timeout", "5s"]) { _ in try? declare() }
            #expect(kill(1, 0) == 0)
        }
    }

    @Test(
        "FS-5: of a program that is swapped a strict action executes nothing that is not root's; any other does",
        arguments: [true, false]
    )
    func program(isStrict: Bool) async throws {
        try await TestHost.with { world in
            let mallory = try PathSwapper()
            let (good, foreign) = (world.root + "/good", mallory.directory + "/foreign")
            for path in [good, foreign] {
                let text = "#!/bin/sh\necho $(id -u) $0 >> \(world.root)/ran\necho $0 >> \(path).ran\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                chmod(path, 0o755)
            }
            lchown(foreign, nobodyUID, nobodyUID)
            try mallory.startSwapping(with: foreign) { try #require(symlink(good, $0) == 0) }
            func declare(_ generation: Int) throws {
                let keys = ["retry: {max_attempts: 1}", "strict_exec: \(isStrict)", "generation: \(generation)"]
                let lines = [
                    "kind: Service", "name: web", "actions:", "  - name: once", "    exec: [\(mallory.target)]",
                ]
                try world.writeManifest("web.yaml", (lines + keys.map { "    " + $0 }).joined(separator: "\n") + "\n")
            }
            var passes = 0
            try declare(passes)
            try await runDuringSwaps(world, mallory, ["reconcile", "--timeout", "5s"]) { answer in
                passes += 1
                try? declare(passes)
                guard isStrict else { return }
                #expect(answer.exitCode == 1)
                #expect(
                    (answer.output + answer.errorOutput).contains("`strict_exec` refuses \(mallory.directory): "),
                    "\(answer)"
                )
            }
            // What it runs as root is proof enough that the race is one.
            while !isStrict, world.readText(foreign + ".ran").isEmpty, passes < 200 {
                _ = try await world.run("reconcile", "--timeout", "5s")
                passes += 1
                try declare(passes)
            }
            #expect(world.readText(foreign + ".ran").isEmpty == isStrict)
            #expect(world.readText(world.root + "/ran").isEmpty == isStrict)
        }
    }

    @Test("FS-1: a services directory that is swapped never leads to a file outside of it being changed")
    func servicesDirectory() async throws {
        try await TestHost.with { world in
            try world.createCanaries()
            let mallory = try PathSwapper()
            try mallory.startSwapping(with: world.canaryDirectory) { mkdir($0, 0o755) }
            try await runDuringSwaps(world, mallory, ["reconcile", "--dir", mallory.target, "--timeout", "2s"])
        }
    }
}

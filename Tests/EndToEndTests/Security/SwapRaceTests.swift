import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Another user swaps a path with a link to a canary as fast as possible while heroproc uses the path (FS-1).
@Suite("Swap races", .serialized, .enabled(if: isRoot, "needs root, because another user swaps the paths"))
struct SwapRaceTests {
    /// Seconds of each race; `HP_TORTURE=1000` makes it a minute.
    private static let raceSeconds = TestSettings.cycles(1, share: 17)

    /// A directory of another user, in which a process swaps `thing` and `link`.
    private final class PathSwapper {
        let directory: String
        private var pid: pid_t = 0

        init() throws {
            directory = try makeTemporaryDirectory("hp-swapper")
            try TestHost.copyOracle(to: directory)
            chmod(directory, 0o755)
            lchown(directory, nobodyUID, nobodyUID)
        }

        var target: String { directory + "/thing" }

        /// Creates `thing` with a closure and a link to a canary, both owned by the other user, and starts to swap
        /// them.
        func startSwapping(with canary: String, _ make: (String) throws -> Void) throws {
            try make(target)
            lchown(target, nobodyUID, nobodyUID)
            try #require(symlink(canary, directory + "/link") == 0)
            lchown(directory + "/link", nobodyUID, nobodyUID)
            let command = [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", directory + "/oracle", "swap", target,
                directory + "/link",
            ]
            pid = try #require(spawn(command, environment: ["ORACLE_DIR=\(directory)", "PATH=/usr/bin:/bin"]))
        }

        /// Whether the two names were seen swapped.
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

    /// Runs heroproc repeatedly on the swapped path and checks the canaries.
    private func runDuringSwaps(
        _ host: TestHost,
        _ swapper: PathSwapper,
        _ arguments: [String],
        environment: [String: String] = [:],
        each: (CommandResult) -> Void = { _ in }
    ) async throws {
        let before = host.canarySnapshot()
        try await eventually("the swaps have begun") { swapper.isSwapping }
        let end = ContinuousClock.now + .seconds(Self.raceSeconds)
        var passes = 0
        while ContinuousClock.now < end || passes < 3 {
            each(try await host.run(arguments, environment: environment))
            #expect(host.canarySnapshot() == before)
            passes += 1
        }
    }

    @Test("A state directory swapped with a link is always refused (FS-1)")
    func stateDirectory() async throws {
        try await TestHost.with { host in
            try host.createCanaries()
            try host.declare("web")
            let swapper = try PathSwapper()
            try swapper.startSwapping(with: host.canaryDirectory) { mkdir($0, 0o700) }
            try await runDuringSwaps(host, swapper, ["reconcile", "--state", swapper.target]) { result in
                #expect(result.exitCode == 2)
                #expect(result.errorOutput.contains(swapper.directory), "\(result.errorOutput)")
            }
            #expect(host.instances("web").isEmpty)
        }
    }

    @Test("A secret file swapped with a link is never read (FS-1, SE-3)")
    func secretValue() async throws {
        try await TestHost.with { host in
            try host.createCanaries()
            let swapper = try PathSwapper()
            try swapper.startSwapping(with: host.canaryFile) {
                try Data("mine\n".utf8).write(to: URL(fileURLWithPath: $0))
            }
            try host.declare(
                "web",
                actions: .oneShot(
                    "print-env",
                    "env: {TOKEN: {from_file: \(swapper.target)}}",
                    "retry: {max_attempts: 1}"
                )
            )
            try await runDuringSwaps(host, swapper, ["reconcile", "--timeout", "2s"]) {
                #expect($0.exitCode == 1, "\($0.errorOutput)")
            }
            #expect(host.instances("web").isEmpty)
        }
    }

    @Test("A PID file swapped with a link is neither written nor trusted (FS-1, PF-1)")
    func pidFile() async throws {
        try await TestHost.with { host in
            try host.createCanaries()
            let swapper = try PathSwapper()
            try swapper.startSwapping(with: host.canaryFile) {
                try Data("1\n".utf8).write(to: URL(fileURLWithPath: $0))
            }
            var generation = 0
            func declare() throws {
                generation += 1
                try host.declare(
                    "web",
                    "generation: \(generation)",
                    actions: .process("sleep -1", "singleton: true", "pid_file: \(swapper.target)")
                )
            }
            try declare()
            try await runDuringSwaps(host, swapper, ["reconcile", "--timeout", "5s"]) { _ in try? declare() }
            #expect(kill(1, 0) == 0)
        }
    }

    @Test(
        "With strict_exec a swapped program of another user is never executed (FS-5)",
        arguments: [true, false]
    )
    func program(isStrict: Bool) async throws {
        try await TestHost.with { host in
            let swapper = try PathSwapper()
            let (good, foreign) = (host.root + "/good", swapper.directory + "/foreign")
            for path in [good, foreign] {
                let text = "#!/bin/sh\necho $(id -u) $0 >> \(host.root)/ran\necho $0 >> \(path).ran\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                chmod(path, 0o755)
            }
            lchown(foreign, nobodyUID, nobodyUID)
            try swapper.startSwapping(with: foreign) { try #require(symlink(good, $0) == 0) }
            func declare(_ generation: Int) throws {
                let fields = ["retry: {max_attempts: 1}", "strict_exec: \(isStrict)", "generation: \(generation)"]
                let lines = [
                    "kind: Service", "name: web", "actions:", "  - name: once", "    exec: [\(swapper.target)]",
                ]
                try host.writeManifest("web.yaml", (lines + fields.map { "    " + $0 }).joined(separator: "\n") + "\n")
            }
            var passes = 0
            try declare(passes)
            try await runDuringSwaps(host, swapper, ["reconcile", "--timeout", "5s"]) { result in
                passes += 1
                try? declare(passes)
                guard isStrict else { return }
                #expect(result.exitCode == 1)
                #expect(
                    (result.output + result.errorOutput).contains("`strict_exec` refuses \(swapper.directory): "),
                    "\(result)"
                )
            }
            // A foreign program that ran as root proves that the swap wins the race sometimes.
            while !isStrict, host.readText(foreign + ".ran").isEmpty, passes < 200 {
                _ = try await host.run("reconcile", "--timeout", "5s")
                passes += 1
                try declare(passes)
            }
            #expect(host.readText(foreign + ".ran").isEmpty == isStrict)
            #expect(host.readText(host.root + "/ran").isEmpty == isStrict)
        }
    }

    @Test("A swapped services directory causes no change outside of it (FS-1)")
    func servicesDirectory() async throws {
        try await TestHost.with { host in
            try host.createCanaries()
            let swapper = try PathSwapper()
            try swapper.startSwapping(with: host.canaryDirectory) { mkdir($0, 0o755) }
            try await runDuringSwaps(host, swapper, ["reconcile", "--dir", swapper.target, "--timeout", "2s"])
        }
    }
}

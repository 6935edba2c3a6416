import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// A stranger who exchanges a path with a link to a canary, as fast as he can, while heroproc works with it (FS-1).
@Suite("Swap races", .serialized, .enabled(if: isRoot, "needs root: the stranger is another user"))
struct SwapRaceTests {
    /// How long each race goes on; `HP_TORTURE=60` makes it a minute.
    private static let seconds = TestSettings.cycles(1, share: 17)

    /// A folder of the stranger's, in which he swaps `thing` and `link`.
    private final class Mallory {
        let folder: String
        private var pid: pid_t = 0

        init() throws {
            var template = Array("/tmp/hp-mallory-XXXXXX".utf8CString)
            folder = try #require(mkdtemp(&template).map { String(cString: $0) })
            try World.copyOracle(to: folder)
            chmod(folder, 0o755)
            lchown(folder, nobody, nobody)
        }

        var thing: String { folder + "/thing" }

        /// Makes `thing` with a closure, a link to a canary beside it, both the stranger's, and begins.
        func swap(with canary: String, _ make: (String) throws -> Void) throws {
            try make(thing)
            lchown(thing, nobody, nobody)
            try #require(symlink(canary, folder + "/link") == 0)
            lchown(folder + "/link", nobody, nobody)
            let words = [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder + "/oracle", "swap", thing,
                folder + "/link",
            ]
            pid = try #require(spawn(words, environment: ["ORACLE_DIR=\(folder)", "PATH=/usr/bin:/bin"]))
        }

        /// Whether both names have been seen exchanged: the race is on.
        var isAtIt: Bool {
            var file = stat()
            return lstat(thing, &file) == 0 && file.st_mode & S_IFMT == S_IFLNK
        }

        deinit {
            if pid > 0 {
                kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
            }
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    /// Lets heroproc pass over what is swapped, again and again, and looks at the canaries.
    private func race(
        _ world: World,
        _ mallory: Mallory,
        _ arguments: [String],
        extra: [String: String] = [:],
        each: (World.Answer) -> Void = { _ in }
    ) async throws {
        let before = world.canaries()
        try await eventually("the stranger is at it") { mallory.isAtIt }
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var passes = 0
        while ContinuousClock.now < end || passes < 3 {
            each(try await world.run(arguments, extra: extra))
            #expect(world.canaries() == before)
            passes += 1
        }
    }

    @Test("FS-1: a state directory that is swapped is refused each time")
    func state() async throws {
        try await World.with { world in
            try world.plantCanaries()
            try world.declare("web")
            let mallory = try Mallory()
            try mallory.swap(with: world.canaryFolder) { mkdir($0, 0o700) }
            try await race(world, mallory, ["reconcile", "--state", mallory.thing]) { answer in
                #expect(answer.code == 2)
                #expect(answer.err.contains(mallory.folder), "\(answer.err)")
            }
            #expect(world.lives("web").isEmpty)
        }
    }

    @Test("FS-1, SE-3: of a value that is swapped with a link to a secret nothing is read")
    func value() async throws {
        try await World.with { world in
            try world.plantCanaries()
            let mallory = try Mallory()
            try mallory.swap(with: world.canary) { try Data("mine\n".utf8).write(to: URL(fileURLWithPath: $0)) }
            try world.declare(
                "web",
                does: .once("print-env", "env: {TOKEN: {from_file: \(mallory.thing)}}", "retry: {max_attempts: 1}")
            )
            try await race(world, mallory, ["reconcile", "--timeout", "2s"]) { #expect($0.code == 1, "\($0.err)") }
            #expect(world.lives("web").isEmpty)
        }
    }

    @Test("FS-1, PF-1: a PID file that is swapped is never written to, nor believed")
    func pidFile() async throws {
        try await World.with { world in
            try world.plantCanaries()
            let mallory = try Mallory()
            try mallory.swap(with: world.canary) { try Data("1\n".utf8).write(to: URL(fileURLWithPath: $0)) }
            var generation = 0
            func declare() throws {
                generation += 1
                try world.declare(
                    "web",
                    "generation: \(generation)",
                    does: .process("sleep -1", "singleton: true", "pid_file: \(mallory.thing)")
                )
            }
            try declare()
            try await race(world, mallory, ["reconcile", "--timeout", "5s"]) { _ in try? declare() }
            #expect(kill(1, 0) == 0)
        }
    }

    @Test(
        "FS-5: of a program that is swapped a strict action executes nothing that is not root's; any other does",
        arguments: [true, false]
    )
    func program(isStrict: Bool) async throws {
        try await World.with { world in
            let mallory = try Mallory()
            let (good, foreign) = (world.root + "/good", mallory.folder + "/foreign")
            for path in [good, foreign] {
                let text = "#!/bin/sh\necho $(id -u) $0 >> \(world.root)/ran\necho $0 >> \(path).ran\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                chmod(path, 0o755)
            }
            lchown(foreign, nobody, nobody)
            try mallory.swap(with: foreign) { try #require(symlink(good, $0) == 0) }
            func declare(_ generation: Int) throws {
                let keys = ["retry: {max_attempts: 1}", "strict_exec: \(isStrict)", "generation: \(generation)"]
                let lines = [
                    "kind: Service", "name: web", "actions:", "  - name: once", "    exec: [\(mallory.thing)]",
                ]
                try world.write("web.yaml", (lines + keys.map { "    " + $0 }).joined(separator: "\n") + "\n")
            }
            var passes = 0
            try declare(passes)
            try await race(world, mallory, ["reconcile", "--timeout", "5s"]) { answer in
                passes += 1
                try? declare(passes)
                guard isStrict else { return }
                #expect(answer.code == 1)
                #expect((answer.out + answer.err).contains("`strict_exec` refuses \(mallory.folder): "), "\(answer)")
            }
            // What it runs as root is proof enough that the race is one.
            while !isStrict, world.text(foreign + ".ran").isEmpty, passes < 200 {
                _ = try await world.run("reconcile", "--timeout", "5s")
                passes += 1
                try declare(passes)
            }
            #expect(world.text(foreign + ".ran").isEmpty == isStrict)
            #expect(world.text(world.root + "/ran").isEmpty == isStrict)
        }
    }

    @Test("FS-1: a services directory that is swapped never leads to a file outside of it being changed")
    func services() async throws {
        try await World.with { world in
            try world.plantCanaries()
            let mallory = try Mallory()
            try mallory.swap(with: world.canaryFolder) { mkdir($0, 0o755) }
            try await race(world, mallory, ["reconcile", "--dir", mallory.thing, "--timeout", "2s"])
        }
    }
}

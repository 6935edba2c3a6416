import Foundation
import Glibc
import Testing

/// Files that are gone: by mistake, by a tool, or because somebody means it (reliability.md MF-3, MF-4).
@Suite("Files that are gone", .serialized)
struct MassDeletionTests {
    /// What takes the files away, and what brings them back.
    struct Provocation: Sendable, CustomTestStringConvertible {
        let name: String
        /// Shell commands in the services directory's parent.
        let takes: String
        let returns: String
        /// What the event says.
        let says: String
        var testDescription: String { name }
    }

    private static let git = "git -c user.name=a -c user.email=a@b -C services.d"
    private static let provocations = [
        Provocation(
            name: "all files are removed",
            takes: "cp -r services.d kept && rm services.d/*.yaml",
            returns: "cp kept/*.yaml services.d/",
            says: "declares no service any more"
        ),
        Provocation(
            name: "most are removed one after another",
            takes: "cp -r services.d kept && for n in a b c; do rm services.d/$n.yaml; sleep 0.4; done",
            returns: "cp kept/*.yaml services.d/",
            says: "3 of 5 services vanished at once"
        ),
        Provocation(
            name: "the directory is moved away",
            takes: "mv services.d kept",
            returns: "mv kept services.d",
            says: "cannot read the services directory"
        ),
        Provocation(
            name: "the directory is removed and made anew, empty",
            takes: "cp -r services.d kept && rm -r services.d && mkdir services.d",
            returns: "cp kept/*.yaml services.d/",
            says: "declares no service any more"
        ),
        Provocation(
            name: "another directory takes its place",
            takes: "mkdir other && cp services.d/e.yaml other && mv services.d kept && mv other services.d",
            returns: "rm -r services.d && mv kept services.d",
            says: "4 of 5 services vanished at once"
        ),
        Provocation(
            name: "git stash",
            takes: "\(git) init -q && \(git) commit -q --allow-empty -m empty && \(git) add -A && \(git) stash -q",
            returns: "\(git) stash pop -q",
            says: "declares no service any more"
        ),
        Provocation(
            name: "a link that dangles takes its place",
            takes: "mv services.d kept && ln -s nowhere services.d",
            returns: "rm services.d && mv kept services.d",
            says: "cannot read the services directory"
        ),
        Provocation(
            name: "all files are emptied",
            takes: "cp -r services.d kept && for n in services.d/*.yaml; do : > $n; done",
            returns: "cp kept/*.yaml services.d/",
            says: "declares no service any more"
        ),
    ]

    private static let hasGit = shell("command -v git") == 0

    @Test(
        "MF-4: files that vanish in numbers stop nothing, not even for a later reconciler; when they are back, all goes on",
        arguments: provocations
    )
    func provoked(_ provocation: Provocation) async throws {
        if provocation.name.hasPrefix("git"), !Self.hasGit { return print("git is not installed: skipped") }
        try await World.with { world in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try world.declare(name) }
            var watch = try world.watch()
            var before: [Life] = []
            for name in names { before.append(try await world.life(name, number: 1)) }
            try #require(shell("cd '\(world.root)' && \(provocation.takes)") == 0)
            _ = try await world.event("error", provocation.says)
            // The next one knows no better.
            try #require(kill(watch.pid, SIGKILL) == 0)
            try #require(try await world.code(of: watch) == 137)
            let events = try await world.events().count
            watch = try world.watch()
            try await eventually("it has looked") {
                try await world.events().dropFirst(events).contains { $0["level"] as? String == "error" }
            }
            try #require(shell("cd '\(world.root)' && \(provocation.returns)") == 0)
            try world.declare("new")
            _ = try await world.life("new", number: 1)
            try await world.expectNoDifference()
            for (name, life) in zip(names, before) { #expect(try await world.life(name, number: 1) == life) }
        }
    }

    @Test(
        "MF-4: a directory that is unmounted stops nothing",
        .enabled(if: LogDisk.canMount, "needs root, and `unshare` to mount the directory")
    )
    func unmounted() async throws {
        try await World.with { world in
            let names = ["a", "b", "c"]
            for name in names { try world.declare(name) }
            let mount = "cp -r \"$1\" \"$1/../kept\" && mount -t tmpfs tmpfs \"$1\" && cp \"$1\"/../kept/*.yaml \"$1\""
            try await LogDisk.with(world, at: world.services, mount: mount + " && rm \"$1\"/../kept/*.yaml") { disk in
                var before: [Life] = []
                for name in names { before.append(try await world.life(name, number: 1)) }
                // Outside it is empty, as a mount point is.
                for name in names { world.remove(name) }
                disk.run("umount \"$1\"")
                _ = try await world.event("error", "declares no service any more")
                for (name, life) in zip(names, before) { #expect(try await world.life(name, number: 1) == life) }
                for name in names { try world.declare(name) }
                try world.declare("new")
                _ = try await world.life("new", number: 1)
                for (name, life) in zip(names, before) { #expect(try await world.life(name, number: 1) == life) }
            }
        }
    }

    @Test("MF-4: a directory that may not be read stops nothing", .enabled(if: geteuid() != 0, "root may read all"))
    func unreadable() async throws {
        try await World.with { world in
            try world.declare("a")
            _ = try world.watch()
            let before = try await world.life("a", number: 1)
            for path in [world.services, "\(world.services)/a.yaml"] {
                let mode: mode_t = path.hasSuffix("yaml") ? 0o600 : 0o700
                let count = try await world.events().count
                chmod(path, 0)
                try await eventually("it says so") {
                    try await world.events().dropFirst(count).contains {
                        ($0["text"] as? String)?.contains("Permission denied") ?? false
                    }
                }
                chmod(path, mode)
            }
            try world.declare("new")
            _ = try await world.life("new", number: 1)
            #expect(try await world.life("a", number: 1) == before)
        }
    }

    @Test("MF-4: one file that is removed stops its service and what requires it, after five seconds and no sooner")
    func one() async throws {
        try await World.with { world in
            for name in ["a", "b", "c"] { try world.declare(name) }
            try world.declare("d", "wants: [c]")
            _ = try world.watch()
            let life = try await world.life("c", number: 1)
            let others = [try await world.life("a"), try await world.life("b"), try await world.life("d")]
            let removed = boottime()
            world.remove("c")
            _ = try await world.event("info", "it has left the files; it stops unless it is back within 5s")
            // What happens meanwhile is healed as ever.
            #expect(isAlive(life.pid))
            try await eventually("it has ended") { world.lives("c").last?.end == .exit(code: 0) }
            let asked = try #require(world.lives("c").first?.asked)
            #expect(asked - removed >= 5_000_000_000)
            #expect(asked - removed < 9_000_000_000)
            #expect(try await world.jobs(of: "c").count == 1, "its job stays as evidence")
            for (name, other) in zip(["a", "b", "d"], others) {
                #expect(try await world.life(name, number: 1) == other)
            }
        }
    }

    @Test("MF-4: what is back in time was never gone, one-shots that have ended too; what is not, goes")
    func backInTime() async throws {
        try await World.with { world in
            try world.declare("web")
            try world.declare("seed", does: .once("exit 0"))
            try world.declare("gone")
            try world.write("job.yaml", "kind: Action\nname: job\nrun_on: apply\nexec: [\"true\"]\n")
            _ = try world.watch()
            let web = try await world.life("web", number: 1)
            _ = try await world.life("gone", number: 1)
            try await eventually("all is done") { try await world.run("diff").code == 0 }
            let kept = world.root + "/kept"
            mkdir(kept, 0o700)
            for name in ["web", "seed", "job", "gone"] {
                try #require(rename("\(world.services)/\(name).yaml", "\(kept)/\(name).yaml") == 0)
                _ = try await world.event("info", "it has left the files")
                if name == "gone" { break }
                // As an editor does it that is stopped between two of its steps; this wait is the fault itself.
                try await Task.sleep(for: .milliseconds(700))
                try #require(rename("\(kept)/\(name).yaml", "\(world.services)/\(name).yaml") == 0)
                try await eventually("all is as it was") { try await world.run("diff").code == 0 }
            }
            try await eventually("it has ended") { world.lives("gone").last?.end == .exit(code: 0) }
            #expect(try await world.life("web", number: 1) == web)
            #expect(world.lives("seed").count == 1)
            let runs = try await world.run("jobs", "--action", "job", "-o", "json").json["jobs"] as? [Any]
            #expect(runs?.count == 1)
        }
    }

    @Test(
        "MF-3: one bad file refuses the set; the last good revision outlives the reconciler, and is healed by the next"
    )
    func lastGood() async throws {
        try await World.with { world in
            let names = (1...12).map { "web\($0)" }
            for name in names { try world.declare(name, does: .process("sleep -1", "retry: {delay: 10ms}")) }
            var watch = try world.watch()
            var before: [Life] = []
            for name in names { before.append(try await world.life(name, number: 1)) }
            let file = "\(world.services)/web7.yaml"
            let good = world.text(file)
            // The bad one, and good changes beside it.
            try world.write("web7.yaml", good.replacing("exec:", with: "exce:"))
            try world.declare("web8", "generation: 1")
            try world.declare("new")
            _ = try await world.event("error", "web7.yaml:6:5", "unknown key `exce`")
            try #require(kill(watch.pid, SIGKILL) == 0)
            try #require(try await world.code(of: watch) == 137)
            #expect(kill(before[2].pid, SIGKILL) == 0)
            watch = try world.watch()
            _ = try await world.life("web3", number: 2)
            #expect(world.lives("new").isEmpty)
            #expect(try await world.life("web8", number: 1) == before[7])
            #expect(try await world.run("apply").code == 2)
            try world.write("web7.yaml", good)
            _ = try await world.life("new", number: 1)
            _ = try await world.life("web8", number: 2)
            try await eventually("all is done") { try await world.run("diff").code == 0 }
            for (index, name) in names.enumerated() where ![2, 7].contains(index) {
                #expect(try await world.life(name, number: 1) == before[index])
            }
        }
    }

    @Test("MF-3: a set that is bad from the first is not started; once it is good, it is")
    func badFromTheFirst() async throws {
        try await World.with { world in
            try world.declare("web")
            try world.write("bad.yaml", "kind: Service\nname: web\nactions: [{name: x, exec: [\"true\"]}]\n")
            _ = try world.watch()
            _ = try await world.event("error", "`core/web` is declared twice")
            let answer = try await world.run("validate")
            let told = answer.out + answer.err
            #expect(told.contains("bad.yaml") && told.contains("web.yaml"), "both files are named: \(told)")
            #expect(world.lives("web").isEmpty)
            unlink("\(world.services)/bad.yaml")
            _ = try await world.life("web", number: 1)
        }
    }
}

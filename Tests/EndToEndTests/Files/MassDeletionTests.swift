import Foundation
import Glibc
import Testing

/// Files that are gone: by mistake, by a tool, or because somebody means it (reliability.md MF-3, MF-4).
@Suite("Files that are gone", .serialized)
struct MassDeletionTests {
    /// What takes the files away, and what brings them back.
    struct Deletion: Sendable, CustomTestStringConvertible {
        let name: String
        /// Shell commands in the services directory's parent.
        let removeCommand: String
        let restoreCommand: String
        /// What the event says.
        let expectedText: String
        var testDescription: String { name }
    }

    private static let git = "git -c user.name=a -c user.email=a@b -C services.d"
    private static let deletions = [
        Deletion(
            name: "all files are removed",
            removeCommand: "cp -r services.d kept && rm services.d/*.yaml",
            restoreCommand: "cp kept/*.yaml services.d/",
            expectedText: "declares no service any more"
        ),
        Deletion(
            name: "most are removed one after another",
            removeCommand: "cp -r services.d kept && for n in a b c; do rm services.d/$n.yaml; sleep 0.4; done",
            restoreCommand: "cp kept/*.yaml services.d/",
            expectedText: "3 of 5 services were removed at once"
        ),
        Deletion(
            name: "the directory is moved away",
            removeCommand: "mv services.d kept",
            restoreCommand: "mv kept services.d",
            expectedText: "cannot read the services directory"
        ),
        Deletion(
            name: "the directory is removed and made anew, empty",
            removeCommand: "cp -r services.d kept && rm -r services.d && mkdir services.d",
            restoreCommand: "cp kept/*.yaml services.d/",
            expectedText: "declares no service any more"
        ),
        Deletion(
            name: "another directory takes its place",
            removeCommand: "mkdir other && cp services.d/e.yaml other && mv services.d kept && mv other services.d",
            restoreCommand: "rm -r services.d && mv kept services.d",
            expectedText: "4 of 5 services were removed at once"
        ),
        Deletion(
            name: "git stash",
            removeCommand:
                "\(git) init -q && \(git) commit -q --allow-empty -m empty && \(git) add -A && \(git) stash -q",
            restoreCommand: "\(git) stash pop -q",
            expectedText: "declares no service any more"
        ),
        Deletion(
            name: "a link that dangles takes its place",
            removeCommand: "mv services.d kept && ln -s nowhere services.d",
            restoreCommand: "rm services.d && mv kept services.d",
            expectedText: "cannot read the services directory"
        ),
        Deletion(
            name: "all files are emptied",
            removeCommand: "cp -r services.d kept && for n in services.d/*.yaml; do : > $n; done",
            restoreCommand: "cp kept/*.yaml services.d/",
            expectedText: "declares no service any more"
        ),
    ]

    private static let hasGit = runShell("command -v git") == 0

    @Test(
        "MF-4: files that vanish in numbers stop nothing, not even for a later reconciler; when they are back, all goes on",
        arguments: deletions
    )
    func massDeletionStopsNothing(_ provocation: Deletion) async throws {
        if provocation.name.hasPrefix("git"), !Self.hasGit { return print("git is not installed: skipped") }
        try await TestHost.with { world in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try world.declare(name) }
            var watch = try world.startReconciler()
            var before: [OracleInstance] = []
            for name in names { before.append(try await world.runningInstance(name, number: 1)) }
            try #require(runShell("cd '\(world.root)' && \(provocation.removeCommand)") == 0)
            _ = try await world.waitForEvent("error", provocation.expectedText)
            // The next one knows no better.
            try #require(kill(watch.pid, SIGKILL) == 0)
            try #require(try await world.exitCode(of: watch) == 137)
            let events = try await world.events().count
            watch = try world.startReconciler()
            try await eventually("it has looked") {
                try await world.events().dropFirst(events).contains { $0["level"] as? String == "error" }
            }
            try #require(runShell("cd '\(world.root)' && \(provocation.restoreCommand)") == 0)
            try world.declare("new")
            _ = try await world.runningInstance("new", number: 1)
            try await world.expectEmptyDiff()
            for (name, life) in zip(names, before) { #expect(try await world.runningInstance(name, number: 1) == life) }
        }
    }

    @Test(
        "MF-4: a directory that is unmounted stops nothing",
        .enabled(if: LogDisk.canMount, "needs root, and `unshare` to mount the directory")
    )
    func unmountedDirectory() async throws {
        try await TestHost.with { world in
            let names = ["a", "b", "c"]
            for name in names { try world.declare(name) }
            let mount = "cp -r \"$1\" \"$1/../kept\" && mount -t tmpfs tmpfs \"$1\" && cp \"$1\"/../kept/*.yaml \"$1\""
            try await LogDisk.with(world, at: world.servicesDirectory, mount: mount + " && rm \"$1\"/../kept/*.yaml") {
                disk in
                var before: [OracleInstance] = []
                for name in names { before.append(try await world.runningInstance(name, number: 1)) }
                // Outside it is empty, as a mount point is.
                for name in names { world.removeManifest(name) }
                disk.run("umount \"$1\"")
                _ = try await world.waitForEvent("error", "declares no service any more")
                for (name, life) in zip(names, before) {
                    #expect(try await world.runningInstance(name, number: 1) == life)
                }
                for name in names { try world.declare(name) }
                try world.declare("new")
                _ = try await world.runningInstance("new", number: 1)
                for (name, life) in zip(names, before) {
                    #expect(try await world.runningInstance(name, number: 1) == life)
                }
            }
        }
    }

    @Test("MF-4: a directory that may not be read stops nothing", .enabled(if: geteuid() != 0, "root may read all"))
    func unreadableDirectory() async throws {
        try await TestHost.with { world in
            try world.declare("a")
            _ = try world.startReconciler()
            let before = try await world.runningInstance("a", number: 1)
            for path in [world.servicesDirectory, "\(world.servicesDirectory)/a.yaml"] {
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
            _ = try await world.runningInstance("new", number: 1)
            #expect(try await world.runningInstance("a", number: 1) == before)
        }
    }

    @Test("MF-4: one file that is removed stops its service and what requires it, after five seconds and no sooner")
    func singleRemoval() async throws {
        try await TestHost.with { world in
            for name in ["a", "b", "c"] { try world.declare(name) }
            try world.declare("d", "wants: [c]")
            _ = try world.startReconciler()
            let life = try await world.runningInstance("c", number: 1)
            let others = [
                try await world.runningInstance("a"), try await world.runningInstance("b"),
                try await world.runningInstance("d"),
            ]
            let removed = bootTime()
            world.removeManifest("c")
            _ = try await world.waitForEvent("info", "removed from the manifests; it stops unless it is declared again within 5s")
            // What happens meanwhile is healed as ever.
            #expect(isAlive(life.pid))
            try await eventually("it has ended") { world.instances("c").last?.end == .exit(code: 0) }
            let asked = try #require(world.instances("c").first?.stopRequestedAt)
            #expect(asked - removed >= 5_000_000_000)
            #expect(asked - removed < 9_000_000_000)
            #expect(try await world.jobs(of: "c").count == 1, "its job stays as evidence")
            for (name, other) in zip(["a", "b", "d"], others) {
                #expect(try await world.runningInstance(name, number: 1) == other)
            }
        }
    }

    @Test("MF-4: what is back in time was never gone, one-shots that have ended too; what is not, goes")
    func restoredWithinGracePeriod() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try world.declare("seed", actions: .oneShot("exit 0"))
            try world.declare("gone")
            try world.writeManifest("job.yaml", "kind: Action\nname: job\nrun_on: apply\nexec: [\"true\"]\n")
            _ = try world.startReconciler()
            let web = try await world.runningInstance("web", number: 1)
            _ = try await world.runningInstance("gone", number: 1)
            try await eventually("all is done") { try await world.run("diff").exitCode == 0 }
            let kept = world.root + "/kept"
            mkdir(kept, 0o700)
            for name in ["web", "seed", "job", "gone"] {
                try #require(rename("\(world.servicesDirectory)/\(name).yaml", "\(kept)/\(name).yaml") == 0)
                _ = try await world.waitForEvent("info", "removed from the manifests")
                if name == "gone" { break }
                // As an editor does it that is stopped between two of its steps; this wait is the fault itself.
                try await Task.sleep(for: .milliseconds(700))
                try #require(rename("\(kept)/\(name).yaml", "\(world.servicesDirectory)/\(name).yaml") == 0)
                try await eventually("all is as it was") { try await world.run("diff").exitCode == 0 }
            }
            try await eventually("it has ended") { world.instances("gone").last?.end == .exit(code: 0) }
            #expect(try await world.runningInstance("web", number: 1) == web)
            #expect(world.instances("seed").count == 1)
            let runs = try await world.run("jobs", "--action", "job", "-o", "json").json["jobs"] as? [Any]
            #expect(runs?.count == 1)
        }
    }

    @Test(
        "MF-3: one bad file refuses the set; the last good revision outlives the reconciler, and is healed by the next"
    )
    func lastValidRevisionStays() async throws {
        try await TestHost.with { world in
            let names = (1...12).map { "web\($0)" }
            for name in names { try world.declare(name, actions: .process("sleep -1", "retry: {delay: 10ms}")) }
            var watch = try world.startReconciler()
            var before: [OracleInstance] = []
            for name in names { before.append(try await world.runningInstance(name, number: 1)) }
            let file = "\(world.servicesDirectory)/web7.yaml"
            let good = world.readText(file)
            // The bad one, and good changes beside it.
            try world.writeManifest("web7.yaml", good.replacing("exec:", with: "exce:"))
            try world.declare("web8", "generation: 1")
            try world.declare("new")
            _ = try await world.waitForEvent("error", "web7.yaml:6:5", "unknown key `exce`")
            try #require(kill(watch.pid, SIGKILL) == 0)
            try #require(try await world.exitCode(of: watch) == 137)
            #expect(kill(before[2].pid, SIGKILL) == 0)
            watch = try world.startReconciler()
            _ = try await world.runningInstance("web3", number: 2)
            #expect(world.instances("new").isEmpty)
            #expect(try await world.runningInstance("web8", number: 1) == before[7])
            #expect(try await world.run("apply").exitCode == 2)
            try world.writeManifest("web7.yaml", good)
            _ = try await world.runningInstance("new", number: 1)
            _ = try await world.runningInstance("web8", number: 2)
            try await eventually("all is done") { try await world.run("diff").exitCode == 0 }
            for (index, name) in names.enumerated() where ![2, 7].contains(index) {
                #expect(try await world.runningInstance(name, number: 1) == before[index])
            }
        }
    }

    @Test("MF-3: a set that is bad from the first is not started; once it is good, it is")
    func invalidFromTheStart() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try world.writeManifest("bad.yaml", "kind: Service\nname: web\nactions: [{name: x, exec: [\"true\"]}]\n")
            _ = try world.startReconciler()
            _ = try await world.waitForEvent("error", "`core/web` is declared twice")
            let answer = try await world.run("validate")
            let told = answer.output + answer.errorOutput
            #expect(told.contains("bad.yaml") && told.contains("web.yaml"), "both files are named: \(told)")
            #expect(world.instances("web").isEmpty)
            unlink("\(world.servicesDirectory)/bad.yaml")
            _ = try await world.runningInstance("web", number: 1)
        }
    }
}

import Foundation
import Glibc
import Testing

/// Removed manifests: by error, by a tool or on purpose (guarantees MF-3, MF-4).
@Suite("Removed manifests", .serialized)
struct MassDeletionTests {
    /// A command that removes files, and a command that restores them.
    struct Deletion: Sendable, CustomTestStringConvertible {
        let name: String
        /// Shell commands, run in the parent of the services directory.
        let removeCommand: String
        let restoreCommand: String
        /// The expected text of the error event.
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
            name: "the directory is removed and created again, empty",
            removeCommand: "cp -r services.d kept && rm -r services.d && mkdir services.d",
            restoreCommand: "cp kept/*.yaml services.d/",
            expectedText: "declares no service any more"
        ),
        Deletion(
            name: "another directory replaces it",
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
            name: "a dangling link replaces it",
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
        "A mass removal of manifests stops no service (MF-4)",
        arguments: deletions
    )
    func massDeletionStopsNothing(_ provocation: Deletion) async throws {
        if provocation.name.hasPrefix("git"), !Self.hasGit { return print("git is not installed: skipped") }
        try await TestHost.with { host in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try host.declare(name) }
            var watch = try host.startReconciler()
            var before: [OracleInstance] = []
            for name in names { before.append(try await host.runningInstance(name, number: 1)) }
            try #require(runShell("cd '\(host.root)' && \(provocation.removeCommand)") == 0)
            _ = try await host.waitForEvent("error", provocation.expectedText)
            // A new reconciler does not stop the services either.
            try #require(kill(watch.pid, SIGKILL) == 0)
            try #require(try await host.exitCode(of: watch) == 137)
            let events = try await host.events().count
            watch = try host.startReconciler()
            try await eventually("the reconciler has read the directory") {
                try await host.events().dropFirst(events).contains { $0["level"] as? String == "error" }
            }
            try #require(runShell("cd '\(host.root)' && \(provocation.restoreCommand)") == 0)
            try host.declare("new")
            _ = try await host.runningInstance("new", number: 1)
            try await host.expectEmptyDiff()
            for (name, instance) in zip(names, before) {
                #expect(try await host.runningInstance(name, number: 1) == instance)
            }
        }
    }

    @Test(
        "An unmounted services directory stops no service (MF-4)",
        .enabled(if: LogDisk.canMount, "needs root, and `unshare` to mount the directory")
    )
    func unmountedDirectory() async throws {
        try await TestHost.with { host in
            let names = ["a", "b", "c"]
            for name in names { try host.declare(name) }
            let mount = "cp -r \"$1\" \"$1/../kept\" && mount -t tmpfs tmpfs \"$1\" && cp \"$1\"/../kept/*.yaml \"$1\""
            try await LogDisk.with(host, at: host.servicesDirectory, mount: mount + " && rm \"$1\"/../kept/*.yaml") {
                disk in
                var before: [OracleInstance] = []
                for name in names { before.append(try await host.runningInstance(name, number: 1)) }
                // Outside of the namespace the mount point is empty.
                for name in names { host.removeManifest(name) }
                disk.run("umount \"$1\"")
                _ = try await host.waitForEvent("error", "declares no service any more")
                for (name, instance) in zip(names, before) {
                    #expect(try await host.runningInstance(name, number: 1) == instance)
                }
                for name in names { try host.declare(name) }
                try host.declare("new")
                _ = try await host.runningInstance("new", number: 1)
                for (name, instance) in zip(names, before) {
                    #expect(try await host.runningInstance(name, number: 1) == instance)
                }
            }
        }
    }

    @Test(
        "An unreadable services directory stops no service (MF-4)",
        .enabled(if: geteuid() != 0, "root can read everything")
    )
    func unreadableDirectory() async throws {
        try await TestHost.with { host in
            try host.declare("a")
            _ = try host.startReconciler()
            let before = try await host.runningInstance("a", number: 1)
            for path in [host.servicesDirectory, "\(host.servicesDirectory)/a.yaml"] {
                let mode: mode_t = path.hasSuffix("yaml") ? 0o600 : 0o700
                let count = try await host.events().count
                chmod(path, 0)
                try await eventually("the outage is reported") {
                    try await host.events().dropFirst(count).contains {
                        ($0["text"] as? String)?.contains("Permission denied") ?? false
                    }
                }
                chmod(path, mode)
            }
            try host.declare("new")
            _ = try await host.runningInstance("new", number: 1)
            #expect(try await host.runningInstance("a", number: 1) == before)
        }
    }

    @Test("A single removed manifest stops its service after five seconds (MF-4)")
    func singleRemoval() async throws {
        try await TestHost.with { host in
            for name in ["a", "b", "c"] { try host.declare(name) }
            try host.declare("d", "wants: [c]")
            _ = try host.startReconciler()
            let instance = try await host.runningInstance("c", number: 1)
            let others = [
                try await host.runningInstance("a"), try await host.runningInstance("b"),
                try await host.runningInstance("d"),
            ]
            let removed = bootTime()
            host.removeManifest("c")
            _ = try await host.waitForEvent(
                "info",
                "removed from the manifests; it stops unless it is declared again within 5s"
            )
            // The service is supervised as usual until the grace period ends.
            #expect(isAlive(instance.pid))
            try await eventually("the service has ended") { host.instances("c").last?.end == .exit(code: 0) }
            let stopped = try #require(host.instances("c").first?.stopRequestedAt)
            #expect(stopped - removed >= 5_000_000_000)
            #expect(stopped - removed < 9_000_000_000)
            #expect(try await host.jobs(of: "c").count == 1, "the job stays as evidence")
            for (name, other) in zip(["a", "b", "d"], others) {
                #expect(try await host.runningInstance(name, number: 1) == other)
            }
        }
    }

    @Test("A manifest restored within the grace period causes no change (MF-4)")
    func restoredWithinGracePeriod() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try host.declare("seed", actions: .oneShot("exit 0"))
            try host.declare("gone")
            try host.writeManifest("job.yaml", "kind: Action\nname: job\nrun_on: apply\nexec: [\"true\"]\n")
            _ = try host.startReconciler()
            let web = try await host.runningInstance("web", number: 1)
            _ = try await host.runningInstance("gone", number: 1)
            try await eventually("all changes are applied") { try await host.run("diff").exitCode == 0 }
            let kept = host.root + "/kept"
            mkdir(kept, 0o700)
            for name in ["web", "seed", "job", "gone"] {
                try #require(rename("\(host.servicesDirectory)/\(name).yaml", "\(kept)/\(name).yaml") == 0)
                _ = try await host.waitForEvent("info", "removed from the manifests")
                if name == "gone" { break }
                // An editor may be interrupted between two of its steps. The delay simulates this.
                try await Task.sleep(for: .milliseconds(700))
                try #require(rename("\(kept)/\(name).yaml", "\(host.servicesDirectory)/\(name).yaml") == 0)
                try await eventually("diff is empty again") { try await host.run("diff").exitCode == 0 }
            }
            try await eventually("the service has ended") { host.instances("gone").last?.end == .exit(code: 0) }
            #expect(try await host.runningInstance("web", number: 1) == web)
            #expect(host.instances("seed").count == 1)
            let runs = try await host.run("jobs", "--action", "job", "-o", "json").json["jobs"] as? [Any]
            #expect(runs?.count == 1)
        }
    }

    @Test(
        "The last valid revision survives an invalid file and a new reconciler (MF-3)"
    )
    func lastValidRevisionStays() async throws {
        try await TestHost.with { host in
            let names = (1...12).map { "web\($0)" }
            for name in names { try host.declare(name, actions: .process("sleep -1", "retry: {delay: 10ms}")) }
            var watch = try host.startReconciler()
            var before: [OracleInstance] = []
            for name in names { before.append(try await host.runningInstance(name, number: 1)) }
            let file = "\(host.servicesDirectory)/web7.yaml"
            let good = host.readText(file)
            // One invalid file and valid changes in other files.
            try host.writeManifest("web7.yaml", good.replacing("exec:", with: "exce:"))
            try host.declare("web8", "generation: 1")
            try host.declare("new")
            _ = try await host.waitForEvent("error", "web7.yaml:6:5", "unknown key `exce`")
            try #require(kill(watch.pid, SIGKILL) == 0)
            try #require(try await host.exitCode(of: watch) == 137)
            #expect(kill(before[2].pid, SIGKILL) == 0)
            watch = try host.startReconciler()
            _ = try await host.runningInstance("web3", number: 2)
            #expect(host.instances("new").isEmpty)
            #expect(try await host.runningInstance("web8", number: 1) == before[7])
            #expect(try await host.run("apply").exitCode == 2)
            try host.writeManifest("web7.yaml", good)
            _ = try await host.runningInstance("new", number: 1)
            _ = try await host.runningInstance("web8", number: 2)
            try await eventually("all changes are applied") { try await host.run("diff").exitCode == 0 }
            for (index, name) in names.enumerated() where ![2, 7].contains(index) {
                #expect(try await host.runningInstance(name, number: 1) == before[index])
            }
        }
    }

    @Test("A set starts only once all its manifests are valid (MF-3)")
    func invalidFromTheStart() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try host.writeManifest("bad.yaml", "kind: Service\nname: web\nactions: [{name: x, exec: [\"true\"]}]\n")
            _ = try host.startReconciler()
            _ = try await host.waitForEvent("error", "`core/web` is declared twice")
            let result = try await host.run("validate")
            let output = result.output + result.errorOutput
            #expect(output.contains("bad.yaml") && output.contains("web.yaml"), "both files are named: \(output)")
            #expect(host.instances("web").isEmpty)
            unlink("\(host.servicesDirectory)/bad.yaml")
            _ = try await host.runningInstance("web", number: 1)
        }
    }
}

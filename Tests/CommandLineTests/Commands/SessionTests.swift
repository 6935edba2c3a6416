import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

/// Complete sessions with real services.
@Suite("Sessions")
struct SessionTests {
    private static let twoServices = [
        "base.yaml": Sandbox.service("base", script: "echo hello; exec sleep 1000"),
        "web.yaml": Sandbox.service("web", "requires: [base]"),
    ]

    @Test("A session from apply through a change to down works")
    func fullSession() async throws {
        try await Sandbox.with(Self.twoServices) { sandbox in
            let applied = try await sandbox.run("apply")
            #expect(applied.exitCode == 0, "\(applied.errorOutput)")
            #expect(applied.errorOutput.contains("started a reconciler in the background"))
            #expect(applied.output.contains("Revision 1 is applied"))
            #expect(try await sandbox.run("status").exitCode == 0)
            let same = try await sandbox.run("diff")
            #expect(same.exitCode == 0)
            #expect(same.output.hasPrefix("Nothing to do"))
            try await eventually("the log exists") { try await sandbox.run("logs", "base").output == "hello\n" }

            // A comment and a default value are no change.
            try sandbox.writeManifest(
                "web.yaml",
                "# a comment\n" + Sandbox.service("web", "requires: [base]\nstatus: start")
            )
            #expect(try await sandbox.run("diff").exitCode == 0)

            let again = Sandbox.service("base", "generation: 1", script: "echo again; exec sleep 1000")
            try sandbox.writeManifest("base.yaml", again)
            let differs = try await sandbox.run("diff", "-o", "json")
            #expect(differs.exitCode == 1)
            let waves = differs.json["stop_waves"] as? [[String]]
            #expect(waves == [["core/web"], ["core/base"]])
            let changed = try await sandbox.run("apply", "-o", "json")
            #expect(changed.exitCode == 0)
            #expect(changed.json["converged"] as? Bool == true)
            #expect(changed.json["revision"] as? Int == 2)
            let services = changed.json["services"] as? [[String: Any]] ?? []
            let base = services.first { $0["name"] as? String == "base" }
            #expect(base?["stopped_dependents"] as? [String] == ["core/web"])
            #expect(try await sandbox.run("diff").exitCode == 0)

            let downed = try await sandbox.run("down")
            #expect(downed.exitCode == 0)
            #expect(try await sandbox.run("status").exitCode == 0)
            #expect(ReconcilerLock.holder(sandbox.paths) == nil)
            // A down does not change the manifests, which still declare all services.
            #expect(try await sandbox.run("diff").exitCode == 1)
            let history = try await sandbox.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.map { $0["revision"] as? Int } == [3, 2, 1])
        }
    }

    @Test("OB-2: Status does not show a dead process as running; apply restarts it")
    func showsDeadProcess() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            let before = try #require(try await sandbox.firstAction("web"))
            try await sandbox.killReconciler()
            #expect(kill(before.pid, 0) == 0, "a service continues without its reconciler")
            #expect(kill(before.pid, SIGKILL) == 0)
            try await eventually("the process is gone") { kill(before.pid, 0) != 0 }

            let listing = try sandbox.stateListing()
            let seen = try await sandbox.run("status")
            #expect(seen.exitCode == 1)
            #expect(seen.output.contains("ended with signal KILL, and no reconciler has handled it yet"))
            #expect(seen.output.contains("no reconciler is running"))
            let diff = try await sandbox.run("diff")
            #expect(diff.output.contains("process \(before.pid) is gone"))
            let later = try sandbox.stateListing()
            #expect(later == listing, "reading changes nothing: \(Set(later).symmetricDifference(listing).sorted())")

            #expect(try await sandbox.run("apply").exitCode == 0)
            try await eventually("the service is restarted") {
                try await sandbox.firstAction("web").map { $0.restarts == 1 } ?? false
            }
            let after = try #require(try await sandbox.firstAction("web"))
            #expect(after.job == before.job)
            #expect(after.pid != before.pid)
        }
    }

    @Test("A second reconciler exits with 2 and names the first")
    func secondReconcilerExits() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            let first = try sandbox.start(["reconcile", "--watch"])
            try await eventually("web runs") { try await sandbox.firstAction("web") != nil }
            for arguments in [["reconcile"], ["reconcile", "--watch"]] {
                let second = try sandbox.start(arguments)
                #expect(try await sandbox.exitCode(of: second) == 2)
                let text = sandbox.readText(second.errorPath)
                #expect(
                    text.contains("pid \(first.pid)") && text.contains("watch")
                        && text.contains(sandbox.servicesDirectory)
                )
            }
            let elsewhere = try await sandbox.run("apply", "--dir", "run")
            #expect(elsewhere.exitCode == 2)
            #expect(elsewhere.errorOutput.contains("syncs from \(sandbox.servicesDirectory)"))

            // The first reconciler applies changes of the directory.
            try sandbox.writeManifest("more.yaml", Sandbox.service("more"))
            try await eventually("more runs") { try await sandbox.firstAction("more") != nil }
            let pid = try #require(try await sandbox.firstAction("web")).pid
            #expect(kill(first.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: first) == 0)
            #expect(kill(pid, 0) == 0)
            #expect(sandbox.readText(first.errorPath).contains(" info core/web: starting"))
        }
    }

    @Test("A reconciler with --down-on-exit stops all services on SIGINT")
    func downOnExitStopsAll() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            let watch = try sandbox.start(["reconcile", "--watch", "--down-on-exit"])
            try await eventually("web runs") { try await sandbox.firstAction("web") != nil }
            let pid = try #require(try await sandbox.firstAction("web")).pid
            #expect(kill(watch.pid, SIGINT) == 0)
            #expect(try await sandbox.exitCode(of: watch) == 0)
            #expect(kill(pid, 0) != 0)
        }
    }

    @Test("A single reconcile pass converges, or exits with 1 and names failed services")
    func singlePassConverges() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            #expect(try await sandbox.run("reconcile").exitCode == 0)
            #expect(ReconcilerLock.holder(sandbox.paths) == nil)
            // The service runs, but no reconciler supervises it.
            let status = try await sandbox.run("status")
            #expect(status.exitCode == 1 && status.output.contains("Unsupervised: no reconciler is running"))
            try sandbox.writeManifest(
                "bad.yaml",
                """
                kind: Service
                name: bad
                actions: [{name: run, exec: [/nonexistent/program], restart: never}]
                """
            )
            let failed = try await sandbox.run("reconcile")
            #expect(failed.exitCode == 1)
            #expect(failed.output.contains("core/bad failed") && failed.output.contains("/nonexistent/program"))
            #expect(try await sandbox.run("status").exitCode == 1)
        }
    }

    @Test("A blocked service is no difference for diff and apply, but for status")
    func blockedIsNoDifference() async throws {
        let manifests = [
            "base.yaml": Sandbox.service("base", "status: stop"),
            "web.yaml": Sandbox.service("web", "requires: [base]"),
        ]
        try await Sandbox.with(manifests) { sandbox in
            let applied = try await sandbox.run("apply")
            #expect(applied.exitCode == 0)
            #expect(applied.output.contains("waits for core/base"))
            #expect(try await sandbox.run("diff").exitCode == 0)
            #expect(try await sandbox.run("status").exitCode == 1)
        }
    }

    @Test("An apply that times out names the unfinished service and exits with 1")
    func timeoutNamesServices() async throws {
        let slow = "kind: Service\nname: slow\nactions: [{name: run, exec: [sleep, '1000']}]\n"
        try await Sandbox.with(["slow.yaml": slow]) { sandbox in
            let waited = try await sandbox.run("apply", "--timeout", "300ms")
            #expect(waited.exitCode == 1)
            // The progress until the timeout depends on the machine.
            let isNamed = ["core/slow is still starting", "core/slow has not started yet"].contains {
                waited.output.contains($0)
            }
            #expect(isNamed, "\(waited.output)")
            #expect(try await sandbox.run("apply", "--no-wait").exitCode == 0)
        }
    }

    @Test("An apply exits with 1 after Ctrl-C or the death of the reconciler")
    func interruptedApplyContinues() async throws {
        let slow = "kind: Service\nname: slow\nactions: [{name: run, exec: [sleep, '1000']}]\n"
        try await Sandbox.with(["slow.yaml": slow]) { sandbox in
            let first = try sandbox.start(["apply"])
            try await eventually("apply waits") { sandbox.readText(first.errorPath).contains("core/slow: starting") }
            #expect(kill(first.pid, SIGINT) == 0)
            #expect(try await sandbox.exitCode(of: first) == 1)
            #expect(sandbox.readText(first.errorPath).contains("the reconciler continues"))
            let holder = try #require(ReconcilerLock.holder(sandbox.paths))

            try sandbox.writeManifest("slow.yaml", slow.replacing("1000", with: "1001"))
            let second = try sandbox.start(["apply"])
            try await eventually("apply waits again") {
                sandbox.readText(second.errorPath).contains("core/slow: starting")
            }
            try await eventually("the service is running") { try await sandbox.firstAction("slow") != nil }
            let job = try #require(try await sandbox.firstAction("slow"))
            #expect(kill(holder.pid, SIGKILL) == 0)
            #expect(try await sandbox.exitCode(of: second) == 1)
            #expect(sandbox.readText(second.outputPath).contains("the reconciler exited before all changes were made"))
            #expect(kill(job.pid, 0) == 0)
        }
    }
}

import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

/// Real services, real processes.
@Suite("A session")
struct SessionTests {
    private static let two = [
        "base.yaml": Sandbox.service("base", script: "echo hello; exec sleep 1000"),
        "web.yaml": Sandbox.service("web", "requires: [base]"),
    ]

    @Test("apply, status, an empty diff, logs, a change, down: a session from end to end")
    func happyPath() async throws {
        try await Sandbox.with(Self.two) { sandbox in
            let applied = try await sandbox.run("apply")
            #expect(applied.code == 0, "\(applied.err)")
            #expect(applied.err.contains("started a reconciler in the background"))
            #expect(applied.out.contains("Revision 1 is applied"))
            #expect(try await sandbox.run("status").code == 0)
            let same = try await sandbox.run("diff")
            #expect(same.code == 0)
            #expect(same.out.hasPrefix("Nothing to do"))
            try await eventually("the log is there") { try await sandbox.run("logs", "base").out == "hello\n" }

            // What is no change, is none.
            try sandbox.write("web.yaml", "# a comment\n" + Sandbox.service("web", "requires: [base]\nstatus: start"))
            #expect(try await sandbox.run("diff").code == 0)

            let again = Sandbox.service("base", "generation: 1", script: "echo again; exec sleep 1000")
            try sandbox.write("base.yaml", again)
            let differs = try await sandbox.run("diff", "-o", "json")
            #expect(differs.code == 1)
            let waves = differs.json["stop_waves"] as? [[String]]
            #expect(waves == [["core/web"], ["core/base"]])
            let changed = try await sandbox.run("apply", "-o", "json")
            #expect(changed.code == 0)
            #expect(changed.json["converged"] as? Bool == true)
            #expect(changed.json["revision"] as? Int == 2)
            let services = changed.json["services"] as? [[String: Any]] ?? []
            let base = services.first { $0["name"] as? String == "base" }
            #expect(base?["stopped_dependents"] as? [String] == ["core/web"])
            #expect(try await sandbox.run("diff").code == 0)

            let downed = try await sandbox.run("down")
            #expect(downed.code == 0)
            #expect(try await sandbox.run("status").code == 0)
            #expect(ReconcilerLock.holder(sandbox.paths) == nil)
            // A down is no change of the files: they still want all of it up.
            #expect(try await sandbox.run("diff").code == 1)
            let history = try await sandbox.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.map { $0["revision"] as? Int } == [3, 2, 1])
        }
    }

    @Test("OB-2: a process that died unseen is not shown as running; the next apply heals it in the same job")
    func goneUnseen() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            #expect(try await sandbox.run("apply").code == 0)
            let before = try #require(try await sandbox.action("web"))
            try await sandbox.killReconciler()
            #expect(kill(before.pid, 0) == 0, "a service outlives its reconciler")
            #expect(kill(before.pid, SIGKILL) == 0)
            try await eventually("the process is gone") { kill(before.pid, 0) != 0 }

            let listing = try sandbox.stateListing()
            let seen = try await sandbox.run("status")
            #expect(seen.code == 1)
            #expect(seen.out.contains("process \(before.pid) is gone"))
            #expect(seen.out.contains("no reconciler lives"))
            let diff = try await sandbox.run("diff")
            #expect(diff.out.contains("process \(before.pid) is gone"))
            let later = try sandbox.stateListing()
            #expect(later == listing, "looking changes nothing: \(Set(later).symmetricDifference(listing).sorted())")

            #expect(try await sandbox.run("apply").code == 0)
            try await eventually("it is healed") { try await sandbox.action("web").map { $0.restarts == 1 } ?? false }
            let after = try #require(try await sandbox.action("web"))
            #expect(after.job == before.job)
            #expect(after.pid != before.pid)
        }
    }

    @Test("a second reconciler leaves at once with 2 and names the first; no service leaves with the first")
    func onlyOne() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            let first = try sandbox.start(["reconcile", "--watch"])
            try await eventually("web runs") { try await sandbox.action("web") != nil }
            for arguments in [["reconcile"], ["reconcile", "--watch"]] {
                let second = try sandbox.start(arguments)
                #expect(try await sandbox.code(of: second) == 2)
                let text = sandbox.text(second.err)
                #expect(text.contains("pid \(first.pid)") && text.contains("watch") && text.contains(sandbox.services))
            }
            let elsewhere = try await sandbox.run("apply", "--dir", "run")
            #expect(elsewhere.code == 2)
            #expect(elsewhere.err.contains("syncs from \(sandbox.services)"))

            // It applies by itself what changes.
            try sandbox.write("more.yaml", Sandbox.service("more"))
            try await eventually("more runs") { try await sandbox.action("more") != nil }
            let pid = try #require(try await sandbox.action("web")).pid
            #expect(kill(first.pid, SIGTERM) == 0)
            #expect(try await sandbox.code(of: first) == 0)
            #expect(kill(pid, 0) == 0)
            #expect(sandbox.text(first.err).contains(" info core/web: starting"))
        }
    }

    @Test("--down-on-exit takes everything along")
    func downOnExit() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            let watch = try sandbox.start(["reconcile", "--watch", "--down-on-exit"])
            try await eventually("web runs") { try await sandbox.action("web") != nil }
            let pid = try #require(try await sandbox.action("web")).pid
            #expect(kill(watch.pid, SIGINT) == 0)
            #expect(try await sandbox.code(of: watch) == 0)
            #expect(kill(pid, 0) != 0)
        }
    }

    @Test("a pass without a reconciler converges and leaves; what it cannot bring up is 1 and said")
    func onePass() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            #expect(try await sandbox.run("reconcile").code == 0)
            #expect(ReconcilerLock.holder(sandbox.paths) == nil)
            #expect(try await sandbox.run("status").code == 0)
            try sandbox.write(
                "bad.yaml",
                """
                kind: Service
                name: bad
                actions: [{name: run, exec: [/nonexistent/program], restart: never}]
                """
            )
            let failed = try await sandbox.run("reconcile")
            #expect(failed.code == 1)
            #expect(failed.out.contains("core/bad failed") && failed.out.contains("/nonexistent/program"))
            #expect(try await sandbox.run("status").code == 1)
        }
    }

    @Test("blocked is no difference: apply and diff leave with 0, status with 1")
    func blocked() async throws {
        let manifests = [
            "base.yaml": Sandbox.service("base", "status: stop"),
            "web.yaml": Sandbox.service("web", "requires: [base]"),
        ]
        try await Sandbox.with(manifests) { sandbox in
            let applied = try await sandbox.run("apply")
            #expect(applied.code == 0)
            #expect(applied.out.contains("waits for core/base"))
            #expect(try await sandbox.run("diff").code == 0)
            #expect(try await sandbox.run("status").code == 1)
        }
    }

    @Test("an apply that takes too long says what is not there yet and leaves with 1; --no-wait leaves with 0")
    func timeout() async throws {
        let slow = "kind: Service\nname: slow\nactions: [{name: run, exec: [sleep, '1000']}]\n"
        try await Sandbox.with(["slow.yaml": slow]) { sandbox in
            let waited = try await sandbox.run("apply", "--timeout", "300ms")
            #expect(waited.code == 1)
            // How far it came in that time is the machine's affair.
            let isNamed = ["core/slow is still starting", "core/slow is not up yet"].contains {
                waited.out.contains($0)
            }
            #expect(isNamed, "\(waited.out)")
            #expect(try await sandbox.run("apply", "--no-wait").code == 0)
        }
    }

    @Test("who waits can leave, and who is waited for can die: both are said, both are 1, and the service goes on")
    func interrupted() async throws {
        let slow = "kind: Service\nname: slow\nactions: [{name: run, exec: [sleep, '1000']}]\n"
        try await Sandbox.with(["slow.yaml": slow]) { sandbox in
            let first = try sandbox.start(["apply"])
            try await eventually("it waits") { sandbox.text(first.err).contains("core/slow: starting") }
            #expect(kill(first.pid, SIGINT) == 0)
            #expect(try await sandbox.code(of: first) == 1)
            #expect(sandbox.text(first.err).contains("the reconciler goes on"))
            let holder = try #require(ReconcilerLock.holder(sandbox.paths))

            try sandbox.write("slow.yaml", slow.replacing("1000", with: "1001"))
            let second = try sandbox.start(["apply"])
            try await eventually("it waits again") { sandbox.text(second.err).contains("core/slow: starting") }
            try await eventually("it runs") { try await sandbox.action("slow") != nil }
            let job = try #require(try await sandbox.action("slow"))
            #expect(kill(holder.pid, SIGKILL) == 0)
            #expect(try await sandbox.code(of: second) == 1)
            #expect(sandbox.text(second.out).contains("the reconciler ended before all was done"))
            #expect(kill(job.pid, 0) == 0)
        }
    }
}

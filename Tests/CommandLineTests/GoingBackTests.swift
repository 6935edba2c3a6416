import Foundation
import HeroLinux
import Testing

/// Revisions: shown, compared with, and gone back to.
@Suite("Going back")
struct GoingBackTests {
    private static func web(_ port: Int) -> String { Sandbox.service("web", "env: {PORT: \(port)}") }

    @Test("apply --dry-run is diff: the same words, the same codes, and nothing is made or changed")
    func dryRun() async throws {
        try await Sandbox.with(["web.yaml": Self.web(1)]) { sandbox in
            for round in 0..<2 {
                for format in ["text", "json", "markdown", "github"] {
                    let diff = try await sandbox.run("diff", "-o", format)
                    let before = round == 0 ? [] : try sandbox.stateListing()
                    let dry = try await sandbox.run("apply", "--dry-run", "-o", format)
                    #expect(dry.out == diff.out && dry.err == diff.err && dry.code == diff.code, "\(format)")
                    #expect(dry.code == 1)
                    if round == 0 { #expect(!sandbox.hasState) } else { #expect(try sandbox.stateListing() == before) }
                }
                guard round == 0 else { continue }
                #expect(try await sandbox.run("reconcile").code == 0)
                try sandbox.write("web.yaml", Self.web(2))
            }
            #expect(ReconcilerLock.holder(sandbox.paths) == nil)
        }
    }

    @Test("history tells each revision: when, who, where, which commit, what; --limit counts")
    func history() async throws {
        try await Sandbox.with(["web.yaml": Self.web(1)]) { sandbox in
            try await sandbox.makeRepository()
            #expect(try await sandbox.run("apply").code == 0)
            #expect(try await sandbox.run("down").code == 0)
            let commit = try await sandbox.shell("git rev-parse HEAD").out.prefix(40)
            let all = try await sandbox.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
            #expect(all.map { $0["revision"] as? Int } == [2, 1])
            #expect(all.last?["git_commit"] as? String == String(commit))
            #expect(all.last?["dir"] as? String == sandbox.services)
            #expect(all.last?["summary"] as? String == "1 service declared")
            #expect((all.last?["actor"] as? String)?.isEmpty == false)
            #expect((all.last?["time"] as? String)?.hasSuffix("Z") == true)
            let text = try await sandbox.run("history", "--limit", "1").out
            #expect(text.contains(commit.prefix(12)) && text.contains(" down\n"))
            #expect(text.split(separator: "\n").count == 2)
        }
    }

    @Test("going back is a plan first, then a new revision; the files stay, and the next apply leads to them again")
    func back() async throws {
        try await Sandbox.with(["web.yaml": Self.web(1)]) { sandbox in
            #expect(try await sandbox.run("apply").code == 0)
            try sandbox.write("web.yaml", Self.web(2))
            #expect(try await sandbox.run("apply").code == 0)
            #expect(try await sandbox.run("diff", "--against", "revision:2").code == 0)
            let since = try await sandbox.run("diff", "--against", "revision:1")
            #expect(since.code == 1)
            #expect(since.out.contains("\"1\" -> \"2\""))
            let plan = try await sandbox.run("diff", "--revision", "1")
            #expect(plan.code == 1)
            #expect(plan.out.contains("\"2\" -> \"1\""))

            let back = try await sandbox.run("apply", "--revision", "1")
            #expect(back.code == 0, "\(back.err)")
            #expect(back.out.contains("Revision 3 is applied"))
            #expect(
                back.err.contains("\"2\" -> \"1\"")
                    && back.err.contains("the files in \(sandbox.services) stay as they are")
            )
            #expect(try await sandbox.run("history", "-n", "1").out.contains("back to revision 1"))
            #expect(try await sandbox.run("diff", "--revision", "1").code == 0)
            #expect(sandbox.text(sandbox.services + "/web.yaml") == Self.web(2))
            #expect(try await sandbox.run("diff").code == 1)

            #expect(try await sandbox.run("down").code == 0)
            let down = try await sandbox.run("apply", "--revision", "4")
            #expect(down.code == 2)
            #expect(down.err.contains("it was a `down`") && down.err.contains("revision 3"))
            let unknown = try await sandbox.run("diff", "--against", "revision:9")
            #expect(unknown.code == 2)
            #expect(unknown.err.contains("cannot compare with revision 9: there is none; the last one is 4"))
            #expect(try await sandbox.run("apply", "--revision", "2").code == 0)
        }
    }

    @Test("a reconciler that syncs refuses to go back, and says both ways out")
    func syncing() async throws {
        try await Sandbox.with(["web.yaml": Self.web(1)]) { sandbox in
            #expect(try await sandbox.run("reconcile").code == 0)
            try sandbox.write("web.yaml", Self.web(2))
            let watch = try sandbox.start(["reconcile", "--watch"])
            try await eventually("it has synced") { try await sandbox.run("diff").code == 0 }
            let back = try await sandbox.run("apply", "--revision", "1")
            #expect(back.code == 2)
            #expect(
                back.err.contains("cannot go back to revision 1: the live reconciler syncs from \(sandbox.services)")
            )
            #expect(back.err.contains("put the files back, or end the reconciler"))
            #expect(try await sandbox.run("diff").code == 0)
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await sandbox.code(of: watch) == 0)
            #expect(try await sandbox.run("apply", "--revision", "1").code == 0)
        }
    }
}

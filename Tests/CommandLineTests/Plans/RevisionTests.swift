import Foundation
import HeroLinux
import Testing

/// Showing revisions, comparing with them, and going back to them.
@Suite("Revisions")
struct RevisionTests {
    private static func webManifest(_ port: Int) -> String { Sandbox.service("web", "env: {PORT: \(port)}") }

    @Test("Apply --dry-run prints and exits as diff does, and changes nothing")
    func dryRunEqualsDiff() async throws {
        try await Sandbox.with(["web.yaml": Self.webManifest(1)]) { sandbox in
            for round in 0..<2 {
                for format in ["text", "json", "markdown", "github"] {
                    let diff = try await sandbox.run("diff", "-o", format)
                    let before = round == 0 ? [] : try sandbox.stateListing()
                    let dry = try await sandbox.run("apply", "--dry-run", "-o", format)
                    #expect(
                        dry.output == diff.output && dry.errorOutput == diff.errorOutput
                            && dry.exitCode == diff.exitCode,
                        "\(format)"
                    )
                    #expect(dry.exitCode == 1)
                    if round == 0 { #expect(!sandbox.hasState) } else { #expect(try sandbox.stateListing() == before) }
                }
                guard round == 0 else { continue }
                #expect(try await sandbox.run("reconcile").exitCode == 0)
                try sandbox.writeManifest("web.yaml", Self.webManifest(2))
            }
            #expect(ReconcilerLock.holder(sandbox.paths) == nil)
        }
    }

    @Test("History shows time, actor, directory, commit and summary of each revision")
    func historyShowsRevisions() async throws {
        try await Sandbox.with(["web.yaml": Self.webManifest(1)]) { sandbox in
            try await sandbox.makeRepository()
            #expect(try await sandbox.run("apply").exitCode == 0)
            #expect(try await sandbox.run("down").exitCode == 0)
            let commit = try await sandbox.shell("git rev-parse HEAD").output.prefix(40)
            let all = try await sandbox.run("history", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
            #expect(all.map { $0["revision"] as? Int } == [2, 1])
            #expect(all.last?["git_commit"] as? String == String(commit))
            #expect(all.last?["dir"] as? String == sandbox.servicesDirectory)
            #expect(all.last?["summary"] as? String == "1 service declared")
            #expect((all.last?["actor"] as? String)?.isEmpty == false)
            #expect((all.last?["time"] as? String)?.hasSuffix("Z") == true)
            let text = try await sandbox.run("history", "--limit", "1").output
            #expect(text.contains(commit.prefix(12)) && text.contains(" down\n"))
            #expect(text.split(separator: "\n").count == 2)
        }
    }

    @Test("Apply --revision makes a new revision from an old one and keeps the files")
    func appliesOldRevision() async throws {
        try await Sandbox.with(["web.yaml": Self.webManifest(1)]) { sandbox in
            #expect(try await sandbox.run("apply").exitCode == 0)
            try sandbox.writeManifest("web.yaml", Self.webManifest(2))
            #expect(try await sandbox.run("apply").exitCode == 0)
            #expect(try await sandbox.run("diff", "--against", "revision:2").exitCode == 0)
            let since = try await sandbox.run("diff", "--against", "revision:1")
            #expect(since.exitCode == 1)
            #expect(since.output.contains("\"1\" -> \"2\""))
            let plan = try await sandbox.run("diff", "--revision", "1")
            #expect(plan.exitCode == 1)
            #expect(plan.output.contains("\"2\" -> \"1\""))

            let back = try await sandbox.run("apply", "--revision", "1")
            #expect(back.exitCode == 0, "\(back.errorOutput)")
            #expect(back.output.contains("Revision 3 is applied"))
            #expect(
                back.errorOutput.contains("\"2\" -> \"1\"")
                    && back.errorOutput.contains("the files in \(sandbox.servicesDirectory) do not change")
            )
            #expect(try await sandbox.run("history", "-n", "1").output.contains("back to revision 1"))
            #expect(try await sandbox.run("diff", "--revision", "1").exitCode == 0)
            #expect(sandbox.readText(sandbox.servicesDirectory + "/web.yaml") == Self.webManifest(2))
            #expect(try await sandbox.run("diff").exitCode == 1)

            #expect(try await sandbox.run("down").exitCode == 0)
            let down = try await sandbox.run("apply", "--revision", "4")
            #expect(down.exitCode == 2)
            #expect(down.errorOutput.contains("it is a `down`") && down.errorOutput.contains("with manifests is 3"))
            let unknown = try await sandbox.run("diff", "--against", "revision:9")
            #expect(unknown.exitCode == 2)
            let text = "cannot compare with revision 9: it does not exist; the last revision is 4"
            #expect(unknown.errorOutput.contains(text))
            #expect(try await sandbox.run("apply", "--revision", "2").exitCode == 0)
        }
    }

    @Test("A syncing reconciler refuses to go back and names both alternatives")
    func syncingReconcilerRefuses() async throws {
        try await Sandbox.with(["web.yaml": Self.webManifest(1)]) { sandbox in
            #expect(try await sandbox.run("reconcile").exitCode == 0)
            try sandbox.writeManifest("web.yaml", Self.webManifest(2))
            let watch = try sandbox.start(["reconcile", "--watch"])
            try await eventually("it has synced") { try await sandbox.run("diff").exitCode == 0 }
            let back = try await sandbox.run("apply", "--revision", "1")
            #expect(back.exitCode == 2)
            #expect(
                back.errorOutput.contains(
                    "cannot go back to revision 1: the running reconciler syncs from \(sandbox.servicesDirectory)"
                )
            )
            #expect(back.errorOutput.contains("restore the files, or stop the reconciler"))
            #expect(try await sandbox.run("diff").exitCode == 0)
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: watch) == 0)
            #expect(try await sandbox.run("apply", "--revision", "1").exitCode == 0)
        }
    }
}

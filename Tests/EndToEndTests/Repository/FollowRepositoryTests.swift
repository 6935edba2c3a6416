import Foundation
import Glibc
import HeroLinux
import HeroModel
import TestSupport
import Testing

/// A git repository that a test host follows.
private struct FollowedTestRepository {
    let host: TestHost
    var path: String { host.root + "/repository" }
    var url: String { "file://" + path }

    init(_ host: TestHost) throws {
        self.host = host
        mkdir(path, 0o755)
        mkdir(path + "/services.d", 0o755)
        try run("git init -q -b main && printf 'kind: Settings\\nsettle: 0s\\n' > services.d/settings.yaml")
    }

    func run(_ command: String) throws {
        let identity =
            "export GIT_CONFIG_NOSYSTEM=1 HOME=\(host.root) GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=a@b.c "
            + "GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=a@b.c"
        try #require(runShell("cd \(path) && \(identity) && \(command)") == 0, "\(command)")
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(path)/services.d/\(name)", atomically: true, encoding: .utf8)
    }

    func commit(_ subject: String) throws { try run("git add -A && git commit -q --allow-empty -m '\(subject)'") }

    func follow(_ options: String...) throws -> RunningCommand {
        try host.start(["reconcile", "--watch", "--git", url, "--interval", "1h"] + options)
    }

    /// The member `git` of the status.
    func status() async throws -> [String: Any] {
        try await host.run("status", "-o", "json").json["git"] as? [String: Any] ?? [:]
    }

    /// The main process of a service; nil if it is not running.
    func pid(_ service: String) async throws -> Int? {
        let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        let found = services.first { $0["name"] as? String == service && $0["state"] as? String == "running" }
        return (found?["actions"] as? [[String: Any]])?.first?["pid"] as? Int
    }

    func isRunning(_ service: String) async throws -> Bool { try await pid(service) != nil }

    /// Waits for the end of the first fetch.
    func awaitFetch() async throws {
        try await eventually("a fetch has ended") {
            let status = try await self.status()
            return status["fetched_at"] is String || status["error"] is String
        }
    }

    func stop(_ reconciler: RunningCommand) async throws {
        try #require(kill(reconciler.pid, SIGTERM) == 0)
        // A reconciler that has just started may not handle the signal yet.
        #expect([0, 128 + SIGTERM].contains(try await host.exitCode(of: reconciler)))
    }
}

@Suite("Following a git repository")
struct FollowRepositoryTests {
    @Test("A pushed commit is applied by sync, and its origin is shown and recorded")
    func appliesCommits() async throws {
        try await TestHost.with { host in
            let repository = try FollowedTestRepository(host)
            try repository.write("web.yaml", host.manifest("web", ["cwd: app"], [.process()]))
            mkdir(repository.path + "/services.d/app", 0o755)
            try "x".write(toFile: repository.path + "/services.d/app/x", atomically: true, encoding: .utf8)
            try repository.commit("first")
            let reconciler = try repository.follow()
            try await eventually("web runs") { try await repository.isRunning("web") }
            let pid = try await repository.pid("web")
            let first = try #require(try await repository.status()["commit"] as? String)

            // A new commit alone changes nothing, although its files are in another directory.
            try repository.commit("nothing")
            #expect(try await host.run("sync").exitCode == 0)
            #expect(try await repository.pid("web") == pid)
            let status = try await repository.status()
            #expect(status["commit"] as? String != first && status["subject"] as? String == "nothing")
            #expect(status["author"] as? String == "Ann <a@b.c>" && status["behind"] as? Int == 0)

            try repository.write("more.yaml", host.manifest("more", [], [.process()]))
            try repository.commit("more")
            let synced = try await host.run("sync", "-o", "json")
            #expect(synced.exitCode == 0 && synced.json["converged"] as? Bool == true, "\(synced)")
            #expect(try await repository.isRunning("more"))
            #expect(try await repository.pid("web") == pid)
            let revisions = try await host.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            let git = revisions?.first?["git"] as? [String: Any]
            #expect(git?["repository"] as? String == repository.url && git?["subject"] as? String == "more")

            let refused = try await host.run("apply")
            #expect(refused.exitCode == 2 && refused.errorOutput.contains("heroproc sync"), "\(refused)")
            let same = try await host.run(["diff"], environment: ["HEROPROC_DIR": ""])
            #expect(same.exitCode == 0, "\(same)")
            // The running program still uses the files of the first commit, so they stay.
            #expect(access("\(host.stateDirectory)/git/checkouts/\(first)/services.d/app/x", F_OK) == 0)
            try await repository.stop(reconciler)
        }
    }

    @Test("A commit that is not valid or goes back is refused, also after a restart")
    func refusesCommits() async throws {
        try await TestHost.with { host in
            let repository = try FollowedTestRepository(host)
            try repository.write("web.yaml", host.manifest("web", [], [.process()]))
            try repository.commit("first")
            var reconciler = try repository.follow()
            try await eventually("web runs") { try await repository.isRunning("web") }
            let pid = try await repository.pid("web")
            try repository.write("bad.yaml", "kind: Service\nname: bad\nexcec: x\n")
            try repository.commit("bad")
            let refused = try await host.run("sync")
            #expect(refused.exitCode == 2 && refused.errorOutput.contains("bad.yaml"), "\(refused)")
            let status = try await host.run("status")
            #expect(status.exitCode == 1 && status.output.contains("refused "), "\(status)")
            try repository.write("bad.yaml", "")
            try repository.commit("good")
            #expect(try await host.run("sync").exitCode == 0)
            #expect(try await host.run("status").exitCode == 0)

            try repository.run("git reset -q --hard HEAD~2")
            let rewound = try await host.run("sync")
            #expect(rewound.exitCode == 2 && rewound.errorOutput.contains("--allow-rewind"), "\(rewound)")
            try await repository.stop(reconciler)
            reconciler = try repository.follow()
            try await eventually("the rewind is refused again") {
                let refused = try await repository.status()["refused"] as? [String: Any]
                return (refused?["reason"] as? String)?.contains("--allow-rewind") ?? false
            }
            try await repository.stop(reconciler)
            reconciler = try repository.follow("--allow-rewind")
            try await eventually("the rewind is applied") {
                try await repository.status()["subject"] as? String == "first"
            }
            #expect(try await repository.pid("web") == pid)
            try await repository.stop(reconciler)
        }
    }

    @Test("A repository that cannot be reached keeps the reconciler and its services")
    func survivesOutage() async throws {
        try await TestHost.with { host in
            let repository = try FollowedTestRepository(host)
            try repository.write("web.yaml", host.manifest("web", [], [.process()]))
            try repository.commit("first")
            try FileManager.default.moveItem(atPath: repository.path, toPath: repository.path + ".away")
            let reconciler = try repository.follow()
            try await repository.awaitFetch()
            #expect(try await repository.status()["error"] is String)
            let failed = try await host.run("sync")
            #expect(failed.exitCode == 1 && failed.output.contains("cannot fetch"), "\(failed)")
            try FileManager.default.moveItem(atPath: repository.path + ".away", toPath: repository.path)
            #expect(try await host.run("sync").exitCode == 0)
            #expect(try await repository.isRunning("web"))
            try await repository.stop(reconciler)
        }
    }

    @Test("After a down a commit is shown, and only sync --resume applies it")
    func pausesAfterDown() async throws {
        try await TestHost.with { host in
            let repository = try FollowedTestRepository(host)
            try repository.write("web.yaml", host.manifest("web", [], [.process()]))
            try repository.commit("first")
            let reconciler = try repository.follow()
            try await eventually("web runs") { try await repository.isRunning("web") }
            #expect(try await host.run("down").exitCode == 0)
            try repository.commit("second")
            let paused = try await host.run("sync")
            #expect(paused.exitCode == 2 && paused.errorOutput.contains("--resume"), "\(paused)")
            #expect(try await repository.status()["behind"] as? Int == 1)
            #expect(try await !repository.isRunning("web"))
            #expect(try await host.run("sync", "--resume").exitCode == 0)
            #expect(try await repository.isRunning("web"))
            try await repository.stop(reconciler)
        }
    }

    @Test("A socket in the files of the commit is refused with its place")
    func refusesRelativeSocket() async throws {
        try await TestHost.with { host in
            let repository = try FollowedTestRepository(host)
            try repository.write("web.yaml", host.manifest("web", [], [.process("sleep -1", "sockets: [web.sock]")]))
            try repository.commit("first")
            let reconciler = try repository.follow()
            try await repository.awaitFetch()
            let refused = try await host.run("sync")
            #expect(refused.exitCode == 2 && refused.errorOutput.contains("path-in-checkout"), "\(refused)")
            try await repository.stop(reconciler)
        }
    }

    @Test("An address or a path that is not allowed exits with 2")
    func checksOptions() async throws {
        try await TestHost.with { host in
            for arguments in [
                ["--git", "ext::sh -c id"], ["--git", "http://127.0.0.1/x"], ["--git=--upload-pack=id"],
                ["--git", "/srv/x", "--path", "../x"], ["--git", "/srv/x", "--ref=-x"],
            ] {
                let result = try await host.run(["reconcile", "--watch"] + arguments)
                #expect(result.exitCode == 2, "\(arguments) \(result)")
            }
            #expect(try await host.run("sync").exitCode == 2)
            #expect(try await host.run("reconcile", "--watch", "--verify", "x").exitCode == 64)
        }
    }

    @Test(
        "A reconciler killed while it follows converges when it starts again",
        arguments: ["state/git/gitconfig", "state/git/mirror/HEAD", "state/git/checkouts", "state/repository"]
    )
    func survivesKills(_ file: String) async throws {
        try await TestHost.with { host in
            let repository = try FollowedTestRepository(host)
            try repository.write("web.yaml", host.manifest("web", [], [.process()]))
            try repository.commit("first")
            var reconciler = try repository.follow()
            // Each file shows another step of the fetch.
            try await eventually("\(file) exists") { access("\(host.root)/\(file)", F_OK) == 0 }
            try #require(kill(reconciler.pid, SIGKILL) == 0)
            _ = try await host.exitCode(of: reconciler)
            reconciler = try repository.follow()
            try await eventually("web runs") { try await repository.isRunning("web") }
            try await repository.stop(reconciler)
        }
    }
}

import Foundation
import Testing

private let isRoot = geteuid() == 0

/// As whom services run, and what they may (contract section 3; reliability.md SP, OM).
@Suite("Accounts", .serialized)
struct AccountTests {
    /// A service of one script that runs once.
    private func declare(_ world: TestHost, _ keys: String..., script: String) throws {
        let lines = ["kind: Service", "name: web", "actions:", "  - name: once", "    script: \(script)"]
        try world.writeManifest("web.yaml", (lines + keys.map { "    \($0)" }).joined(separator: "\n") + "\n")
    }

    /// Why the only job is where it is.
    private func startError(_ world: TestHost) async throws -> String? {
        let jobs = try await world.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
        return jobs?.first?["error"] as? String
    }

    @Test("SP-1, SP-3, SP-5: a service runs as its user in everything it has", .enabled(if: isRoot, "needs root"))
    func runsAsDeclaredUser() async throws {
        try await TestHost.with { world in
            try declare(
                world,
                "user: nobody",
                "umask: \"027\"",
                "limits: {nofile: 321, core: 1KiB, memory: 1GiB}",
                "oom_score_adj: 500",
                "cwd: /usr",
                "env: {LOGNAME: somebody}",
                script: """
                    |
                          echo "$(id -u) $(id -un) $USER $LOGNAME $HOME $PWD"
                          echo "$(umask) $(ulimit -n) $(ulimit -c) $(ulimit -v) $(cat /proc/self/oom_score_adj)"
                          grep NoNewPrivs /proc/self/status >/dev/stdout
                    """
            )
            try await world.apply()
            let lines = try await world.run("logs", "web").output.split(separator: "\n")
            let home = try #require(FileManager.default.homeDirectory(forUser: "nobody")?.path)
            #expect(
                lines == [
                    "65534 nobody nobody somebody \(home) /usr", "0027 321 2 1048576 500", "NoNewPrivs:\t1",
                ]
            )
        }
    }

    @Test("a user that is oneself changes nothing")
    func sameUserChangesNothing() async throws {
        try await TestHost.with { world in
            try declare(world, "user: \"\(geteuid())\"", script: "id -u")
            try await world.apply()
            #expect(try await world.run("logs", "web").output == "\(geteuid())\n")
        }
    }

    @Test("SP-4: a user that is not there is a start that fails and names it")
    func unknownUserFailsTheStart() async throws {
        try await TestHost.with { world in
            try declare(world, "user: nosuchuser", script: "id -u")
            #expect(try await world.run("apply").exitCode == 1)
            #expect(try await startError(world)?.contains("cannot change to user `nosuchuser`: no such user") == true)
        }
    }

    @Test("SP-1: an ordinary user cannot start anything as another one", .enabled(if: !isRoot, "root can"))
    func ordinaryUserCannotSwitch() async throws {
        try await TestHost.with { world in
            try declare(world, "user: root", script: "id -u")
            #expect(try await world.run("apply").exitCode == 1)
            let words = "cannot change to user `root`: Operation not permitted; only root may do that"
            #expect(try await startError(world)?.contains(words) == true)
            #expect(try await world.run("logs", "web").output.isEmpty)
        }
    }

    @Test("OM-1: a program that is killed is reported as killed, not as ended")
    func killedProgramIsReportedAsKilled() async throws {
        try await TestHost.with { world in
            try declare(world, script: "kill -KILL $$")
            #expect(try await world.run("apply").exitCode == 1)
            let jobs = try await world.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
            #expect(jobs?.first?["signal"] as? String == "KILL")
            #expect(jobs?.first?["exit_code"] is NSNull)
        }
    }
}

import Foundation
import Testing

private let isRoot = geteuid() == 0

/// The user a service runs as, and its rights (guarantees SP, OM).
@Suite("Accounts of services", .serialized)
struct AccountTests {
    /// Declares a service with one script that runs once.
    private func declare(_ host: TestHost, _ fields: String..., script: String) throws {
        let lines = ["kind: Service", "name: web", "actions:", "  - name: once", "    script: \(script)"]
        try host.writeManifest("web.yaml", (lines + fields.map { "    \($0)" }).joined(separator: "\n") + "\n")
    }

    /// The start error of the only job.
    private func startError(_ host: TestHost) async throws -> String? {
        let jobs = try await host.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
        return jobs?.first?["error"] as? String
    }

    @Test("A service runs completely as its declared user (SP-1, SP-3, SP-5)", .enabled(if: isRoot, "needs root"))
    func runsAsDeclaredUser() async throws {
        try await TestHost.with { host in
            try declare(
                host,
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
            try await host.apply()
            let lines = try await host.run("logs", "web").output.split(separator: "\n")
            let home = try #require(FileManager.default.homeDirectory(forUser: "nobody")?.path)
            #expect(
                lines == [
                    "65534 nobody nobody somebody \(home) /usr", "0027 321 2 unlimited 500", "NoNewPrivs:\t1",
                ]
            )
        }
    }

    @Test("A service declared with the current user starts without any change")
    func sameUserChangesNothing() async throws {
        try await TestHost.with { host in
            try declare(host, "user: \"\(geteuid())\"", script: "id -u")
            try await host.apply()
            #expect(try await host.run("logs", "web").output == "\(geteuid())\n")
        }
    }

    @Test("A start as an unknown user fails and names the user (SP-4)")
    func unknownUserFailsTheStart() async throws {
        try await TestHost.with { host in
            try declare(host, "user: nosuchuser", script: "id -u")
            #expect(try await host.run("apply").exitCode == 1)
            #expect(try await startError(host)?.contains("cannot change to user `nosuchuser`: no such user") == true)
        }
    }

    @Test("An ordinary user cannot start a program as another user (SP-1)", .enabled(if: !isRoot, "root may do this"))
    func ordinaryUserCannotSwitch() async throws {
        try await TestHost.with { host in
            try declare(host, "user: root", script: "id -u")
            #expect(try await host.run("apply").exitCode == 1)
            let text = "cannot change to user `root`: Operation not permitted; only root may do that"
            #expect(try await startError(host)?.contains(text) == true)
            #expect(try await host.run("logs", "web").output.isEmpty)
        }
    }

    @Test("A killed program is reported with its signal, not with an exit code (OM-1)")
    func killedProgramIsReportedAsKilled() async throws {
        try await TestHost.with { host in
            try declare(host, script: "kill -KILL $$")
            #expect(try await host.run("apply").exitCode == 1)
            let jobs = try await host.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]]
            #expect(jobs?.first?["signal"] as? String == "KILL")
            #expect(jobs?.first?["exit_code"] is NSNull)
        }
    }
}

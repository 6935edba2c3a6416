import Glibc
import Testing

/// When an apply has converged.
@Suite("Convergence of an apply", .serialized)
struct ConvergenceTests {
    @Test("An apply of a program that exits at once fails after three starts", arguments: ["0s", "50ms"])
    func exitsAtOnce(delay: String) async throws {
        try await TestHost.with { host in
            let manifest = """
                kind: Service
                name: web
                actions:
                  - name: main
                    exec: [sh, -c, "echo no database; exit 3"]
                    is_process: true
                    retry: {delay: \(delay), jitter: 0}
                """
            // The default counts: the service must stay up for 1s.
            host.removeManifest("settings")
            try host.writeManifest("web.yaml", manifest)
            let result = try await host.run("apply", "--timeout", "50s")
            #expect(result.exitCode == 1)
            #expect(result.output.contains("core/web has failed 3 times in a row: exit code 3"), "\(result.output)")
            #expect(result.output.contains("its last output line is `no database`"), "\(result.output)")
            #expect(result.output.contains("heroproc why web"), "\(result.output)")
            #expect(!result.output.contains("is applied: all is as declared"))
            let lines = result.errorOutput.split(separator: "\n").filter { $0.hasPrefix("core/web: ") }
            #expect(lines.count <= 12, "\(lines)")
        }
    }

    @Test("An apply of a program that exits before the settle time does not converge")
    func exitsSoon() async throws {
        try await TestHost.with { host in
            // The default counts: the service must stay up for 1s.
            host.removeManifest("settings")
            try host.declare("web", actions: .process("sleep 300 exit 1", "retry: {max_attempts: 1}"))
            let result = try await host.run("apply")
            #expect(result.exitCode == 1, "\(result.output)")
        }
    }

    @Test("A service with status ignore is not started again after a crash")
    func ignored() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 0s, jitter: 0}"))
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            try host.declare(
                "web",
                "status: ignore",
                actions: .process("sleep -1", "retry: {delay: 0s, jitter: 0}")
            )
            try await host.apply()
            #expect(kill(first.pid, SIGKILL) == 0)
            _ = try await host.waitForEvent("error", "failed after 1 attempt")
            #expect(host.instances("web").count == 1)
        }
    }

    @Test("An apply that does not wait reports that it has not converged")
    func noWait() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let result = try await host.run("apply", "--no-wait", "-o", "json")
            #expect(result.exitCode == 0)
            #expect(result.json["converged"] as? Bool == false)
        }
    }

    @Test("The settle time is not a part of the timeout")
    func timeout() async throws {
        try await TestHost.with { host in
            try host.writeManifest("settings.yaml", "kind: Settings\nrequired: []\nsettle: 4s\n")
            try host.declare("web")
            let result = try await host.run("apply", "--timeout", "3s")
            #expect(result.exitCode == 0, "\(result.output)")
        }
    }
}

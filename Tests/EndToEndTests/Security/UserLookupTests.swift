import Foundation
import Glibc
import HeroLinux
import Testing

/// A user database that does not answer (guarantee SP-4).
@Suite("Users that cannot be looked up", .serialized)
struct UserLookupTests {
    @Test("A hanging user lookup delays only its own service (SP-4)")
    func hangingLookup() async throws {
        try await TestHost.with { host in
            let (lookup, go) = (host.root + "/lookup", host.root + "/go")
            let heroproc = URL(fileURLWithPath: TestHost.oraclePath).deletingLastPathComponent().path + "/heroproc"
            let text = """
                #!/bin/sh
                [ -e \(go) ] && exec \(heroproc) "$@"
                echo $$ >> \(host.root)/lookups
                exec sleep 600
                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: lookup + ".text"))
            chmod(lookup + ".text", 0o755)
            // Another program writes the file. In this process a child between fork and exec would keep the file open.
            let copy = try host.start([lookup + ".text", lookup], program: "/bin/cp")
            #expect(try await host.exitCode(of: copy) == 0)
            let longDelay = "retry: {delay: 1h, max_delay: 1h}"
            try host.declare("web", "user: \(UserDatabase.currentUserName)", actions: .process("sleep -1", longDelay))
            try host.declare("other", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            _ = try await host.run("apply", "--no-wait", environment: ["HEROPROC_LOOKUP": lookup])
            let first = try await host.runningInstance("other", number: 1)
            // While the lookup hangs, other services are restarted as usual.
            kill(first.pid, SIGKILL)
            _ = try await host.runningInstance("other", number: 2)
            let why = "the lookup did not finish within 5s"
            _ = try await host.waitForEvent(
                "warning",
                "cannot start yet: cannot change to user `\(UserDatabase.currentUserName)`",
                why
            )
            let jobs = try await host.jobs(of: "web")
            #expect((jobs.first?["error"] as? String)?.contains(why) == true, "\(jobs)")
            #expect(jobs.first?["attempt"] as? Int == 0 && jobs.first?["restart_count"] as? Int == 0)
            #expect(host.instances("web").isEmpty)

            #expect(try await host.state(of: "web") == "backing_off")
            try Data().write(to: URL(fileURLWithPath: go))
            try await host.apply()
            _ = try await host.runningInstance("web", number: 1)
            #expect(try await host.actionStatus("web")["restart_count"] as? Int == 0)
            let lookups = host.readText(host.root + "/lookups").split(separator: "\n").compactMap { pid_t($0) }
            #expect(!lookups.isEmpty && lookups.allSatisfy { !isAlive($0) }, "no hanging lookup is left")
        }
    }
}

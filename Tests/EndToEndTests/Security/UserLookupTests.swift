import Foundation
import Glibc
import HeroLinux
import Testing

/// A directory of users that does not answer, seen from outside (reliability.md SP-4).
@Suite("Users that cannot be looked up", .serialized)
struct UserLookupTests {
    @Test("SP-4: a lookup that hangs holds up one service, which is tried again and runs once the directory answers")
    func hangingLookup() async throws {
        try await TestHost.with { world in
            let (lookup, go) = (world.root + "/lookup", world.root + "/go")
            let heroproc = URL(fileURLWithPath: TestHost.oraclePath).deletingLastPathComponent().path + "/heroproc"
            let text = """
                #!/bin/sh
                [ -e \(go) ] && exec \(heroproc) "$@"
                echo $$ >> \(world.root)/asked
                exec sleep 600
                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: lookup + ".text"))
            chmod(lookup + ".text", 0o755)
            // Not written by ourselves: a child that is forked meanwhile would hold it open for a moment.
            let copy = try world.start([lookup + ".text", lookup], program: "/bin/cp")
            #expect(try await world.exitCode(of: copy) == 0)
            let patience = "retry: {delay: 1h, max_delay: 1h}"
            try world.declare("web", "user: \(UserDatabase.currentUserName)", actions: .process("sleep -1", patience))
            try world.declare("other", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            _ = try await world.run("apply", "--no-wait", extra: ["HEROPROC_LOOKUP": lookup])
            let first = try await world.runningInstance("other", number: 1)
            // While the lookup hangs, all else is looked after as ever.
            kill(first.pid, SIGKILL)
            _ = try await world.runningInstance("other", number: 2)
            let why = "the lookup of its name did not answer within 5s"
            _ = try await world.waitForEvent(
                "warning",
                "cannot start yet: cannot change to user `\(UserDatabase.currentUserName)`",
                why
            )
            let jobs = try await world.jobs(of: "web")
            #expect((jobs.first?["error"] as? String)?.contains(why) == true, "\(jobs)")
            #expect(jobs.first?["attempt"] as? Int == 0 && jobs.first?["restart_count"] as? Int == 0)
            #expect(world.instances("web").isEmpty)

            #expect(try await world.state(of: "web") == "backing_off")
            try Data().write(to: URL(fileURLWithPath: go))
            try await world.apply()
            _ = try await world.runningInstance("web", number: 1)
            #expect(try await world.actionStatus("web")["restart_count"] as? Int == 0)
            let asked = world.readText(world.root + "/asked").split(separator: "\n").compactMap { pid_t($0) }
            #expect(!asked.isEmpty && asked.allSatisfy { !isAlive($0) }, "none that hung is left")
        }
    }
}

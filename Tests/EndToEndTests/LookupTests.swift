import Foundation
import Glibc
import HeroLinux
import Testing

/// A directory of users that does not answer, seen from outside (reliability.md SP-4).
@Suite("Users that cannot be looked up", .serialized)
struct LookupTests {
    @Test("SP-4: a lookup that hangs holds up one service, which is tried again and runs once the directory answers")
    func hangs() async throws {
        try await World.with { world in
            let (lookup, go) = (world.root + "/lookup", world.root + "/go")
            let heroproc = URL(fileURLWithPath: World.oracle).deletingLastPathComponent().path + "/heroproc"
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
            #expect(try await world.code(of: copy) == 0)
            let patience = "retry: {delay: 1h, max_delay: 1h}"
            try world.declare("web", "user: \(UserDatabase.currentUserName)", does: .process("sleep -1", patience))
            try world.declare("other", does: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            _ = try await world.run("apply", "--no-wait", extra: ["HEROPROC_LOOKUP": lookup])
            let first = try await world.life("other", number: 1)
            // While the lookup hangs, all else is looked after as ever.
            kill(first.pid, SIGKILL)
            _ = try await world.life("other", number: 2)
            let why = "the lookup of its name did not answer within 5s"
            _ = try await world.event("warning", "cannot start yet: cannot change to user `\(UserDatabase.currentUserName)`", why)
            let jobs = try await world.jobs(of: "web")
            #expect((jobs.first?["error"] as? String)?.contains(why) == true, "\(jobs)")
            #expect(jobs.first?["attempt"] as? Int == 0 && jobs.first?["restart_count"] as? Int == 0)
            #expect(world.lives("web").isEmpty)

            #expect(try await world.state(of: "web") == "backing_off")
            try Data().write(to: URL(fileURLWithPath: go))
            try await world.apply()
            _ = try await world.life("web", number: 1)
            #expect(try await world.action("web")["restart_count"] as? Int == 0)
            let asked = world.text(world.root + "/asked").split(separator: "\n").compactMap { pid_t($0) }
            #expect(!asked.isEmpty && asked.allSatisfy { !isAlive($0) }, "none that hung is left")
        }
    }
}

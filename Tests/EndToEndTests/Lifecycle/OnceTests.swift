import Foundation
import Glibc
import Testing

/// One-shots with `once`, with real processes.
@Suite("Actions with once", .serialized)
struct OnceTests {
    private func declare(
        _ host: TestHost,
        _ migrate: String = "exit 0",
        server: String = "sleep -1",
        generation: Int = 0
    ) throws {
        try host.declare(
            "web",
            "tags: [app]",
            actions: .oneShot(migrate, "once: true", "generation: \(generation)", name: "migrate"),
            .process(server, name: "server")
        )
    }

    private func runs(_ host: TestHost) -> Int { host.instances("web", "migrate").count }

    private func removeDatabase(of host: TestHost) {
        for suffix in ["", "-wal", "-shm"] { unlink(host.databasePath + suffix) }
    }

    @Test("A success stands through restarts, down, a cleanup of jobs and a new reconciler")
    func successStands() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            #expect(runs(host) == 1)
            try declare(host, server: "say two sleep -1")
            try await host.apply()
            #expect(host.instances("web", "server").count == 2)
            try await host.killReconciler()
            #expect(try await host.run("down").exitCode == 0)
            #expect(try await host.run("jobs", "cleanup", "--tag", "app").exitCode == 0)
            #expect(try await host.jobs(of: "web").isEmpty)
            try await host.apply()
            #expect(host.instances("web", "server").count == 3)
            #expect(runs(host) == 1)
            let status = try await host.run("status")
            #expect(status.exitCode == 0 && status.output.contains("ran once at "), "\(status.output)")
            let why = try await host.run("why", "web")
            #expect(why.output.contains("migrate ran once at "), "\(why.output)")
            let job = try #require(try await host.jobs(of: "web").first { $0["action_id"] as? String == "migrate" })
            #expect(job["phase"] as? String == "succeeded" && job["started_at"] is NSNull, "\(job)")

            try declare(host, generation: 1)
            try await host.apply()
            #expect(runs(host) == 2)
            try declare(host, "exit 3")
            #expect(try await host.run("apply").exitCode == 1)
            #expect(runs(host) == 3)
            try declare(host)
            try await host.apply()
            #expect(runs(host) == 3, "every spec that has succeeded is remembered")
        }
    }

    @Test("A success that ended without a reconciler counts")
    func endedWithoutReconciler() async throws {
        try await TestHost.with { host in
            try declare(host, "sleep 700 exit 0")
            let apply = try host.start(["apply"])
            try await eventually("the one-shot runs") { runs(host) == 1 }
            try await host.killReconciler()
            _ = try await host.result(of: apply)
            try await eventually("the one-shot has ended") { host.instances("web", "migrate").last?.endedAt != nil }
            try await host.apply()
            #expect(try await host.run("down").exitCode == 0)
            try await host.apply()
            #expect(runs(host) == 1)
        }
    }

    @Test("The file counts when the database is lost, and without both the action is blocked")
    func lostRecords() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            #expect(try await host.run("down").exitCode == 0)
            try await eventually("the reconciler has exited") { host.reconcilerPID == nil }
            removeDatabase(of: host)
            let diff = try await host.run("diff")
            #expect(diff.exitCode == 1 && diff.output.contains("migrate ran once at "), "\(diff.output)")
            try await host.apply()
            #expect(host.instances("web", "server").count == 2)
            #expect(runs(host) == 1)

            #expect(try await host.run("down").exitCode == 0)
            try await eventually("the reconciler has exited") { host.reconcilerPID == nil }
            removeDatabase(of: host)
            unlink(host.stateDirectory + "/once.json")
            let blocked = try await host.run("diff")
            #expect(blocked.exitCode == 0 && blocked.output.contains("it is unknown whether migrate"), "\(blocked)")
            _ = try await host.run("apply")
            #expect(try await host.state(of: "web") == "blocked")
            let status = try await host.run("status")
            #expect(status.exitCode == 1 && status.output.contains("raise its `generation`"), "\(status.output)")
            #expect(runs(host) == 1)
            try declare(host, generation: 1)
            try await host.apply()
            #expect(runs(host) == 2)
            #expect(try await host.state(of: "web") == "running")
        }
    }

    @Test("Going back to an earlier revision runs no action with once")
    func goingBack() async throws {
        try await TestHost.with { host in
            try declare(host, "exit 3")
            #expect(try await host.run("apply").exitCode == 1)
            try declare(host, "exit 0")
            try await host.apply()
            #expect(runs(host) == 2)
            let result = try await host.run("apply", "--revision", "1")
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            #expect((result.output + result.errorOutput).contains("is not run when going back"), "\(result)")
            #expect(runs(host) == 2)
            #expect(try await host.state(of: "web") == "running")
        }
    }
}

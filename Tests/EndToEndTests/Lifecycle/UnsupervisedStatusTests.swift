import Foundation
import GRDB
import Glibc
import Testing

/// What `status` reports of recorded jobs while no reconciler is running.
@Suite("Status without a reconciler", .serialized)
struct UnsupervisedStatusTests {
    /// Removes the processes from the rows of all jobs, as a crash between two writes leaves them.
    private func forgetProcesses(_ host: TestHost) async throws {
        let queue = try DatabaseQueue(path: host.databasePath)
        try await queue.write { try $0.execute(sql: "UPDATE jobs SET pid = NULL") }
        try queue.close()
    }

    @Test("A process that only the record of its start names is shown and adopted")
    func processInRecord() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            try await host.killReconciler()
            try await forgetProcesses(host)
            #expect(try await host.actionStatus("web")["pid"] as? Int == Int(first.pid))
            #expect(try await host.run("diff").exitCode == 0)
            try await host.apply()
            #expect(try await host.state(of: "web") == "running")
            #expect(host.instances("web") == [first])
        }
    }

    @Test("A job recorded as running without any process is an end")
    func noProcess() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            let shim = parent(of: first.pid)
            try await host.killReconciler()
            // Stopped first, so that the shim cannot record the end of its program.
            for (pid, signal) in [(shim, SIGSTOP), (first.pid, SIGKILL), (shim, SIGKILL)] { kill(pid, signal) }
            try await eventually("the shim is gone") { !isAlive(shim) && !isAlive(first.pid) }
            try await forgetProcesses(host)
            #expect(try await host.state(of: "web") == "degraded")
            let error = try await host.jobs(of: "web").first?["error"] as? String
            #expect(error?.contains("no process of it is recorded") == true, "\(error ?? "")")
            let plan = try await host.run("diff")
            #expect(plan.exitCode == 1 && plan.output.contains("run has no recorded process"), "\(plan.output)")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
        }
    }
}

import Foundation
import Glibc
import HeroLinux
import Testing

/// The lock of a job in the hands of other processes, and locks whose record cannot be read.
@Suite("Holders of the lock of a job", .serialized)
struct LockHolderTests {
    @Test("A process that received the lock of a job is awaited and never killed")
    func receivedLock() async throws {
        try await TestHost.with { host in
            let socket = host.root + "/hold.sock"
            let holder = try ForeignProcess("hold", socket)
            try await eventually("the other process listens") { access(socket, F_OK) == 0 }
            try host.declare(
                "web",
                actions: .process("pass-lock \(socket) sleep -1", "retry: {delay: 50ms, jitter: 0, max_delay: 100ms}")
            )
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            try await eventually("the other process has the lock") { access(socket + ".received", F_OK) == 0 }
            let shim = parent(of: first.pid)
            try await host.killReconciler()
            // Stopped first, so that the shim cannot record the end of its program.
            for (pid, signal) in [(shim, SIGSTOP), (first.pid, SIGKILL), (shim, SIGKILL)] { kill(pid, signal) }
            try await eventually("the shim is gone") { !isAlive(shim) }

            let reconciler = try host.startReconciler()
            try await eventually("why names the other process") {
                try await host.run("why", "web").output.contains(
                    "pid \(holder.pid) \(TestHost.oraclePath) holds the lock of this job"
                )
            }
            #expect(holder.isRunning)
            #expect(host.instances("web").count == 1, "no second instance while the lock is held")
            #expect(try await host.state(of: "web") != "running", "a service that waits is not running")
            kill(holder.pid, SIGKILL)
            try await eventually("the other process has ended") { !holder.isRunning }
            try FileManager.default.removeItem(atPath: socket)
            // The next instance finds no listener and exits; it was started, which is all that counts here.
            try await eventually("the service is started again") { host.instances("web").count > 1 }
            kill(reconciler.pid, SIGTERM)
            _ = try await host.exitCode(of: reconciler)
        }
    }

    @Test(
        "A running job whose record cannot be read is ended before its next start",
        arguments: [[4, 516], [0, 512], [4], [40, 600]]
    )
    func unreadableRecord(offsets: [Int]) async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("fork 1 sleep -1"))
            try await host.apply()
            let first = try await host.runningInstance("web", number: 1)
            let job = try #require(try await host.jobs(of: "web").first?["id"] as? Int)
            try await host.killReconciler()
            let record = open("\(host.paths.jobs)/\(job)", O_WRONLY)
            for offset in offsets { #expect(pwrite(record, [UInt8(9)], 1, off_t(offset)) == 1) }
            close(record)

            let reconciler = try host.startReconciler()
            _ = try await host.runningInstance("web", number: 2)
            #expect(!isAlive(first.pid), "the first instance has ended before the second one was started")
            #expect(try await host.run("down", "--all").exitCode == 0)
            #expect(host.instances("web").allSatisfy { !isAlive($0.pid) })
            kill(reconciler.pid, SIGTERM)
            _ = try await host.exitCode(of: reconciler)
        }
    }
}

import Foundation
import Glibc
import HeroLinux
import Testing

/// The run directory is removed while a reconciler uses it.
@Suite("A lost run directory", .serialized)
struct LostRunDirectoryTests {
    private func removeRunDirectory(_ host: TestHost) async throws {
        try FileManager.default.removeItem(atPath: host.paths.run)
        try await eventually("the control socket exists again") { access(host.paths.controlSocket, F_OK) == 0 }
        _ = try await host.waitForEvent("warning", "the run directory was removed while in use")
    }

    @Test("A reconciler whose run directory was removed starts, applies and stops as before")
    func removed() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms}"))
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            let reconciler = try #require(host.reconcilerPID)
            try await removeRunDirectory(host)
            #expect(isAlive(web.pid) && host.reconcilerPID == reconciler)
            // A second reconciler is still refused.
            #expect(try await host.run("reconcile").exitCode == 2)
            #expect(kill(web.pid, SIGKILL) == 0)
            #expect(try await host.runningInstance("web", number: 2).job == web.job)
            try host.declare("other")
            try await host.apply()
            _ = try await host.runningInstance("other", number: 1)
            let down = try await host.run("down")
            #expect(down.exitCode == 0, "\(down.output)\(down.errorOutput)")
        }
    }

    @Test(
        "A new reconciler adopts a service whose record was removed with the run directory",
        arguments: [false, true]
    )
    func adopted(isReconcilerKilledFirst: Bool) async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            if isReconcilerKilledFirst {
                try await host.killReconciler()
                try FileManager.default.removeItem(atPath: host.paths.run)
            } else {
                try await removeRunDirectory(host)
                try await host.killReconciler()
            }
            try await host.apply()
            #expect(isAlive(web.pid) && host.instances("web").count == 1)
            #expect(try await host.run("status").exitCode == 0)
            let down = try await host.run("down")
            #expect(down.exitCode == 0, "\(down.output)\(down.errorOutput)")
            #expect(!isAlive(web.pid))
        }
    }
}

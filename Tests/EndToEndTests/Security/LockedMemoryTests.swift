import Foundation
import Glibc
import Testing

/// Whether the test may mount a FUSE file system.
private let canMount: Bool = {
    let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
    return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0 && known.contains("\tfuse\n")
        && access("/usr/bin/unshare", X_OK) == 0
}()

/// A process can lock its own memory for ever, so that reading its command line or environment never returns.
@Suite(
    "Processes with locked memory",
    .serialized,
    .enabled(if: canMount, "needs root, /dev/fuse, and a mount namespace")
)
struct LockedMemoryTests {
    @Test("A process with locked memory that holds a port does not block the reconciler")
    func portHolder() async throws {
        try await TestHost.with { host in
            let port = try freePort()
            let mountPoint = host.root + "/mount"
            mkdir(mountPoint, 0o700)
            let holder = try host.start(
                ["wedge", mountPoint, "\(port)"],
                program: TestHost.oraclePath,
                through: ["unshare", "--mount", "--propagation", "private"]
            )
            // Other readers of the process, such as the end of this test, must not wait for it.
            defer { kill(holder.pid, SIGKILL) }
            try await eventually("the memory is locked") { host.readText(holder.outputPath).contains("wedged\n") }
            try host.declare(
                "web",
                actions: .process("listen \(port)", "tcp_ports: [\(port)]", "retry: {delay: 50ms}")
            )
            try host.declare("other", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            let result = try await host.run("apply", "--timeout", "5s")
            #expect(result.exitCode == 1, "\(result.output)\(result.errorOutput)")
            #expect(result.output.contains("tcp \(port) is held by pid \(holder.pid)"), "\(result.output)")
            let first = try await host.runningInstance("other", number: 1)
            kill(first.pid, SIGKILL)
            _ = try await host.runningInstance("other", number: 2)
            #expect(host.instances("web").isEmpty)
            kill(holder.pid, SIGKILL)
            _ = try await host.exitCode(of: holder)
            _ = try await host.runningInstance("web", number: 1)
        }
    }
}

import Foundation
import Glibc
import Testing

/// Whether the test may mount a FUSE file system.
private let canMount: Bool = {
    let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
    return canMakePIDNamespace && access("/dev/fuse", R_OK | W_OK) == 0 && known.contains("\tfuse\n")
}()

/// A process can lock its own memory for ever, so that reading its command line or environment never returns.
///
/// While this test runs, other programs that read the command lines of all processes, such as `ps`, wait up to 20 s. So
/// only `make test-slow` runs it. Everything runs in a PID namespace. Whatever happens to the test, the file system that
/// keeps the memory locked ends after that time.
@Suite(
    "Processes with locked memory",
    .serialized,
    .enabled(if: canMount, "needs root, /dev/fuse, and a PID namespace"),
    .enabled(if: TestSettings.isSlow, "it delays other programs; run `make test-slow`")
)
struct LockedMemoryTests {
    @Test("A process with locked memory that holds a port does not block the reconciler")
    func portHolder() async throws {
        try await TestHost.with { host in
            try await PIDNamespace.with(host) { namespace in
                let port = try freePort()
                let mountPoint = host.root + "/mount"
                mkdir(mountPoint, 0o700)
                try host.declare("other", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
                let reconciler = try namespace.start("reconcile", "--watch")
                _ = try await namespace.runningInstance("other", after: 0)

                let holder = try namespace.start("wedge", mountPoint, "\(port)", program: TestHost.oraclePath)
                try await eventually("the memory is locked") { host.readText(holder.outputPath).contains("wedged\n") }
                let lines = host.readText(holder.outputPath).split(separator: "\n")
                let pid = try #require(lines.first.flatMap { pid_t($0) })
                let reader = try host.start(
                    ["-s", "KILL", "0.2", "cat", "/proc/\(pid)/cmdline"],
                    program: "/usr/bin/timeout",
                    through: namespace.entryCommand
                )
                #expect(try await host.exitCode(of: reader) == 137, "its command line cannot be read")
                try host.declare(
                    "web",
                    actions: .process("listen \(port)", "tcp_ports: [\(port)]", "retry: {delay: 50ms}")
                )
                try await eventually("why names the process with locked memory") {
                    try await namespace.run("why", "web").output.contains("tcp \(port) is held by pid \(pid)")
                }
                let first = try await namespace.runningInstance("other", after: 0)
                try await namespace.signal("KILL", [first.pid])
                _ = try await namespace.runningInstance("other", after: 1)
                #expect(host.instances("web").isEmpty)
                #expect(!host.readText(holder.outputPath).contains("released"), "the memory was locked until here")

                try await namespace.signal("KILL", [pid])
                _ = try await host.exitCode(of: holder)
                _ = try await namespace.runningInstance("web", after: 0)
                #expect(try await namespace.run("down", "--all").exitCode == 0)
                // The PID of the command that entered the namespace; its child is the reconciler.
                for child in children(of: reconciler.pid) { kill(child, SIGTERM) }
                _ = try await host.exitCode(of: reconciler)
            }
        }
    }
}

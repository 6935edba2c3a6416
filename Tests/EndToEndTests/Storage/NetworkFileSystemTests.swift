import Foundation
import Glibc
import Testing

/// Whether the test may mount a FUSE file system.
private let canServe: Bool = {
    let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
    return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0 && known.contains("\tfuse\n")
        && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/nsenter", X_OK) == 0
}()

/// Without reliable locks no reconciler starts (guarantee DB-7).
///
/// The test mounts a real FUSE file system. 9p would need a server such as the host of a virtual machine. The same
/// code refuses it; the tests of HeroLinux check its table of file systems.
@Suite(
    "State directories on network file systems",
    .serialized,
    .enabled(if: canServe, "needs root, /dev/fuse, and a mount namespace")
)
struct NetworkFileSystemTests {
    @Test("Writing commands refuse a state directory on FUSE with exit code 2 (DB-7)")
    func fuseIsRefused() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            mkdir(host.stateDirectory, 0o700)
            // The separate mount namespace keeps other processes from blocking on the file system.
            let server = try host.start(
                ["fuse", host.stateDirectory],
                program: TestHost.oraclePath,
                through: ["unshare", "--mount", "--propagation", "private"]
            )
            try await eventually("the file system is mounted") {
                host.readText(server.outputPath).hasPrefix("mounted\n")
            }
            let entryCommand = ["nsenter", "-m", "-t", "\(server.pid)"]
            for command in [["reconcile", "--watch"], ["reconcile"], ["apply"]] {
                let result = try await host.run(command, through: entryCommand)
                #expect(result.exitCode == 2, "\(command): \(result.output)\(result.errorOutput)")
                #expect(
                    result.errorOutput.contains("cannot use the state directory \(host.stateDirectory)")
                        && result.errorOutput.contains("it is on FUSE")
                        && result.errorOutput.contains("HEROPROC_ALLOW_NETWORK_FS=1"),
                    "\(command): \(result.errorOutput)"
                )
            }
            #expect(host.readText(server.outputPath) == "mounted\n", "no process tried to write")
            #expect(host.instances("web").isEmpty)
            // With the override the start continues until the file system refuses an operation.
            let allowed = try await host.run(
                ["reconcile"],
                environment: ["HEROPROC_ALLOW_NETWORK_FS": "1"],
                through: entryCommand
            )
            #expect(allowed.exitCode == 2 && !allowed.errorOutput.contains("FUSE"), "\(allowed.errorOutput)")
            #expect(host.readText(server.outputPath).contains("refused "), "the reconciler tried to write")
            kill(server.pid, SIGKILL)
            _ = try await host.exitCode(of: server)
            rmdir(host.stateDirectory)
        }
    }
}

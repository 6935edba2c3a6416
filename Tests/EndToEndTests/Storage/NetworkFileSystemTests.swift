import Foundation
import Glibc
import Testing

/// Whether this machine lets us serve a file system from user space.
private let canServe: Bool = {
    let known = (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? ""
    return geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0 && known.contains("\tfuse\n")
        && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/nsenter", X_OK) == 0
}()

/// Where no lock can be relied on, no reconciler begins (reliability.md DB-7).
///
/// A file system of user space is mounted for real. 9p needs a server, such as the host of a virtual machine, which no test can bring
/// along: it is refused by the same line of code, whose table `OriginFileTests/fileSystems` goes through.
@Suite(
    "A state directory elsewhere",
    .serialized,
    .enabled(if: canServe, "needs root, /dev/fuse, and a mount namespace")
)
struct NetworkFileSystemTests {
    @Test("DB-7: on FUSE every command that would write is refused with 2 and says why, and nothing is written there")
    func fuseIsRefused() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            mkdir(world.stateDirectory, 0o700)
            // In a mount namespace of its own, so that nobody else ever waits for it.
            let server = try world.start(
                ["fuse", world.stateDirectory],
                program: TestHost.oraclePath,
                through: ["unshare", "--mount", "--propagation", "private"]
            )
            try await eventually("it is mounted") { world.readText(server.outputPath).hasPrefix("mounted\n") }
            let entrance = ["nsenter", "-m", "-t", "\(server.pid)"]
            for command in [["reconcile", "--watch"], ["reconcile"], ["apply"]] {
                let answer = try await world.run(command, through: entrance)
                #expect(answer.exitCode == 2, "\(command): \(answer.output)\(answer.errorOutput)")
                #expect(
                    answer.errorOutput.contains("cannot use the state directory \(world.stateDirectory)")
                        && answer.errorOutput.contains("it is on FUSE")
                        && answer.errorOutput.contains("HEROPROC_ALLOW_NETWORK_FS=1"),
                    "\(command): \(answer.errorOutput)"
                )
            }
            #expect(world.readText(server.outputPath) == "mounted\n", "nobody has even tried to write")
            #expect(world.instances("web").isEmpty)
            // Whoever answers for it gets as far as the file system lets him, and that is not far.
            let allowed = try await world.run(
                ["reconcile"],
                extra: ["HEROPROC_ALLOW_NETWORK_FS": "1"],
                through: entrance
            )
            #expect(allowed.exitCode == 2 && !allowed.errorOutput.contains("FUSE"), "\(allowed.errorOutput)")
            #expect(world.readText(server.outputPath).contains("refused "), "it has tried")
            kill(server.pid, SIGKILL)
            _ = try await world.exitCode(of: server)
            rmdir(world.stateDirectory)
        }
    }
}

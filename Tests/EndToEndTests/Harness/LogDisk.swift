import Foundation
import Glibc
import Testing

/// A reconciler with its logs, or its whole state, on a separate file system.
///
/// The file system is mounted in the mount namespace of the reconciler and its shims. It vanishes with the last of
/// them.
struct LogDisk {
    /// Whether the test may mount file systems.
    static let canMount: Bool = geteuid() == 0 && runShell("unshare --mount true && command -v nsenter") == 0
    /// Whether the machine has the tools and devices for an ext4 file system in a file.
    static let canLoop: Bool =
        canMount
        && runShell("command -v mkfs.ext4 && command -v chattr && command -v fsfreeze && test -b /dev/loop0") == 0

    /// Whether the test can slow down a disk (cgroup v1).
    static let canThrottle: Bool =
        canLoop && runShell("command -v mountpoint && test -w \(blkioDirectory)/blkio.throttle.write_bps_device") == 0
    static let blkioDirectory = "/sys/fs/cgroup/blkio"

    let host: TestHost
    let reconciler: RunningCommand
    /// The mount point.
    let mountPoint: String

    /// Mounts a file system with a shell command, where `$1` is the mount point, and starts a reconciler that syncs.
    static func with(
        _ host: TestHost,
        at mountPoint: String,
        mount: String,
        _ body: (LogDisk) async throws -> Void
    ) async throws {
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
        let command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
        let script = "(PATH=$PATH:/usr/sbin:/sbin; \(mount)) >&2; shift; exec \"$@\""
        let running = try host.start(
            ["reconcile", "--watch", "--down-on-exit"],
            through: command + [script, "sh", mountPoint]
        )
        let disk = LogDisk(host: host, reconciler: running, mountPoint: mountPoint)
        do {
            try await body(disk)
        } catch {
            await disk.tearDown()
            throw error
        }
        await disk.tearDown()
    }

    private func tearDown() async {
        kill(reconciler.pid, SIGTERM)
        let code = try? await host.exitCode(of: reconciler)
        #expect(code == 0, "\(host.readText(reconciler.errorPath))")
        if !mountPoint.hasPrefix(host.logDirectory) { rmdir(mountPoint) }
    }

    /// A path as reconciler and services see it.
    func path(_ path: String) -> String { "/proc/\(reconciler.pid)/root\(path)" }

    /// Runs a shell command in the namespace; `$1` is the mount point.
    func run(_ command: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let code = runShell("nsenter -t \(reconciler.pid) -m sh -ec '\(command)' sh '\(mountPoint)'")
        #expect(code == 0, "\(command)", sourceLocation: sourceLocation)
    }

    /// Runs heroproc in the namespace.
    func runHeroproc(_ arguments: String...) async throws -> CommandResult {
        try await host.run(arguments, through: ["nsenter", "-t", "\(reconciler.pid)", "-m"])
    }

    /// The log of an oracle, as the reconciler sees it.
    func logText(_ service: String, job: Int) -> String {
        host.logText(service, job: job, in: path("\(host.logDirectory)/core/\(service)/run"))
    }

    /// Bytes of the file system: the space free for root, and the size.
    func space() -> (free: Int, total: Int) {
        var info = statvfs()
        guard statvfs(path(mountPoint), &info) == 0 else { return (0, 0) }
        return (Int(info.f_bfree * info.f_frsize), Int(info.f_blocks * info.f_frsize))
    }
}

extension TestHost {
    /// The text of all log files of an oracle, oldest first.
    func logText(_ service: String, job: Int, in directory: String? = nil) -> String {
        let directory = directory ?? "\(logDirectory)/core/\(service)/run"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let files = names.compactMap { name -> (age: Int, name: String)? in
            if name == "\(job).log" { return (0, name) }
            guard name.hasPrefix("\(job).log."), let age = Int(name.dropFirst("\(job).log.".count)) else { return nil }
            return (age, name)
        }
        return files.sorted { $0.age > $1.age }.map { readText("\(directory)/\($0.name)") }.joined()
    }
}

/// Bytes that a process has written.
func bytesWritten(_ pid: pid_t) -> Int { ioCounter("wchar", of: pid) }

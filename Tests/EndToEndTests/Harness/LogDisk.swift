import Foundation
import Glibc
import Testing

/// A reconciler that has its logs, or its whole state, on a file system of their own.
///
/// It is mounted in a mount namespace of the reconciler and its shims: nobody else sees it, and it goes with the last of them.
struct LogDisk {
    /// Whether this machine lets us mount anything.
    static let canMount: Bool = geteuid() == 0 && runShell("unshare --mount true && command -v nsenter") == 0
    /// Whether it has what an ext4 in a file takes.
    static let canLoop: Bool =
        canMount
        && runShell("command -v mkfs.ext4 && command -v chattr && command -v fsfreeze && test -b /dev/loop0") == 0

    /// Whether it can make a disk slow (cgroup v1).
    static let canThrottle: Bool =
        canLoop && runShell("command -v mountpoint && test -w \(blkioDirectory)/blkio.throttle.write_bps_device") == 0
    static let blkioDirectory = "/sys/fs/cgroup/blkio"

    let host: TestHost
    let reconciler: TestHost.RunningCommand
    /// Where it is mounted.
    let mountPoint: String

    /// Mounts with a shell command, `$1` being the place, and starts a reconciler that syncs.
    static func with(
        _ world: TestHost,
        at place: String,
        mount: String,
        _ body: (LogDisk) async throws -> Void
    ) async throws {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
        let script = "(PATH=$PATH:/usr/sbin:/sbin; \(mount)) >&2; shift; exec \"$@\""
        let running = try world.start(
            ["reconcile", "--watch", "--down-on-exit"],
            through: words + [script, "sh", place]
        )
        let disk = LogDisk(host: world, reconciler: running, mountPoint: place)
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

    /// A path as the reconciler and its services see it.
    func path(_ path: String) -> String { "/proc/\(reconciler.pid)/root\(path)" }

    /// Runs a shell command inside; `$1` is the place.
    func run(_ command: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let code = runShell("nsenter -t \(reconciler.pid) -m sh -ec '\(command)' sh '\(mountPoint)'")
        #expect(code == 0, "\(command)", sourceLocation: sourceLocation)
    }

    /// Runs heroproc inside.
    func runHeroproc(_ arguments: String...) async throws -> TestHost.CommandResult {
        try await host.run(arguments, through: ["nsenter", "-t", "\(reconciler.pid)", "-m"])
    }

    /// The log of an oracle, as the reconciler sees it.
    func logText(_ service: String, job: Int) -> String {
        host.logText(service, job: job, in: path("\(host.logDirectory)/core/\(service)/run"))
    }

    /// Bytes of the file system: what is free to root, and how large it is.
    func space() -> (free: Int, total: Int) {
        var facts = statvfs()
        guard statvfs(path(mountPoint), &facts) == 0 else { return (0, 0) }
        return (Int(facts.f_bfree * facts.f_frsize), Int(facts.f_blocks * facts.f_frsize))
    }
}

extension TestHost {
    /// The log of an oracle: all its files, oldest first.
    func logText(_ service: String, job: Int, in folder: String? = nil) -> String {
        let folder = folder ?? "\(logDirectory)/core/\(service)/run"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let files = names.compactMap { name -> (age: Int, name: String)? in
            if name == "\(job).log" { return (0, name) }
            guard name.hasPrefix("\(job).log."), let age = Int(name.dropFirst("\(job).log.".count)) else { return nil }
            return (age, name)
        }
        return files.sorted { $0.age > $1.age }.map { readText("\(folder)/\($0.name)") }.joined()
    }
}

/// Runs a shell command, and answers its code.
@discardableResult
func runShell(_ command: String) -> Int32 {
    guard let pid = spawn(["/bin/sh", "-c", command], output: "/dev/null") else { return -1 }
    var status: Int32 = 0
    guard waitpid(pid, &status, 0) == pid else { return -1 }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
}

/// Bytes that a process has written so far.
func bytesWritten(_ pid: pid_t) -> Int { ioCounter("wchar", of: pid) }

/// A number that the kernel counts of what a process reads and writes (proc(5), `/proc/pid/io`).
func ioCounter(_ name: String, of pid: pid_t) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/io", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("\(name): ") }
    return line.flatMap { Int($0.dropFirst(name.count + 2)) } ?? 0
}

/// An oracle's lines as they came back from a log, and what heroproc says is missing between them.
struct LogContents {
    /// The numbers of the lines, in the order of the log.
    var lineNumbers: [Int] = []
    /// Where a marker stands, how many bytes it speaks of, and of what.
    var dropMarkers: [(after: Int, bytes: Int, why: String)] = []
    /// Lines that are neither.
    var unknownLines: [Substring] = []

    init(_ log: String) {
        for line in log.split(separator: "\n") {
            if let oracle = OracleLine(line) {
                lineNumbers.append(oracle.number)
            } else if let marker = line.firstMatch(of: /Z stderr F \[heroproc: dropped (\d+) bytes, (.+), \d+\.\d s\]$/)
            {
                dropMarkers.append((lineNumbers.last ?? 0, Int(marker.1) ?? -1, String(marker.2)))
            } else {
                unknownLines.append(line)
            }
        }
    }

    /// Expects that each line stands there once and in order, or is counted by a marker exactly where it would stand.
    ///
    /// What was dropped in all and is in no marker was dropped at the end.
    func expectComplete(upTo count: Int, dropped: Int, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(unknownLines.isEmpty, "\(unknownLines.prefix(3))", sourceLocation: sourceLocation)
        var expected = 1
        var markers = dropMarkers[...]
        for number in lineNumbers {
            while let marker = markers.first, number != expected, marker.after == expected - 1 {
                expected += marker.bytes / Self.lineLength
                #expect(marker.bytes % Self.lineLength == 0, sourceLocation: sourceLocation)
                markers.removeFirst()
            }
            guard number == expected else {
                Issue.record(
                    "line \(expected) is missing or counted wrongly: \(number)",
                    sourceLocation: sourceLocation
                )
                return
            }
            expected += 1
        }
        let counted = self.dropMarkers.reduce(0) { $0 + $1.bytes }
        #expect(counted <= dropped, sourceLocation: sourceLocation)
        expected += (markers.reduce(0) { $0 + $1.bytes } + dropped - counted) / Self.lineLength
        #expect(expected == count + 1, sourceLocation: sourceLocation)
    }

    /// Bytes of an oracle's line with its line feed.
    static let lineLength = 100
}

import Foundation
import Glibc
import Testing

/// Logs on full, broken, frozen and read-only disks (guarantees LG).
@Suite("Logs on faulty disks", .serialized)
struct LogFaultTests {
    /// The command that mounts an ext4 file system in a file of the test host.
    private static func ext4(_ host: TestHost, megabytes: Int) -> String {
        let image = "\(host.root)/disk"
        return "truncate -s \(megabytes)M \(image) && mkfs.ext4 -q -m 0 \(image) && mount -o loop \(image) \"$1\""
    }

    /// A fault of the disk and its repair.
    struct Fault: Sendable, CustomTestStringConvertible {
        let errorName: String
        let breakCommand: String
        let repairCommand: String
        var testDescription: String { errorName }
    }

    private static let logFiles = "$(echo \"$1\"/core/web/run/*.log)"
    private static let faults = [
        Fault(
            errorName: "ENOSPC",
            breakCommand: "dd if=/dev/zero of=\"$1\"/ballast bs=4k 2>/dev/null || true",
            repairCommand: "rm \"$1\"/ballast"
        ),
        Fault(errorName: "EPERM", breakCommand: "chattr +i \(logFiles)", repairCommand: "chattr -i \(logFiles)"),
        // An aborted ext4 cannot be repaired. The administrator mounts another file system.
        Fault(
            errorName: "EROFS",
            breakCommand: "mount -o remount,abort \"$1\"",
            repairCommand: "mount -t tmpfs -o size=8m tmpfs \"$1\""
        ),
    ]

    @Test(
        "Log write errors stop no service and are counted to the byte (LG-2)",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the ext4 tools"),
        arguments: faults
    )
    func outage(_ fault: Fault) async throws {
        try await TestHost.with { host in
            // The rate is low enough for the pipe to hold the output while the shim gets no CPU time.
            let action = TestHost.OracleAction.process("lines 200", "log: {max_size: 64MiB, keep: 9}")
            try host.writeManifest("web.yaml", host.manifest("web", [], [action]))
            try await LogDisk.with(host, at: host.logDirectory, mount: Self.ext4(host, megabytes: 16)) { disk in
                let instance = try await host.runningInstance("web", number: 1)
                try await eventually("the log is not empty") { !disk.logText("web", job: instance.job).isEmpty }
                let before = bytesWritten(instance.pid)
                // Opens the directory now, because a later mount hides its files.
                let isHidden = fault.errorName == "EROFS"
                let hidden = isHidden ? open(disk.path(disk.mountPoint), O_RDONLY | O_DIRECTORY) : -1
                defer { if hidden >= 0 { close(hidden) } }
                disk.run(fault.breakCommand)
                // Reads at once: when the kernel fails to write cached pages of the aborted file system, it drops them.
                let early = hidden >= 0 ? host.readText("/proc/self/fd/\(hidden)/core/web/run/\(instance.job).log") : ""
                try await eventually("the service keeps writing", within: 60) {
                    bytesWritten(instance.pid) > before + 60_000
                }
                disk.run(fault.repairCommand)
                let repaired = bootTime()
                try await eventually("the log counts the missing lines", within: 60) {
                    disk.logText("web", job: instance.job).contains("[heroproc: dropped")
                }
                #expect(bootTime() - repaired < 15_000_000_000, "the log is retried every two seconds")
                #expect(isAlive(instance.pid))
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                let end = try #require(host.instances("web").first)
                let account = LogContents(early + disk.logText("web", job: instance.job))
                let dropped = account.dropMarkers.reduce(0) { $0 + $1.bytes }
                account.expectComplete(upTo: try #require(end.lineCount), dropped: dropped)
                // The last blocks of a full disk cannot be used.
                let why = Set(account.dropMarkers.map { $0.why == "disk nearly full" ? "ENOSPC" : $0.why })
                #expect(why == [fault.errorName])
                #expect(
                    !host.readText("\(host.traceDirectory)/web.run.trace").contains("SLOW"),
                    "the service was never blocked"
                )
                _ = try await host.waitForEvent(
                    "warning",
                    "\(dropped) bytes of its output could not be written to its log"
                )
            }
        }
    }

    @Test(
        "A frozen disk blocks the service and loses no output (LG-3)",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the ext4 tools")
    )
    func frozenDisk() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("lines 1000", "log: {max_size: 64MiB, keep: 9}"))
            try await LogDisk.with(host, at: host.logDirectory, mount: Self.ext4(host, megabytes: 16)) { disk in
                let instance = try await host.runningInstance("web", number: 1)
                try await eventually("the log is not empty") { !disk.logText("web", job: instance.job).isEmpty }
                disk.run("fsfreeze -f \"$1\"")
                defer { runShell("nsenter -t \(disk.reconciler.pid) -m fsfreeze -u '\(disk.mountPoint)' 2>/dev/null") }
                var last = -1
                var since = bootTime()
                try await eventually("the service is blocked for 1.5 seconds", within: 60) {
                    let now = bytesWritten(instance.pid)
                    if now != last { (last, since) = (now, bootTime()) }
                    return bootTime() - since > 1_500_000_000
                }
                #expect(try await disk.runHeroproc("status").exitCode == 0)
                #expect(try await disk.runHeroproc("why", "web").exitCode == 0)
                disk.run("fsfreeze -u \"$1\"")
                try await eventually("the output continues") { bytesWritten(instance.pid) > last + 50_000 }
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                let end = try #require(host.instances("web").first)
                let account = LogContents(disk.logText("web", job: instance.job))
                account.expectComplete(upTo: try #require(end.lineCount), dropped: 0)
                #expect(account.dropMarkers.isEmpty)
                #expect(host.readText("\(host.traceDirectory)/web.run.trace").contains("SLOW"))
            }
        }
    }

    /// Services that flood the disk: 50 in the long form.
    private static let floodCount = TestSettings.isLong ? 50 : 6
    private static let floodCommands = TestSettings.isLong ? "lines 2000" : "lines 1000"

    @Test(
        "Logs never use the disk space reserved for the state (LG-8)",
        .enabled(if: LogDisk.canMount, "needs root, and `unshare` to mount a small disk")
    )
    func reservedDiskSpace() async throws {
        try await TestHost.with { host in
            let names = (0..<Self.floodCount).map { "flood\($0)" }
            let fields = "log: {max_size: 64MiB, keep: 9}"
            for name in names { try host.declare(name, actions: .process(Self.floodCommands, fields)) }
            let mount =
                "mount -t tmpfs -o size=32m tmpfs \"$1\" && fallocate -l 25M \"$1\"/most && fallocate -l 2M \"$1\"/some"
            try await LogDisk.with(host, at: host.stateDirectory, mount: mount) { disk in
                var instances: [OracleInstance] = []
                for name in names { instances.append(try await host.runningInstance(name, number: 1)) }
                let reserve = disk.space().total / 20
                var least = Int.max
                try await eventually("the disk is full up to the reserve", within: 120) {
                    least = min(least, disk.space().free)
                    return least < reserve + 500_000
                }
                let before = instances.map { bytesWritten($0.pid) }
                try await eventually("all services keep writing", within: 60) {
                    least = min(least, disk.space().free)
                    return zip(instances, before).allSatisfy { bytesWritten($0.pid) > $1 + 200_000 }
                }
                // New services are recorded and started.
                try host.declare("late")
                _ = try await host.runningInstance("late", number: 1)
                #expect(try await disk.runHeroproc("diff").exitCode == 0)
                least = min(least, disk.space().free)
                #expect(least > reserve / 2, "the reserve is left for the state")
                disk.run("rm \"$1\"/some")
                try await eventually("the logs count the missing lines", within: 60) {
                    // With many writers the first ones may fill the disk again before the others retry.
                    zip(names, instances).contains {
                        disk.logText($0, job: $1.job).contains("bytes, disk nearly full, ")
                    }
                }
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                for (name, instance) in zip(names, instances) {
                    let count = try #require(host.instances(name).first?.lineCount)
                    // The disk may be full again at the end. Then only the event has the total.
                    let events = try await disk.runHeroproc("events", "-n", "10000").output.split(separator: "\n")
                    let dropped = events.filter { $0.contains("/\(name).") }.compactMap {
                        $0.firstMatch(of: /(\d+) bytes of its output could not be written/).flatMap { Int($0.1) }
                    }
                    #expect(dropped.count == 1)
                    LogContents(disk.logText(name, job: instance.job)).expectComplete(
                        upTo: count,
                        dropped: dropped.first ?? 0
                    )
                }
            }
        }
    }

    @Test("A pipe in place of a log blocks no reader (LG-6)")
    func pipeInPlaceOfALog() async throws {
        try await TestHost.with { host in
            let go = host.root + "/go"
            let ready = "ready: {log: '^line .* 3 '}"
            let commands = "lines 20"
            try host.declare("web", actions: .process("wait-for \(go) \(commands)", ready, "start_timeout: 60s"))
            try host.declare("side", actions: .process("lines 20"))
            _ = try host.startReconciler()
            let (web, side) = (
                try await host.runningInstance("web", number: 1), try await host.runningInstance("side", number: 1)
            )
            for (name, instance) in [("web", web), ("side", side)] {
                let log = "\(host.logDirectory)/core/\(name)/run/\(instance.job).log"
                try await eventually("\(log) exists") { access(log, F_OK) == 0 }
                unlink(log)
                try #require(mkfifo(log, 0o600) == 0)
                try #require(mkfifo(log + ".1", 0o600) == 0)
            }
            // The reconciler searches the log for the line all the time.
            #expect(kill(side.pid, SIGKILL) == 0)
            _ = try await host.runningInstance("side", number: 2)
            try Data().write(to: URL(fileURLWithPath: go))
            try await eventually("the service is ready") { try await host.state(of: "web") == "running" }
            #expect(try await host.run("logs", "web", "-n", "5").output.contains("line \(web.job) 0 "))
            let follower = try host.start(["logs", "-f", "web"])
            defer { kill(follower.pid, SIGKILL) }
            // logs -f begins with ten lines.
            try await eventually("the follower shows lines") {
                host.readText(follower.outputPath).split(separator: "\n").count > 15
            }
            kill(follower.pid, SIGKILL)
            _ = try await host.exitCode(of: follower)
        }
    }
}

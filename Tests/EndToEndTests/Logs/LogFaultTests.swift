import Foundation
import Glibc
import Testing

/// Logs on disks that are full, broken, frozen or read-only (reliability.md 4.8).
@Suite("Logs in trouble", .serialized)
struct LogFaultTests {
    /// An ext4 in a file below the world.
    private static func ext4(_ world: TestHost, megabytes: Int) -> String {
        let image = "\(world.root)/disk"
        return "truncate -s \(megabytes)M \(image) && mkfs.ext4 -q -m 0 \(image) && mount -o loop \(image) \"$1\""
    }

    /// What happens to the disk, and what mends it.
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
        // Aborted for good; an administrator mounts another one in its place.
        Fault(
            errorName: "EROFS",
            breakCommand: "mount -o remount,abort \"$1\"",
            repairCommand: "mount -t tmpfs -o size=8m tmpfs \"$1\""
        ),
    ]

    @Test(
        "LG-2: a log that cannot be written stops no service; what is missing is counted to the byte, and it goes on",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the tools of ext4"),
        arguments: faults
    )
    func outage(_ fault: Fault) async throws {
        try await TestHost.with { world in
            // Few enough that the pipe takes what comes while the shim is not given the processor.
            let deed = TestHost.OracleAction.process("lines 200", "log: {max_size: 64MiB, keep: 9}")
            try world.writeManifest("web.yaml", world.manifest("web", [], [deed]))
            try await LogDisk.with(world, at: world.logDirectory, mount: Self.ext4(world, megabytes: 16)) { disk in
                let life = try await world.runningInstance("web", number: 1)
                try await eventually("it logs") { !disk.logText("web", job: life.job).isEmpty }
                let before = bytesWritten(life.pid)
                // The files as they are now: what is mounted over them hides them.
                let isHidden = fault.errorName == "EROFS"
                let hidden = isHidden ? open(disk.path(disk.mountPoint), O_RDONLY | O_DIRECTORY) : -1
                defer { if hidden >= 0 { close(hidden) } }
                disk.run(fault.breakCommand)
                try await eventually("it writes on", within: 60) { bytesWritten(life.pid) > before + 60_000 }
                let early = hidden >= 0 ? world.readText("/proc/self/fd/\(hidden)/core/web/run/\(life.job).log") : ""
                disk.run(fault.repairCommand)
                let mended = bootTime()
                try await eventually("the log says what is missing", within: 60) {
                    disk.logText("web", job: life.job).contains("[heroproc: dropped")
                }
                #expect(bootTime() - mended < 15_000_000_000, "it is tried every two seconds")
                #expect(isAlive(life.pid))
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                let end = try #require(world.instances("web").first)
                let account = LogContents(early + disk.logText("web", job: life.job))
                let dropped = account.dropMarkers.reduce(0) { $0 + $1.bytes }
                account.expectComplete(upTo: try #require(end.lineCount), dropped: dropped)
                // The last blocks of a full disk are free in name only.
                let why = Set(account.dropMarkers.map { $0.why == "disk nearly full" ? "ENOSPC" : $0.why })
                #expect(why == [fault.errorName])
                #expect(
                    !world.readText("\(world.traceDirectory)/web.run.trace").contains("SLOW"),
                    "it was never held up"
                )
                _ = try await world.waitForEvent(
                    "warning",
                    "\(dropped) bytes of its output could not be written to its log"
                )
            }
        }
    }

    @Test(
        "LG-3: a disk that stands still holds the service up and loses nothing; heroproc answers meanwhile",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the tools of ext4")
    )
    func frozenDisk() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("lines 1000", "log: {max_size: 64MiB, keep: 9}"))
            try await LogDisk.with(world, at: world.logDirectory, mount: Self.ext4(world, megabytes: 16)) { disk in
                let life = try await world.runningInstance("web", number: 1)
                try await eventually("it logs") { !disk.logText("web", job: life.job).isEmpty }
                disk.run("fsfreeze -f \"$1\"")
                defer { runShell("nsenter -t \(disk.reconciler.pid) -m fsfreeze -u '\(disk.mountPoint)' 2>/dev/null") }
                var last = -1
                var since = bootTime()
                try await eventually("it stands still for a second and a half", within: 60) {
                    let now = bytesWritten(life.pid)
                    if now != last { (last, since) = (now, bootTime()) }
                    return bootTime() - since > 1_500_000_000
                }
                #expect(try await disk.runHeroproc("status").exitCode == 0)
                #expect(try await disk.runHeroproc("why", "web").exitCode == 0)
                disk.run("fsfreeze -u \"$1\"")
                try await eventually("it goes on") { bytesWritten(life.pid) > last + 50_000 }
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                let end = try #require(world.instances("web").first)
                let account = LogContents(disk.logText("web", job: life.job))
                account.expectComplete(upTo: try #require(end.lineCount), dropped: 0)
                #expect(account.dropMarkers.isEmpty)
                #expect(world.readText("\(world.traceDirectory)/web.run.trace").contains("SLOW"))
            }
        }
    }

    /// How many services flood the disk: `HP_TORTURE=50` for the long form.
    private static let floodCount = TestSettings.isLong ? 50 : 6
    private static let floodCommands = TestSettings.isLong ? "lines 2000" : "lines 1000"

    @Test(
        "LG-8: logs never take the last of the disk that the state lies on; the state goes on, and nothing is missing uncounted",
        .enabled(if: LogDisk.canMount, "needs root, and `unshare` to mount a small disk")
    )
    func reservedDiskSpace() async throws {
        try await TestHost.with { world in
            let names = (0..<Self.floodCount).map { "flood\($0)" }
            let keys = "log: {max_size: 64MiB, keep: 9}"
            for name in names { try world.declare(name, actions: .process(Self.floodCommands, keys)) }
            let mount =
                "mount -t tmpfs -o size=32m tmpfs \"$1\" && fallocate -l 25M \"$1\"/most && fallocate -l 2M \"$1\"/some"
            try await LogDisk.with(world, at: world.stateDirectory, mount: mount) { disk in
                var lives: [OracleInstance] = []
                for name in names { lives.append(try await world.runningInstance(name, number: 1)) }
                let reserve = disk.space().total / 20
                var least = Int.max
                try await eventually("the disk is as full as it may be", within: 120) {
                    least = min(least, disk.space().free)
                    return least < reserve + 500_000
                }
                let before = lives.map { bytesWritten($0.pid) }
                try await eventually("all write on", within: 60) {
                    least = min(least, disk.space().free)
                    return zip(lives, before).allSatisfy { bytesWritten($0.pid) > $1 + 200_000 }
                }
                // New work is recorded, and done.
                try world.declare("late")
                _ = try await world.runningInstance("late", number: 1)
                #expect(try await disk.runHeroproc("diff").exitCode == 0)
                least = min(least, disk.space().free)
                #expect(least > reserve / 2, "what is kept free is for the state")
                disk.run("rm \"$1\"/some")
                try await eventually("they say what is missing", within: 60) {
                    // Where many write, the first ones may have filled it again before the others try.
                    zip(names, lives).contains { disk.logText($0, job: $1.job).contains("bytes, disk nearly full, ") }
                }
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                for (name, life) in zip(names, lives) {
                    let count = try #require(world.instances(name).first?.lineCount)
                    // The disk may be full again at the end, so that the last of it is only in the sum.
                    let events = try await disk.runHeroproc("events", "-n", "10000").output.split(separator: "\n")
                    let dropped = events.filter { $0.contains("/\(name).") }.compactMap {
                        $0.firstMatch(of: /(\d+) bytes of its output could not be written/).flatMap { Int($0.1) }
                    }
                    #expect(dropped.count == 1)
                    LogContents(disk.logText(name, job: life.job)).expectComplete(
                        upTo: count,
                        dropped: dropped.first ?? 0
                    )
                }
            }
        }
    }

    @Test("LG-6: a pipe in the place of a log holds up neither the reconciler that searches it nor who reads it")
    func pipeInPlaceOfALog() async throws {
        try await TestHost.with { world in
            let go = world.root + "/go"
            let ready = "ready: {log: '^line .* 3 '}"
            let words = "lines 20"
            try world.declare("web", actions: .process("wait-for \(go) \(words)", ready, "start_timeout: 60s"))
            try world.declare("side", actions: .process("lines 20"))
            _ = try world.startReconciler()
            let (web, side) = (
                try await world.runningInstance("web", number: 1), try await world.runningInstance("side", number: 1)
            )
            for (name, life) in [("web", web), ("side", side)] {
                let log = "\(world.logDirectory)/core/\(name)/run/\(life.job).log"
                try await eventually("\(log) is there") { access(log, F_OK) == 0 }
                unlink(log)
                try #require(mkfifo(log, 0o600) == 0)
                try #require(mkfifo(log + ".1", 0o600) == 0)
            }
            // The reconciler goes on looking for the line all this time.
            #expect(kill(side.pid, SIGKILL) == 0)
            _ = try await world.runningInstance("side", number: 2)
            try Data().write(to: URL(fileURLWithPath: go))
            try await eventually("it is ready") { try await world.state(of: "web") == "running" }
            #expect(try await world.run("logs", "web", "-n", "5").output.contains("line \(web.job) 0 "))
            let follower = try world.start(["logs", "-f", "web"])
            defer { kill(follower.pid, SIGKILL) }
            // It begins with ten lines.
            try await eventually("it follows") { world.readText(follower.outputPath).split(separator: "\n").count > 15 }
            kill(follower.pid, SIGKILL)
            _ = try await world.exitCode(of: follower)
        }
    }
}

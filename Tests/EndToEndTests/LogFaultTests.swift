import Foundation
import Glibc
import Testing

/// Logs on disks that are full, broken, frozen or read-only (reliability.md 4.8).
@Suite("Logs in trouble", .serialized)
struct LogFaultTests {
    /// An ext4 in a file below the world.
    private static func ext4(_ world: World, megabytes: Int) -> String {
        let image = "\(world.root)/disk"
        return "truncate -s \(megabytes)M \(image) && mkfs.ext4 -q -m 0 \(image) && mount -o loop \(image) \"$1\""
    }

    /// What happens to the disk, and what mends it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let why: String
        let breaks: String
        let mends: String
        var testDescription: String { why }
    }

    private static let log = "$(echo \"$1\"/core/web/run/*.log)"
    private static let faults = [
        Fault(
            why: "ENOSPC",
            breaks: "dd if=/dev/zero of=\"$1\"/ballast bs=4k 2>/dev/null || true",
            mends: "rm \"$1\"/ballast"
        ),
        Fault(why: "EPERM", breaks: "chattr +i \(log)", mends: "chattr -i \(log)"),
        // Aborted for good; an administrator mounts another one in its place.
        Fault(why: "EROFS", breaks: "mount -o remount,abort \"$1\"", mends: "mount -t tmpfs -o size=8m tmpfs \"$1\""),
    ]

    @Test(
        "LG-2: a log that cannot be written stops no service; what is missing is counted to the byte, and it goes on",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the tools of ext4"),
        arguments: faults
    )
    func outage(_ fault: Fault) async throws {
        try await World.with { world in
            // Few enough that the pipe takes what comes while the shim is not given the processor.
            let deed = World.Deed.process("lines 200", "log: {max_size: 64MiB, keep: 9}")
            try world.write("web.yaml", world.manifest("web", [], [deed]))
            try await LogDisk.with(world, at: world.logs, mount: Self.ext4(world, megabytes: 16)) { disk in
                let life = try await world.life("web", number: 1)
                try await eventually("it logs") { !disk.log("web", job: life.job).isEmpty }
                let before = written(life.pid)
                // The files as they are now: what is mounted over them hides them.
                let isHidden = fault.why == "EROFS"
                let hidden = isHidden ? open(disk.path(disk.place), O_RDONLY | O_DIRECTORY) : -1
                defer { if hidden >= 0 { close(hidden) } }
                disk.run(fault.breaks)
                try await eventually("it writes on", within: 60) { written(life.pid) > before + 60_000 }
                let early = hidden >= 0 ? world.text("/proc/self/fd/\(hidden)/core/web/run/\(life.job).log") : ""
                disk.run(fault.mends)
                let mended = boottime()
                try await eventually("the log says what is missing", within: 60) {
                    disk.log("web", job: life.job).contains("[heroproc: dropped")
                }
                #expect(boottime() - mended < 15_000_000_000, "it is tried every two seconds")
                #expect(isAlive(life.pid))
                #expect(try await disk.heroproc("down").code == 0)
                let end = try #require(world.lives("web").first)
                let account = LogAccount(early + disk.log("web", job: life.job))
                let dropped = account.markers.reduce(0) { $0 + $1.bytes }
                account.expectComplete(upTo: try #require(end.lines), dropped: dropped)
                // The last blocks of a full disk are free in name only.
                let why = Set(account.markers.map { $0.why == "disk nearly full" ? "ENOSPC" : $0.why })
                #expect(why == [fault.why])
                #expect(!world.text("\(world.traces)/web.run.trace").contains("SLOW"), "it was never held up")
                _ = try await world.event("warning", "\(dropped) bytes of its output could not be written to its log")
            }
        }
    }

    @Test(
        "LG-3: a disk that stands still holds the service up and loses nothing; heroproc answers meanwhile",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the tools of ext4")
    )
    func frozen() async throws {
        try await World.with { world in
            try world.declare("web", does: .process("lines 1000", "log: {max_size: 64MiB, keep: 9}"))
            try await LogDisk.with(world, at: world.logs, mount: Self.ext4(world, megabytes: 16)) { disk in
                let life = try await world.life("web", number: 1)
                try await eventually("it logs") { !disk.log("web", job: life.job).isEmpty }
                disk.run("fsfreeze -f \"$1\"")
                defer { shell("nsenter -t \(disk.running.pid) -m fsfreeze -u '\(disk.place)' 2>/dev/null") }
                var last = -1
                var since = boottime()
                try await eventually("it stands still for a second and a half", within: 60) {
                    let now = written(life.pid)
                    if now != last { (last, since) = (now, boottime()) }
                    return boottime() - since > 1_500_000_000
                }
                #expect(try await disk.heroproc("status").code == 0)
                #expect(try await disk.heroproc("why", "web").code == 0)
                disk.run("fsfreeze -u \"$1\"")
                try await eventually("it goes on") { written(life.pid) > last + 50_000 }
                #expect(try await disk.heroproc("down").code == 0)
                let end = try #require(world.lives("web").first)
                let account = LogAccount(disk.log("web", job: life.job))
                account.expectComplete(upTo: try #require(end.lines), dropped: 0)
                #expect(account.markers.isEmpty)
                #expect(world.text("\(world.traces)/web.run.trace").contains("SLOW"))
            }
        }
    }

    /// How many services flood the disk: `HP_TORTURE=50` for the long form.
    private static let floods = TestSettings.isLong ? 50 : 6
    private static let words = TestSettings.isLong ? "lines 2000" : "lines 1000"

    @Test(
        "LG-8: logs never take the last of the disk that the state lies on; the state goes on, and nothing is missing uncounted",
        .enabled(if: LogDisk.canMount, "needs root, and `unshare` to mount a small disk")
    )
    func reserve() async throws {
        try await World.with { world in
            let names = (0..<Self.floods).map { "flood\($0)" }
            let keys = "log: {max_size: 64MiB, keep: 9}"
            for name in names { try world.declare(name, does: .process(Self.words, keys)) }
            let mount =
                "mount -t tmpfs -o size=32m tmpfs \"$1\" && fallocate -l 25M \"$1\"/most && fallocate -l 2M \"$1\"/some"
            try await LogDisk.with(world, at: world.state, mount: mount) { disk in
                var lives: [Life] = []
                for name in names { lives.append(try await world.life(name, number: 1)) }
                let reserve = disk.room().total / 20
                var least = Int.max
                try await eventually("the disk is as full as it may be", within: 120) {
                    least = min(least, disk.room().free)
                    return least < reserve + 500_000
                }
                let before = lives.map { written($0.pid) }
                try await eventually("all write on", within: 60) {
                    least = min(least, disk.room().free)
                    return zip(lives, before).allSatisfy { written($0.pid) > $1 + 200_000 }
                }
                // New work is recorded, and done.
                try world.declare("late")
                _ = try await world.life("late", number: 1)
                #expect(try await disk.heroproc("diff").code == 0)
                least = min(least, disk.room().free)
                #expect(least > reserve / 2, "what is kept free is for the state")
                disk.run("rm \"$1\"/some")
                try await eventually("they say what is missing", within: 60) {
                    // Where many write, the first ones may have filled it again before the others try.
                    zip(names, lives).contains { disk.log($0, job: $1.job).contains("bytes, disk nearly full, ") }
                }
                #expect(try await disk.heroproc("down").code == 0)
                for (name, life) in zip(names, lives) {
                    let count = try #require(world.lives(name).first?.lines)
                    // The disk may be full again at the end, so that the last of it is only in the sum.
                    let events = try await disk.heroproc("events", "-n", "10000").out.split(separator: "\n")
                    let dropped = events.filter { $0.contains("/\(name).") }.compactMap {
                        $0.firstMatch(of: /(\d+) bytes of its output could not be written/).flatMap { Int($0.1) }
                    }
                    #expect(dropped.count == 1)
                    LogAccount(disk.log(name, job: life.job)).expectComplete(upTo: count, dropped: dropped.first ?? 0)
                }
            }
        }
    }

    @Test("LG-6: a pipe in the place of a log holds up neither the reconciler that searches it nor who reads it")
    func pipe() async throws {
        try await World.with { world in
            let go = world.root + "/go"
            let ready = "ready: {log: '^line .* 3 '}"
            let words = "lines 20"
            try world.declare("web", does: .process("wait-for \(go) \(words)", ready, "start_timeout: 60s"))
            try world.declare("side", does: .process("lines 20"))
            _ = try world.watch()
            let (web, side) = (try await world.life("web", number: 1), try await world.life("side", number: 1))
            for (name, life) in [("web", web), ("side", side)] {
                let log = "\(world.logs)/core/\(name)/run/\(life.job).log"
                try await eventually("\(log) is there") { access(log, F_OK) == 0 }
                unlink(log)
                try #require(mkfifo(log, 0o600) == 0)
                try #require(mkfifo(log + ".1", 0o600) == 0)
            }
            // The reconciler goes on looking for the line all this time.
            #expect(kill(side.pid, SIGKILL) == 0)
            _ = try await world.life("side", number: 2)
            try Data().write(to: URL(fileURLWithPath: go))
            try await eventually("it is ready") { try await world.state(of: "web") == "running" }
            #expect(try await world.run("logs", "web", "-n", "5").out.contains("line \(web.job) 0 "))
            let follower = try world.start(["logs", "-f", "web"])
            defer { kill(follower.pid, SIGKILL) }
            // It begins with ten lines.
            try await eventually("it follows") { world.text(follower.out).split(separator: "\n").count > 15 }
            kill(follower.pid, SIGKILL)
            _ = try await world.code(of: follower)
        }
    }
}

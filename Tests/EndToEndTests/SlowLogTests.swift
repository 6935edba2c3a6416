import CHeroRecord
import Foundation
import Glibc
import HeroLinux
import Testing

/// What a service gets to feel of a disk that takes its output more slowly than it writes (reliability.md LG-3).
@Suite("Logs on slow disks", .serialized)
struct SlowLogTests {
    /// Output without a pause, into files that are all kept.
    private static func flood(_ whenSlow: String) -> World.Deed {
        .process("lines 2000", "log: {max_size: 1GiB, keep: 9, when_slow: \(whenSlow)}")
    }

    private static let slow = "disk too slow"

    private func isHeldUp(_ world: World, _ service: String) -> Bool {
        world.text("\(world.traces)/\(service).run.trace").contains("SLOW")
    }

    /// Expects that a service writes no faster than its disk, which takes 256 kB/s or less.
    private func expectPaced(_ life: Life) async throws {
        try await eventually("pipe and shim are full", within: 60) { written(life.pid) > 2_000_000 }
        let (from, since) = (written(life.pid), boottime())
        try await eventually("it goes on", within: 60) { written(life.pid) > from + 600_000 }
        // Each line is stored with forty bytes in front of it; one read of the shim makes room for many at once.
        #expect(boottime() - since > 1_500_000_000)
    }

    /// Expects that all of a service's output is in its log, or counted there exactly where it would stand.
    private func expectComplete(_ world: World, _ service: String, _ log: String, drops: Bool) async throws {
        let end = try #require(world.lives(service).last)
        let account = LogAccount(log)
        let dropped = account.markers.reduce(0) { $0 + $1.bytes }
        account.expectComplete(upTo: try #require(end.lines), dropped: dropped)
        #expect(Set(account.markers.map(\.why)) == (drops ? [Self.slow] : []))
        guard drops else { return }
        #expect(dropped > 0)
        _ = try await world.event("warning", "\(dropped) bytes of its output could not be written to its log")
    }

    @Test(
        "LG-3: on one slow disk, who blocks is paced and loses nothing; who drops never waits, and counts each byte"
    )
    func sideBySide() async throws {
        try await World.with { world in
            try world.declare("patient", does: Self.flood("block"))
            try world.declare("hasty", does: Self.flood("drop"))
            // Every write to a log takes a second and a half.
            let running = try world.start(
                ["reconcile", "--watch", "--down-on-exit"],
                extra: ["HEROPROC_FP": "FP-LG-2=sleep:1500ms"]
            )
            let patient = try await world.life("patient", number: 1)
            let hasty = try await world.life("hasty", number: 1)
            try await expectPaced(patient)
            try await eventually("the other one goes on", within: 60) { written(hasty.pid) > 30_000_000 }
            try await eventually("and what is missing is said while it does", within: 60) {
                world.log("hasty", job: hasty.job).contains(" bytes, \(Self.slow), ")
            }
            #expect(try await world.run("status").code == 0)
            #expect(kill(running.pid, SIGTERM) == 0)
            #expect(try await world.code(of: running) == 0)
            #expect(!isHeldUp(world, "hasty"))
            try await expectComplete(world, "patient", world.log("patient", job: patient.job), drops: false)
            try await expectComplete(world, "hasty", world.log("hasty", job: hasty.job), drops: true)
        }
    }

    @Test("LG-3: that a service may drop is changed in place, and holds from its next start")
    func inPlace() async throws {
        try await World.with { world in
            func threads(_ life: Life) throws -> Int {
                let status = world.text("/proc/\(life.pid)/status").split(separator: "\n")
                let parent = try #require(status.first { $0.hasPrefix("PPid:") }?.split(separator: "\t").last)
                return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task").count
            }
            let running = try world.watch()
            try world.declare("web", does: .process("sleep -1"))
            try await world.apply()
            let life = try await world.life("web", number: 1)
            try world.declare("web", does: .process("sleep -1", "log: {when_slow: drop}"))
            try await world.apply()
            try await eventually("nothing is left to do") { try await world.run("diff").code == 0 }
            #expect(isAlive(life.pid))
            #expect(try threads(life) == 1)
            #expect(kill(life.pid, SIGKILL) == 0)
            let next = try await world.life("web", number: 2)
            #expect(try threads(next) == 2)
            #expect(try await world.run("down").code == 0)
            kill(running.pid, SIGTERM)
            _ = try await world.code(of: running)
        }
    }

    @Test(
        "LG-3, SH-11: a disk that stands still holds up no service that drops; its end is recorded, and its log complete later",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the tools of ext4")
    )
    func frozen() async throws {
        try await World.with { world in
            let image = "\(world.root)/disk"
            let mount = "truncate -s 16M \(image) && mkfs.ext4 -q -m 0 \(image) && mount -o loop \(image) \"$1\""
            try world.declare("web", does: .process("lines 1000", "log: {max_size: 64MiB, keep: 9, when_slow: drop}"))
            try await LogDisk.with(world, at: world.logs, mount: mount) { disk in
                let life = try await world.life("web", number: 1)
                try await eventually("it logs") { !disk.log("web", job: life.job).isEmpty }
                let before = written(life.pid)
                disk.run("fsfreeze -f \"$1\"")
                defer { shell("nsenter -t \(disk.running.pid) -m fsfreeze -u '\(disk.place)' 2>/dev/null") }
                // Its lines are stored with forty bytes in front of each: more than both buffers hold.
                try await eventually("it writes on", within: 90) { written(life.pid) > before + 1_000_000 }
                #expect(kill(life.pid, SIGTERM) == 0)
                try await eventually("its end is on record") { isEndRecorded(world, life.job) }
                #expect(world.lives("web").count == 1)
                #expect(try await disk.heroproc("why", "web").code == 0)
                disk.run("fsfreeze -u \"$1\"")
                _ = try await world.life("web", number: 2)
                let log = world.text(disk.path("\(world.logs)/core/web/run/\(life.job).log.1"))
                let account = LogAccount(log)
                let dropped = account.markers.reduce(0) { $0 + $1.bytes }
                account.expectComplete(upTo: try #require(world.lives("web").first?.lines), dropped: dropped)
                #expect(dropped > 0 && Set(account.markers.map(\.why)) == [Self.slow])
                #expect(!isHeldUp(world, "web"))
            }
        }
    }

    private func isEndRecorded(_ world: World, _ job: Int) -> Bool {
        guard let data = FileManager.default.contents(atPath: "\(world.paths.jobs)/\(job)"),
            data.count >= Int(HERO_SECTOR) + MemoryLayout<hero_exit>.size
        else { return false }
        var end = Array(data)[Int(HERO_SECTOR)...].withUnsafeBytes { $0.loadUnaligned(as: hero_exit.self) }
        return hero_exit_is_valid(&end) == 1 && end.kind != HERO_EXIT_EMPTY.rawValue
    }

    @Test(
        "LG-3: a disk of 256 kB/s paces who blocks and nobody else; who drops writes on, to the byte",
        .enabled(if: LogDisk.canThrottle, "needs root, loop devices, the tools of ext4 and the v1 blkio controller"),
        arguments: ["block", "drop"]
    )
    func throttled(_ whenSlow: String) async throws {
        try await World.with { world in
            let group = "\(LogDisk.blkio)/heroproc-test-\(URL(fileURLWithPath: world.root).lastPathComponent)"
            defer { rmdir(group) }
            // Each write is on the disk before it returns: no cache hides how slow that is.
            let mount = """
                truncate -s 64M \(world.root)/disk && mkfs.ext4 -q -m 0 \(world.root)/disk \
                && mount -o loop,sync \(world.root)/disk "$1" && mkdir \(group) \
                && echo "$(mountpoint -d "$1") 262144" >\(group)/blkio.throttle.write_bps_device \
                && echo $$ >\(group)/cgroup.procs
                """
            try world.declare("web", does: Self.flood(whenSlow))
            try world.declare("calm", does: .process("lines 100"))
            try await LogDisk.with(world, at: "\(world.logs)/core/web", mount: mount) { disk in
                let web = try await world.life("web", number: 1)
                let calm = try await world.life("calm", number: 1)
                if whenSlow == "drop" {
                    try await eventually("it goes on", within: 60) { written(web.pid) > 30_000_000 }
                    try await eventually("what is missing is said", within: 60) {
                        disk.log("web", job: web.job).contains(" bytes, \(Self.slow), ")
                    }
                } else {
                    try await expectPaced(web)
                }
                let before = disk.log("calm", job: calm.job).utf8.count
                try await eventually("another one's log goes on") {
                    disk.log("calm", job: calm.job).utf8.count > before + 10_000
                }
                #expect(try await disk.heroproc("status").code == 0)
                #expect(try await disk.heroproc("down").code == 0)
                #expect(whenSlow == "block" || !isHeldUp(world, "web"))
                #expect(!isHeldUp(world, "calm"))
                try await expectComplete(world, "web", disk.log("web", job: web.job), drops: whenSlow == "drop")
                try await expectComplete(world, "calm", disk.log("calm", job: calm.job), drops: false)
            }
        }
    }
}

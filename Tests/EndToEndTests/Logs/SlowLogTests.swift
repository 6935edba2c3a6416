import CHeroRecord
import Foundation
import Glibc
import HeroLinux
import Testing

/// What a service gets to feel of a disk that takes its output more slowly than it writes (reliability.md LG-3).
@Suite("Logs on slow disks", .serialized)
struct SlowLogTests {
    /// Output without a pause, into files that are all kept.
    private static func floodAction(_ whenSlow: String) -> TestHost.OracleAction {
        .process("lines 2000", "log: {max_size: 1GiB, keep: 9, when_slow: \(whenSlow)}")
    }

    private static let slowDiskReason = "disk too slow"

    private func wasBlocked(_ world: TestHost, _ service: String) -> Bool {
        world.readText("\(world.traceDirectory)/\(service).run.trace").contains("SLOW")
    }

    /// Expects that a service writes no faster than its disk, which takes 256 kB/s or less.
    private func expectPaced(_ life: OracleInstance) async throws {
        try await eventually("pipe and shim are full", within: 60) { bytesWritten(life.pid) > 2_000_000 }
        let (from, since) = (bytesWritten(life.pid), bootTime())
        try await eventually("it goes on", within: 60) { bytesWritten(life.pid) > from + 600_000 }
        // Each line is stored with forty bytes in front of it; one read of the shim makes room for many at once.
        #expect(bootTime() - since > 1_500_000_000)
    }

    /// Expects that all of a service's output is in its log, or counted there exactly where it would stand.
    private func expectComplete(_ world: TestHost, _ service: String, _ log: String, drops: Bool) async throws {
        let end = try #require(world.instances(service).last)
        let account = LogContents(log)
        let dropped = account.dropMarkers.reduce(0) { $0 + $1.bytes }
        account.expectComplete(upTo: try #require(end.lineCount), dropped: dropped)
        #expect(Set(account.dropMarkers.map(\.why)) == (drops ? [Self.slowDiskReason] : []))
        guard drops else { return }
        #expect(dropped > 0)
        _ = try await world.waitForEvent("warning", "\(dropped) bytes of its output could not be written to its log")
    }

    @Test(
        "LG-3: on one slow disk, who blocks is paced and loses nothing; who drops never waits, and counts each byte"
    )
    func blockAndDropPolicies() async throws {
        try await TestHost.with { world in
            try world.declare("patient", actions: Self.floodAction("block"))
            try world.declare("hasty", actions: Self.floodAction("drop"))
            // Every write to a log takes a second and a half.
            let running = try world.start(
                ["reconcile", "--watch", "--down-on-exit"],
                extra: ["HEROPROC_FP": "FP-LG-2=sleep:1500ms"]
            )
            let patient = try await world.runningInstance("patient", number: 1)
            let hasty = try await world.runningInstance("hasty", number: 1)
            try await expectPaced(patient)
            try await eventually("the other one goes on", within: 60) { bytesWritten(hasty.pid) > 30_000_000 }
            try await eventually("and what is missing is said while it does", within: 60) {
                world.logText("hasty", job: hasty.job).contains(" bytes, \(Self.slowDiskReason), ")
            }
            #expect(try await world.run("status").exitCode == 0)
            #expect(kill(running.pid, SIGTERM) == 0)
            #expect(try await world.exitCode(of: running) == 0)
            #expect(!wasBlocked(world, "hasty"))
            try await expectComplete(world, "patient", world.logText("patient", job: patient.job), drops: false)
            try await expectComplete(world, "hasty", world.logText("hasty", job: hasty.job), drops: true)
        }
    }

    @Test("LG-3: that a service may drop is changed in place, and holds from its next start")
    func policyChangesInPlace() async throws {
        try await TestHost.with { world in
            func threads(_ life: OracleInstance) throws -> Int {
                let status = world.readText("/proc/\(life.pid)/status").split(separator: "\n")
                let parent = try #require(status.first { $0.hasPrefix("PPid:") }?.split(separator: "\t").last)
                return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task").count
            }
            let running = try world.startReconciler()
            try world.declare("web", actions: .process("sleep -1"))
            try await world.apply()
            let life = try await world.runningInstance("web", number: 1)
            try world.declare("web", actions: .process("sleep -1", "log: {when_slow: drop}"))
            try await world.apply()
            try await eventually("nothing is left to do") { try await world.run("diff").exitCode == 0 }
            #expect(isAlive(life.pid))
            #expect(try threads(life) == 1)
            #expect(kill(life.pid, SIGKILL) == 0)
            let next = try await world.runningInstance("web", number: 2)
            #expect(try threads(next) == 2)
            #expect(try await world.run("down").exitCode == 0)
            kill(running.pid, SIGTERM)
            _ = try await world.exitCode(of: running)
        }
    }

    @Test(
        "LG-3, SH-11: a disk that stands still holds up no service that drops; its end is recorded, and its log complete later",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the tools of ext4")
    )
    func frozenDisk() async throws {
        try await TestHost.with { world in
            let image = "\(world.root)/disk"
            let mount = "truncate -s 16M \(image) && mkfs.ext4 -q -m 0 \(image) && mount -o loop \(image) \"$1\""
            try world.declare(
                "web",
                actions: .process("lines 1000", "log: {max_size: 64MiB, keep: 9, when_slow: drop}")
            )
            try await LogDisk.with(world, at: world.logDirectory, mount: mount) { disk in
                let life = try await world.runningInstance("web", number: 1)
                try await eventually("it logs") { !disk.logText("web", job: life.job).isEmpty }
                let before = bytesWritten(life.pid)
                disk.run("fsfreeze -f \"$1\"")
                defer { runShell("nsenter -t \(disk.reconciler.pid) -m fsfreeze -u '\(disk.mountPoint)' 2>/dev/null") }
                // Its lines are stored with forty bytes in front of each: more than both buffers hold.
                try await eventually("it writes on", within: 90) { bytesWritten(life.pid) > before + 1_000_000 }
                #expect(kill(life.pid, SIGTERM) == 0)
                try await eventually("its end is on record") { isEndRecorded(world, life.job) }
                #expect(world.instances("web").count == 1)
                #expect(try await disk.runHeroproc("why", "web").exitCode == 0)
                disk.run("fsfreeze -u \"$1\"")
                _ = try await world.runningInstance("web", number: 2)
                let log = world.readText(disk.path("\(world.logDirectory)/core/web/run/\(life.job).log.1"))
                let account = LogContents(log)
                let dropped = account.dropMarkers.reduce(0) { $0 + $1.bytes }
                account.expectComplete(upTo: try #require(world.instances("web").first?.lineCount), dropped: dropped)
                #expect(dropped > 0 && Set(account.dropMarkers.map(\.why)) == [Self.slowDiskReason])
                #expect(!wasBlocked(world, "web"))
            }
        }
    }

    private func isEndRecorded(_ world: TestHost, _ job: Int) -> Bool {
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
    func throttledDisk(_ whenSlow: String) async throws {
        try await TestHost.with { world in
            let group = "\(LogDisk.blkioDirectory)/heroproc-test-\(URL(fileURLWithPath: world.root).lastPathComponent)"
            defer { rmdir(group) }
            // Each write is on the disk before it returns: no cache hides how slow that is.
            let mount = """
                truncate -s 64M \(world.root)/disk && mkfs.ext4 -q -m 0 \(world.root)/disk \
                && mount -o loop,sync \(world.root)/disk "$1" && mkdir \(group) \
                && echo "$(mountpoint -d "$1") 262144" >\(group)/blkio.throttle.write_bps_device \
                && echo $$ >\(group)/cgroup.procs
                """
            try world.declare("web", actions: Self.floodAction(whenSlow))
            try world.declare("calm", actions: .process("lines 100"))
            try await LogDisk.with(world, at: "\(world.logDirectory)/core/web", mount: mount) { disk in
                let web = try await world.runningInstance("web", number: 1)
                let calm = try await world.runningInstance("calm", number: 1)
                if whenSlow == "drop" {
                    try await eventually("it goes on", within: 60) { bytesWritten(web.pid) > 30_000_000 }
                    try await eventually("what is missing is said", within: 60) {
                        disk.logText("web", job: web.job).contains(" bytes, \(Self.slowDiskReason), ")
                    }
                } else {
                    try await expectPaced(web)
                }
                let before = disk.logText("calm", job: calm.job).utf8.count
                try await eventually("another one's log goes on") {
                    disk.logText("calm", job: calm.job).utf8.count > before + 10_000
                }
                #expect(try await disk.runHeroproc("status").exitCode == 0)
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                #expect(whenSlow == "block" || !wasBlocked(world, "web"))
                #expect(!wasBlocked(world, "calm"))
                try await expectComplete(world, "web", disk.logText("web", job: web.job), drops: whenSlow == "drop")
                try await expectComplete(world, "calm", disk.logText("calm", job: calm.job), drops: false)
            }
        }
    }
}

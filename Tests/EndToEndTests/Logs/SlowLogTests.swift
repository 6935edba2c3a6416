import CHeroRecord
import Foundation
import Glibc
import HeroLinux
import Testing

/// The effect of a disk that is slower than the output of a service (guarantee LG-3).
@Suite("Logs on slow disks", .serialized)
struct SlowLogTests {
    /// An action that writes without a pause into log files that are all kept.
    private static func floodAction(_ whenSlow: String) -> TestHost.OracleAction {
        .process("lines 2000", "log: {max_size: 1GiB, keep: 9, when_slow: \(whenSlow)}")
    }

    private static let slowDiskReason = "disk too slow"

    private func wasBlocked(_ host: TestHost, _ service: String) -> Bool {
        host.readText("\(host.traceDirectory)/\(service).run.trace").contains("SLOW")
    }

    /// Expects that a service writes at the rate of its disk, at most 256 kB/s.
    private func expectPaced(_ instance: OracleInstance) async throws {
        try await eventually("pipe and shim are full", within: 60) { bytesWritten(instance.pid) > 2_000_000 }
        let (from, since) = (bytesWritten(instance.pid), bootTime())
        try await eventually("the service keeps writing", within: 60) { bytesWritten(instance.pid) > from + 600_000 }
        // Each line is stored with a prefix of forty bytes. One read of the shim frees space for many lines.
        #expect(bootTime() - since > 1_500_000_000)
    }

    /// Expects that the log has all output of a service, or counts it at its position.
    private func expectComplete(_ host: TestHost, _ service: String, _ log: String, drops: Bool) async throws {
        let end = try #require(host.instances(service).last)
        let account = LogContents(log)
        let dropped = account.dropMarkers.reduce(0) { $0 + $1.bytes }
        account.expectComplete(upTo: try #require(end.lineCount), dropped: dropped)
        #expect(Set(account.dropMarkers.map(\.why)) == (drops ? [Self.slowDiskReason] : []))
        guard drops else { return }
        #expect(dropped > 0)
        _ = try await host.waitForEvent("warning", "\(dropped) bytes of its output could not be written to its log")
    }

    @Test(
        "On a slow disk block loses nothing and drop counts every byte (LG-3)"
    )
    func blockAndDropPolicies() async throws {
        try await TestHost.with { host in
            try host.declare("patient", actions: Self.floodAction("block"))
            try host.declare("hasty", actions: Self.floodAction("drop"))
            // Every write to a log takes 1.5 seconds.
            let running = try host.start(
                ["reconcile", "--watch", "--down-on-exit"],
                environment: ["HEROPROC_FP": "FP-LG-2=sleep:1500ms"]
            )
            let patient = try await host.runningInstance("patient", number: 1)
            let hasty = try await host.runningInstance("hasty", number: 1)
            try await expectPaced(patient)
            try await eventually("the other service keeps writing", within: 60) { bytesWritten(hasty.pid) > 30_000_000 }
            try await eventually("the missing lines are counted while it writes", within: 60) {
                host.logText("hasty", job: hasty.job).contains(" bytes, \(Self.slowDiskReason), ")
            }
            #expect(try await host.run("status").exitCode == 0)
            #expect(kill(running.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: running) == 0)
            #expect(!wasBlocked(host, "hasty"))
            try await expectComplete(host, "patient", host.logText("patient", job: patient.job), drops: false)
            try await expectComplete(host, "hasty", host.logText("hasty", job: hasty.job), drops: true)
        }
    }

    @Test("A changed when_slow policy takes effect at the next start (LG-3)")
    func policyChangesInPlace() async throws {
        try await TestHost.with { host in
            func threads(_ instance: OracleInstance) throws -> Int {
                let status = host.readText("/proc/\(instance.pid)/status").split(separator: "\n")
                let parent = try #require(status.first { $0.hasPrefix("PPid:") }?.split(separator: "\t").last)
                return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task").count
            }
            let running = try host.startReconciler()
            try host.declare("web", actions: .process("sleep -1"))
            try await host.apply()
            let instance = try await host.runningInstance("web", number: 1)
            try host.declare("web", actions: .process("sleep -1", "log: {when_slow: drop}"))
            try await host.apply()
            try await eventually("diff is empty") { try await host.run("diff").exitCode == 0 }
            #expect(isAlive(instance.pid))
            #expect(try threads(instance) == 1)
            #expect(kill(instance.pid, SIGKILL) == 0)
            let next = try await host.runningInstance("web", number: 2)
            #expect(try threads(next) == 2)
            #expect(try await host.run("down").exitCode == 0)
            kill(running.pid, SIGTERM)
            _ = try await host.exitCode(of: running)
        }
    }

    @Test(
        "A frozen disk blocks no service that drops output (LG-3, SH-11)",
        .enabled(if: LogDisk.canLoop, "needs root, loop devices and the ext4 tools")
    )
    func frozenDisk() async throws {
        try await TestHost.with { host in
            let image = "\(host.root)/disk"
            let mount = "truncate -s 16M \(image) && mkfs.ext4 -q -m 0 \(image) && mount -o loop \(image) \"$1\""
            try host.declare(
                "web",
                actions: .process("lines 1000", "log: {max_size: 64MiB, keep: 9, when_slow: drop}")
            )
            try await LogDisk.with(host, at: host.logDirectory, mount: mount) { disk in
                let instance = try await host.runningInstance("web", number: 1)
                try await eventually("the log has lines") { !disk.logText("web", job: instance.job).isEmpty }
                let before = bytesWritten(instance.pid)
                disk.run("fsfreeze -f \"$1\"")
                defer { runShell("nsenter -t \(disk.reconciler.pid) -m fsfreeze -u '\(disk.mountPoint)' 2>/dev/null") }
                // Each line is stored with a prefix of forty bytes. The output exceeds both buffers.
                try await eventually("the service keeps writing", within: 90) {
                    bytesWritten(instance.pid) > before + 1_000_000
                }
                #expect(kill(instance.pid, SIGTERM) == 0)
                try await eventually("the end is recorded") { isEndRecorded(host, instance.job) }
                #expect(host.instances("web").count == 1)
                #expect(try await disk.runHeroproc("why", "web").exitCode == 0)
                disk.run("fsfreeze -u \"$1\"")
                _ = try await host.runningInstance("web", number: 2)
                let log = host.readText(disk.path("\(host.logDirectory)/core/web/run/\(instance.job).log.1"))
                let account = LogContents(log)
                let dropped = account.dropMarkers.reduce(0) { $0 + $1.bytes }
                account.expectComplete(upTo: try #require(host.instances("web").first?.lineCount), dropped: dropped)
                #expect(dropped > 0 && Set(account.dropMarkers.map(\.why)) == [Self.slowDiskReason])
                #expect(!wasBlocked(host, "web"))
            }
        }
    }

    private func isEndRecorded(_ host: TestHost, _ job: Int) -> Bool {
        guard let data = FileManager.default.contents(atPath: "\(host.paths.jobs)/\(job)"),
            data.count >= Int(HERO_SECTOR) + MemoryLayout<hero_exit>.size
        else { return false }
        var end = Array(data)[Int(HERO_SECTOR)...].withUnsafeBytes { $0.loadUnaligned(as: hero_exit.self) }
        return hero_exit_is_valid(&end) == 1 && end.kind != HERO_EXIT_EMPTY.rawValue
    }

    @Test(
        "A disk of 256 kB/s slows only services that block (LG-3)",
        .enabled(if: LogDisk.canThrottle, "needs root, loop devices, the ext4 tools and the v1 blkio controller"),
        arguments: ["block", "drop"]
    )
    func throttledDisk(_ whenSlow: String) async throws {
        try await TestHost.with { host in
            let group = "\(LogDisk.blkioDirectory)/heroproc-test-\(URL(fileURLWithPath: host.root).lastPathComponent)"
            defer { rmdir(group) }
            // With `sync` each write reaches the disk before it returns, so that no cache hides the delay.
            let mount = """
                truncate -s 64M \(host.root)/disk && mkfs.ext4 -q -m 0 \(host.root)/disk \
                && mount -o loop,sync \(host.root)/disk "$1" && mkdir \(group) \
                && echo "$(mountpoint -d "$1") 262144" >\(group)/blkio.throttle.write_bps_device \
                && echo $$ >\(group)/cgroup.procs
                """
            try host.declare("web", actions: Self.floodAction(whenSlow))
            try host.declare("calm", actions: .process("lines 100"))
            try await LogDisk.with(host, at: "\(host.logDirectory)/core/web", mount: mount) { disk in
                let web = try await host.runningInstance("web", number: 1)
                let calm = try await host.runningInstance("calm", number: 1)
                if whenSlow == "drop" {
                    try await eventually("the service keeps writing", within: 60) { bytesWritten(web.pid) > 30_000_000 }
                    try await eventually("the missing lines are counted", within: 60) {
                        disk.logText("web", job: web.job).contains(" bytes, \(Self.slowDiskReason), ")
                    }
                } else {
                    try await expectPaced(web)
                }
                let before = disk.logText("calm", job: calm.job).utf8.count
                try await eventually("the log of the other service continues") {
                    disk.logText("calm", job: calm.job).utf8.count > before + 10_000
                }
                #expect(try await disk.runHeroproc("status").exitCode == 0)
                #expect(try await disk.runHeroproc("down").exitCode == 0)
                #expect(whenSlow == "block" || !wasBlocked(host, "web"))
                #expect(!wasBlocked(host, "calm"))
                try await expectComplete(host, "web", disk.logText("web", job: web.job), drops: whenSlow == "drop")
                try await expectComplete(host, "calm", disk.logText("calm", job: calm.job), drops: false)
            }
        }
    }
}

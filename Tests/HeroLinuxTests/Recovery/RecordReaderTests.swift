import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite struct RecordReaderTests {
    private static func record(
        job: JobID = 5,
        generation: UInt32 = 3,
        phase: hero_proc_phase = HERO_PROC_EXECUTED,
        kind: hero_exit_kind = HERO_EXIT_EXITED,
        exitGeneration: UInt32 = 3
    ) -> [UInt8] {
        var proc = hero_proc()
        proc.generation = generation
        proc.phase = phase.rawValue
        proc.job = job
        proc.main = hero_identity(pid: 77, reserved: 0, start_ticks: 88, pidfs_inode: 99)
        proc.shim = hero_identity(pid: 66, reserved: 0, start_ticks: 55, pidfs_inode: 44)
        proc.started_boottime = 1_000
        proc.started_realtime = 5_000_000
        proc.stage = HERO_STAGE_DIRECTORY.rawValue
        proc.error = 2
        withUnsafeMutableBytes(of: &proc.boot_id) { $0.copyBytes(from: "boot".utf8) }
        hero_proc_seal(&proc)
        var exit = hero_exit()
        exit.generation = exitGeneration
        exit.kind = kind.rawValue
        exit.job = job
        exit.status = 9
        exit.core_dumped = 1
        exit.stage = HERO_STAGE_EXECUTE.rawValue
        exit.error = 13
        exit.dropped_bytes = 12
        exit.ended_realtime = 7_000_000
        hero_exit_seal(&exit)
        var bytes = [UInt8](repeating: 0, count: 2 * Int(HERO_SECTOR))
        bytes.withUnsafeMutableBytes { target in
            withUnsafeBytes(of: &proc) { target.copyMemory(from: $0) }
            withUnsafeBytes(of: &exit) {
                UnsafeMutableRawBufferPointer(rebasing: target[Int(HERO_SECTOR)...]).copyMemory(from: $0)
            }
        }
        return bytes
    }

    private static func decode(_ bytes: [UInt8], job: JobID = 5) -> RecordReader? {
        guard case .found(let record) = bytes.withUnsafeBytes({ RecordReader.decode($0, job: job) }) else { return nil }
        return record
    }

    @Test(
        "A released program whose shim is lost counts as executed (RS-2)"
    )
    func release() throws {
        func report(_ phase: hero_proc_phase, magic: UInt32 = HERO_RELEASE_MAGIC, _ generation: UInt32, _ job: JobID)
            -> Bool
        {
            var bytes = Self.record(phase: phase, kind: HERO_EXIT_EMPTY)
            withUnsafeBytes(of: hero_release(magic: magic, generation: generation, job: job)) {
                bytes.replaceSubrange(Int(HERO_RELEASE_OFFSET)..<(Int(HERO_RELEASE_OFFSET) + $0.count), with: $0)
            }
            let record = Self.decode(bytes)
            // While the shim is running it may still report a failed execution.
            #expect((record?.startReport != nil) == (phase == HERO_PROC_EXECUTED))
            return record?.orphanReport != nil
        }
        #expect(report(HERO_PROC_GATED, 3, 5))
        #expect(report(HERO_PROC_EXECUTED, magic: 0, 0, 0), "as an earlier shim has written it")
        #expect(!report(HERO_PROC_GATED, magic: 0, 0, 0))
        #expect(!report(HERO_PROC_GATED, 2, 5), "the release of an earlier start")
        #expect(!report(HERO_PROC_GATED, 3, 6), "the release of another job")
        #expect(!report(HERO_PROC_PREPARED, 3, 5) && !report(HERO_PROC_FAILED, 3, 5))
    }

    @Test("A complete record has the main process and its end")
    func completeRecord() throws {
        let record = try #require(Self.decode(Self.record()))
        #expect(record.generation == 3)
        #expect(record.main?.pid == 77)
        #expect(record.shim?.startTicks == 55)
        #expect(record.main?.bootID == "boot")
        let end = try #require(record.endReport(nil))
        #expect(end.outcome == .exited(9))
        #expect(end.time == WallTime(microseconds: 7_000))
        #expect(end.droppedBytes == 12)
        #expect(end.executed?.at == Moment(nanoseconds: 1_000))
    }

    @Test("Each kind of end in a record has its own outcome")
    func kinds() throws {
        #expect(
            Self.decode(Self.record(kind: HERO_EXIT_SIGNALED))?.endReport(nil)?.outcome
                == .signaled(.kill, coreDumped: true)
        )
        #expect(Self.decode(Self.record(kind: HERO_EXIT_EMPTY))?.endReport(nil) == nil)
        let failed = Self.decode(Self.record(phase: HERO_PROC_FAILED, kind: HERO_EXIT_FAILED))?.endReport(nil)
        #expect(failed?.outcome == .startFailed(StartFailure(stage: .execute, errno: 13, detail: "Permission denied")))
        #expect(failed?.executed == nil)
        let early = Self.decode(Self.record(phase: HERO_PROC_FAILED, kind: HERO_EXIT_EMPTY))?.endReport(nil)
        #expect(
            early?.outcome
                == .startFailed(StartFailure(stage: .directory, errno: 2, detail: "No such file or directory"))
        )
    }

    @Test("A kill for lack of memory is reported as such (OM-1)")
    func outOfMemory() throws {
        var bytes = Self.record(kind: HERO_EXIT_SIGNALED)
        let sector = Int(HERO_SECTOR)
        var exit = bytes[sector...].withUnsafeBytes { $0.loadUnaligned(as: hero_exit.self) }
        exit.out_of_memory = 1
        hero_exit_seal(&exit)
        withUnsafeBytes(of: exit) { bytes.replaceSubrange(sector..<(sector + $0.count), with: $0) }
        let outcome = try #require(Self.decode(bytes)?.endReport(nil)?.outcome)
        #expect(outcome == .outOfMemory)
        #expect("\(outcome)" == "signal KILL (out of memory)")
    }

    /// Writes a half of a record as an earlier version, whose checksum is at the place of the first field that it lacks.
    private static func rewrite(_ bytes: inout [UInt8], at start: Int, version: UInt32, size: Int?) throws {
        let size = try #require(size)
        withUnsafeBytes(of: version) { bytes.replaceSubrange((start + 4)..<(start + 8), with: $0) }
        let checksum = bytes[start...].withUnsafeBytes { hero_checksum($0.baseAddress, size) }
        withUnsafeBytes(of: checksum) {
            bytes.replaceSubrange((start + size)..<(start + size + 4), with: $0)
        }
    }

    @Test("A record of version 2 is read and names no tracer (SH-14)")
    func versionTwo() throws {
        var bytes = Self.record(kind: HERO_EXIT_UNKNOWN)
        let sector = Int(HERO_SECTOR)
        try Self.rewrite(&bytes, at: sector, version: 2, size: MemoryLayout<hero_exit>.offset(of: \.tracer))
        let outcome = Self.decode(bytes)?.endReport(nil)?.outcome
        #expect("\(try #require(outcome))".contains("the child of another process"))
        bytes[sector + 4] = 4
        #expect(Self.decode(bytes)?.endReport(nil) == nil && Self.decode(bytes)?.main?.pid == 77)
    }

    @Test("A record names the process that traced the main process")
    func tracer() throws {
        var bytes = Self.record(kind: HERO_EXIT_UNKNOWN)
        let sector = Int(HERO_SECTOR)
        var exit = bytes[sector...].withUnsafeBytes { $0.loadUnaligned(as: hero_exit.self) }
        exit.tracer = UInt32(getpid())
        hero_exit_seal(&exit)
        withUnsafeBytes(of: exit) { bytes.replaceSubrange(sector..<(sector + $0.count), with: $0) }
        let outcome = Self.decode(bytes)?.endReport(nil)?.outcome
        #expect("\(try #require(outcome))".contains("process \(getpid()) ("))
    }

    @Test("A record of version 1 is read (SH-14)")
    func versionOne() throws {
        var bytes = Self.record()
        try Self.rewrite(&bytes, at: 0, version: 1, size: MemoryLayout<hero_proc>.offset(of: \.containment))
        let sector = Int(HERO_SECTOR)
        try Self.rewrite(&bytes, at: sector, version: 1, size: MemoryLayout<hero_exit>.offset(of: \.out_of_memory))
        let record = try #require(Self.decode(bytes))
        #expect(record.main?.pid == 77)
        #expect(record.cgroup == nil && !record.allowsHandover)
        #expect(record.endReport(nil)?.outcome == .exited(9))
        bytes[9] ^= 1
        #expect(Self.decode(bytes)?.main == nil)
    }

    /// A record with a notify section.
    private static func recordWithNotifyState(
        generation: UInt32 = 3,
        _ change: (inout hero_notify_state) -> Void = { _ in }
    ) -> [UInt8] {
        var section = hero_notify_state()
        section.generation = generation
        section.job = 5
        section.flags = HERO_NOTIFY_READY.rawValue | HERO_NOTIFY_RELOADING.rawValue
        section.watchdog_us = 1_500_000
        section.pinged_boottime = 42
        section.foreign_senders = 2
        change(&section)
        hero_notify_state_seal(&section)
        var bytes = record()
        // From this boot: the notify state of another boot is ignored.
        var proc = bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_proc.self) }
        withUnsafeMutableBytes(of: &proc.boot_id) { $0.copyBytes(from: ProcessTable.currentMachine.bootID.utf8) }
        hero_proc_seal(&proc)
        withUnsafeBytes(of: proc) { bytes.replaceSubrange(0..<$0.count, with: $0) }
        return bytes + withUnsafeBytes(of: section) { [UInt8]($0) }
    }

    private static func notifyState(_ bytes: [UInt8]) -> NotifyState? {
        decode(bytes)?.notifyState(asOf: Moment(nanoseconds: 77))
    }

    @Test("The notify state is read with the record and belongs to its start")
    func notifySection() throws {
        let report = try #require(Self.notifyState(Self.recordWithNotifyState()))
        #expect(report.isReady && report.isReloading && !report.isStopping && !report.hasTriggeredWatchdog)
        #expect(report.watchdog == .milliseconds(1500) && report.lastPing == Moment(nanoseconds: 42))
        #expect(report.unverifiedMessages == 2 && report.status == nil && report.asOf == Moment(nanoseconds: 77))
        #expect(Self.notifyState(Self.recordWithNotifyState(generation: 2)) == nil)
        #expect(Self.notifyState(Self.record()) == nil, "SH-14: a shim of the former version writes no such section")
        var torn = Self.recordWithNotifyState()
        torn[2 * Int(HERO_SECTOR) + 20] ^= 1
        #expect(Self.notifyState(torn) == nil)
        #expect(Self.decode(torn)?.hasNotifySection == true && Self.decode(torn)?.endReport(nil)?.outcome == .exited(9))
    }

    @Test("A status text that was cut within a character loses that character")
    func statusText() throws {
        func shown(_ text: [UInt8]) -> String? {
            Self.notifyState(
                Self.recordWithNotifyState { section in
                    section.status_size = UInt32(text.count)
                    withUnsafeMutableBytes(of: &section.status) { $0.copyBytes(from: text) }
                }
            )?.status
        }
        #expect(shown(Array("läuft".utf8)) == "läuft")
        let long = [UInt8](repeating: 0x61, count: 254) + Array("€".utf8.prefix(2))
        #expect(shown(long) == String(repeating: "a", count: 254))
        #expect(shown([0x61, 0xff]) == "a\u{FFFD}")
        #expect(shown([]) == nil)
    }

    @Test("The end of another start in a record is ignored")
    func endOfOtherStart() {
        #expect(Self.decode(Self.record(exitGeneration: 2))?.endReport(nil) == nil)
    }

    @Test("A record of another job is rejected")
    func otherJob() { #expect(Self.decode(Self.record(), job: 6) == nil) }

    @Test("A flipped bit in a half of a record invalidates that half (SH-9)")
    func flippedBits() throws {
        var generator = SystemRandomNumberGenerator()
        let good = Self.record()
        for _ in 0..<500 {
            let inProc = Bool.random(using: &generator)
            let size =
                inProc
                ? MemoryLayout<hero_proc>.offset(of: \.checksum) ?? 0
                : MemoryLayout<hero_exit>.offset(of: \.checksum) ?? 0
            let index = Int.random(in: 0..<size, using: &generator) + (inProc ? 0 : Int(HERO_SECTOR))
            var bytes = good
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            let record = Self.decode(bytes)
            if inProc { #expect(record?.main == nil) } else { #expect(record?.endReport(nil) == nil) }
        }
    }

    @Test("A record of zeros is empty, and one of noise is damaged")
    func noRecord() {
        let zeros = [UInt8](repeating: 0, count: 1024)
        guard case .empty = zeros.withUnsafeBytes({ RecordReader.decode($0, job: 1) }) else {
            Issue.record("zeros are not empty")
            return
        }
        let noise = [UInt8](repeating: 7, count: 1024)
        guard case .damaged = noise.withUnsafeBytes({ RecordReader.decode($0, job: 1) }) else {
            Issue.record("noise is not damage")
            return
        }
    }
}

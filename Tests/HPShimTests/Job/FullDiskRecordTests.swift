import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// The disk with the records has no room left (reliability.md SH-9, RX-4).
@Suite("The last byte of a disk")
struct FullDiskRecordTests {
    /// Takes all the room that is left, to the last byte.
    private func fill(_ path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        for size in [1 << 16, 4096, 1] {
            let zeros = [UInt8](repeating: 0, count: size)
            while Foundation.write(file, zeros, size) > 0 {}
        }
        close(file)
    }

    @Test(
        "SH-9: a hundred ends on a disk without one free byte are on record, each of them exactly",
        .enabled(if: geteuid() == 0, "mounting a small file system needs root")
    )
    func recordsHundredExits() throws {
        let place = try TestJob()
        let small = place.path("small")
        mkdir(small, 0o700)
        try #require(harness_mount_tmpfs(small, "size=4m") == 0)
        defer { _ = harness_unmount(small) }
        // Each of them waits for a line of its own.
        let gate = place.path("gate")
        try #require(mkfifo(gate, 0o600) == 0)
        let door = open(gate, O_RDWR | O_CLOEXEC)
        defer { close(door) }
        var running: [(number: Int32, job: TestJob, pid: Int32)] = []
        for number in 0..<100 as Range<Int32> {
            let end = number % 4 == 3 ? "kill -9 $$" : "exit \(number)"
            let job = try TestJob(shell: "read line < \(gate); echo gone; \(end)")
            job.spec.recordPath = "\(small)/\(number)"
            job.spec.logPath = "\(small)/logs/\(number).log"
            running.append((number, job, try job.start()))
        }
        for (_, job, _) in running { _ = try job.awaitMainPID() }
        fill(small + "/fill")
        let isFull = open(small + "/more", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(Foundation.write(isFull, "x", 1) == -1 && errno == ENOSPC)
        close(isFull)
        let lines = String(repeating: "\n", count: running.count)
        try #require(Foundation.write(door, lines, running.count) == running.count)

        var exact = 0
        for (number, job, pid) in running {
            #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
            let exit = try #require(job.exit, "start \(number) has no end")
            let (kind, status) = number % 4 == 3 ? (HERO_EXIT_SIGNALED, SIGKILL) : (HERO_EXIT_EXITED, number)
            let isExact = exit.kind == kind.rawValue && exit.status == status && exit.generation == 1
            #expect(isExact, "start \(number): \(exit)")
            if isExact { exact += 1 }
        }
        TestSettings.reportRow(["row": "SH-9 full disk", "cycles": "\(running.count)", "verdict": "\(exact) exact"])
    }
}

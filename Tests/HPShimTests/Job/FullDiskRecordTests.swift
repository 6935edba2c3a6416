import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// Records on a disk without free space (guarantees SH-9, RX-4).
@Suite("Records on a full disk")
struct FullDiskRecordTests {
    @Test(
        "A hundred exits are recorded exactly on a completely full disk (SH-9)",
        .enabled(if: geteuid() == 0, "needs root to mount a small file system")
    )
    func recordsHundredExits() throws {
        let sandbox = try TestJob()
        let small = sandbox.path("small")
        mkdir(small, 0o700)
        try #require(harness_mount_tmpfs(small, "size=4m") == 0)
        defer { _ = harness_unmount(small) }
        // Each service waits for its own line.
        let gate = sandbox.path("gate")
        try #require(mkfifo(gate, 0o600) == 0)
        let gateDescriptor = open(gate, O_RDWR | O_CLOEXEC)
        defer { close(gateDescriptor) }
        var running: [(number: Int32, job: TestJob, pid: Int32)] = []
        for number in 0..<100 as Range<Int32> {
            let end = number % 4 == 3 ? "kill -9 $$" : "exit \(number)"
            let job = try TestJob(shell: "read line < \(gate); echo gone; \(end)")
            job.spec.recordPath = "\(small)/\(number)"
            job.spec.logPath = "\(small)/logs/\(number).log"
            running.append((number, job, try job.start()))
        }
        for (_, job, _) in running { _ = try job.awaitMainPID() }
        fillDisk(small + "/fill")
        let probe = open(small + "/more", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        #expect(Foundation.write(probe, "x", 1) == -1 && errno == ENOSPC)
        close(probe)
        let lines = String(repeating: "\n", count: running.count)
        try #require(Foundation.write(gateDescriptor, lines, running.count) == running.count)

        var exact = 0
        for (number, job, pid) in running {
            #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
            let exit = try #require(job.exit, "start \(number) has no exit")
            let (kind, status) = number % 4 == 3 ? (HERO_EXIT_SIGNALED, SIGKILL) : (HERO_EXIT_EXITED, number)
            let isExact = exit.kind == kind.rawValue && exit.status == status && exit.generation == 1
            #expect(isExact, "start \(number): \(exit)")
            if isExact { exact += 1 }
        }
        TestSettings.reportRow(["row": "SH-9 full disk", "cycles": "\(running.count)", "verdict": "\(exact) exact"])
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

@Suite("Exit status")
struct ExitTests {
    @Test(
        "The shim records the exact exit code (SH-1)",
        arguments: [0, 1, 2, 42, 99, 100, 101, 104, 126, 127, 128, 200, 255]
    )
    func exitCode(_ code: Int32) throws {
        let job = try TestJob(shell: "exit \(code)")
        #expect(try job.run() == HERO_SHIM_DONE)
        let record = try #require(job.exit)
        #expect(record.kind == HERO_EXIT_EXITED.rawValue)
        #expect(record.status == code)
        #expect(record.generation == 1)
        #expect(record.job == 17)
        #expect(job.proc?.phase == HERO_PROC_EXECUTED.rawValue)
    }

    @Test(
        "The shim records the signal that ended the program (SH-1)",
        arguments: [1, 2, 3, 6, 9, 10, 11, 13, 14, 15, 34, 40, 64]
    )
    func signal(_ signal: Int32) throws {
        let job = try TestJob(shell: "ulimit -c 0; kill -\(signal) $$; sleep 5")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_SIGNALED.rawValue)
        #expect(job.exit?.status == signal)
    }

    @Test("The record contains the identities and times of the processes")
    func identity() throws {
        let before = clock(CLOCK_REALTIME)
        let job = try TestJob(shell: "cat /proc/$$/stat; exec sleep 0.05")
        let pid = try job.start()
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        let proc = try #require(job.proc)
        let exit = try #require(job.exit)
        #expect(proc.shim.pid == pid)
        #expect(proc.shim.start_ticks > 0)
        let stat = try #require(job.texts.first).split(separator: " ")
        #expect(Int32(stat[0]) == proc.main.pid)
        #expect(UInt64(stat[21]) == proc.main.start_ticks)
        #expect(proc.pid_namespace == 4_026_531_836)
        #expect((before...clock(CLOCK_REALTIME)).contains(proc.started_realtime))
        #expect(exit.ended_realtime - proc.started_realtime >= 40_000_000)
        #expect(exit.ended_boottime - proc.started_boottime >= 40_000_000)
        #expect(exit.max_rss_kib > 0)
        #expect(exit.dropped_bytes == 0)
    }

    @Test("The record contains the processor time of the program")
    func resources() throws {
        let job = try TestJob(shell: "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(try #require(job.exit).user_time_us > 10_000)
    }

    @Test("An outside process that holds the output open does not delay the exit (SH-11)")
    func outsiderHoldsPipe() throws {
        let job = try TestJob(shell: "exec sleep 60")
        let pid = try job.start()
        #expect(waitUntil { job.proc?.phase == HERO_PROC_EXECUTED.rawValue })
        let main = try #require(job.proc?.main.pid)
        let writer = open("/proc/\(main)/fd/1", O_WRONLY)
        #expect(writer >= 0)
        defer { close(writer) }
        #expect(harness_signal(main, SIGTERM) == 0)
        #expect(job.waitForExit(of: pid, within: 2000) == HERO_SHIM_DONE)
        #expect(job.exit?.status == SIGTERM)
    }

    @Test("A grandchild that holds the output open does not delay the exit record (SH-11)")
    func grandchildHoldsPipe() throws {
        let job = try TestJob(shell: "(trap '' TERM; sleep 60) & exit 7")
        job.spec.stopTimeout = 3000
        let pid = try job.start()
        let start = clock(CLOCK_BOOTTIME)
        #expect(waitUntil { job.exit?.kind == HERO_EXIT_EXITED.rawValue })
        #expect(clock(CLOCK_BOOTTIME) - start < 2_000_000_000)
        #expect(harness_signal(pid, 0) == 0)
        #expect(harness_signal(pid, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 7)
    }

    @Test("A shim reacts to no signal except SIGKILL and SIGSTOP", arguments: [1, 2, 3, 10, 12, 13, 14, 15, 35, 63])
    func ignoresSignals(_ signal: Int32) throws {
        let job = try TestJob(shell: "read x </dev/null; sleep 0.3; exit 5")
        let pid = try job.start()
        #expect(waitUntil { job.proc?.phase == HERO_PROC_EXECUTED.rawValue })
        #expect(harness_signal(pid, signal) == 0)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 5)
    }

    private func clock(_ id: clockid_t) -> Int64 {
        var now = timespec()
        clock_gettime(id, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    @Test("An exit that leaves processes behind is recorded with their number at once")
    func recordsLeftBehindProcesses() throws {
        let job = try TestJob(shell: "trap '' TERM; sleep 600 & sleep 601 & exit 4")
        job.spec.stopTimeout = 60_000
        let shim = try job.start()
        #expect(waitUntil { job.exit?.left_behind == 2 })
        #expect(job.exit?.status == 4)
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.left_behind == 2)
        #expect(job.exit?.status == 4)
    }
}

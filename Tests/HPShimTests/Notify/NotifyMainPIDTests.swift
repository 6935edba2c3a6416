import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// The main process that a service names (MAINPID of sd_notify(3)), and its exit.
@Suite("MAINPID messages")
struct NotifyMainPIDTests {
    private static let ready = HERO_NOTIFY_READY.rawValue

    /// A service that has named another main process, which exits with code 43 when the file `go` exists.
    private func jobWithNewMain(_ action: String) throws -> (job: TestJob, shim: pid_t, first: pid_t) {
        let job = try TestJob.notifyService("wait-for begin \(action) READY=1 wait-for go exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let first = try job.awaitMainPID()
        job.write("begin", "")
        #expect(waitUntil { job.notifyFlags == Self.ready && job.proc?.main.pid != first })
        return (job, shim, first)
    }

    @Test("MAINPID makes a forked daemon the main process with an exact exit status")
    func daemon() throws {
        let (job, shim, first) = try jobWithNewMain("notify-away")
        let main = try #require(job.proc).main
        #expect(main.pid != first && main.start_ticks > 0)
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue, "the exit of the first process is not recorded")
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test("MAINPID is accepted while the processes above the daemon exit", arguments: 0..<40)
    func acceptsDuringExit(_: Int) throws {
        let job = try TestJob.notifyService("notify-away READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.notifyState?.refused_main_pids == 0)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test("A main process that is no child of the shim has an unknown status")
    func nonChildExit() throws {
        let (job, shim, first) = try jobWithNewMain("notify-distant")
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNKNOWN.rawValue)
        #expect(harness_wait_gone(first, 0) == 1, "the remaining processes are ended")
    }

    @Test("The exit status is exact when the parent exits without reaping the main process")
    func parentExitsWithoutReaping() throws {
        let job = try TestJob.notifyService("notify-brief 50 READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.notifyState?.refused_main_pids == 0)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test(
        "The shim does not wait for a parent that never reaps the main process"
    )
    func parentNeverReaps() throws {
        let job = try TestJob.notifyService("notify-brief 600000 READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNKNOWN.rawValue)
    }

    @Test("The exit status is exact when the parent exits before the main process")
    func parentExitsFirst() throws {
        let (job, shim, first) = try jobWithNewMain("notify-distant")
        #expect(harness_signal(first, SIGKILL) == 0)
        #expect(harness_wait_gone(first, 5000) == 1)
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test(
        "The shim refuses a MAINPID outside of its process tree",
        arguments: [
            "1", "0", "-5", "99999999999", "abc", "", "own", "shim",
        ]
    )
    func refused(_ text: String) throws {
        let job = try TestJob.notifyService("wait-for named notify-main pid notify READY=1")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let main = try job.awaitMainPID()
        job.write("pid", text == "own" ? "\(getpid())" : text == "shim" ? "\(shim)" : text)
        job.write("named", "")
        #expect(waitUntil { job.notifyFlags == Self.ready })
        #expect(job.notifyState?.refused_main_pids == 1)
        let number = Int32(text) ?? (text == "own" ? getpid() : text == "shim" ? shim : -1)
        #expect(job.notifyState?.refused_pid == (number > 0 ? number : -1))
        #expect(job.proc?.main.pid == main)
    }

    @Test("MAINPID of the current main process changes nothing")
    func unchangedMainPID() throws {
        let job = try TestJob.notifyService("notify MAINPID=@ notify READY=1")
        try job.start()
        let main = try job.awaitMainPID()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        #expect(job.notifyState?.refused_main_pids == 0 && job.proc?.main.pid == main)
    }
}

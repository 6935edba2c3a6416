import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// Whom a service names as its main process (MAINPID of sd_notify(3)), and how that ends.
@Suite("Notify: the main process")
struct NotifyMainPIDTests {
    private static let ready = HERO_NOTIFY_READY.rawValue

    /// A service whose main process became another one than its first, and ends with 43 once there is a file `go`.
    private func jobWithNewMain(_ deed: String) throws -> (job: TestJob, shim: pid_t, first: pid_t) {
        let job = try TestJob.notifyService("wait-for begin \(deed) READY=1 wait-for go exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let first = try job.awaitMainPID()
        job.write("begin", "")
        #expect(job.eventually { job.notifyFlags == Self.ready && job.proc?.main.pid != first })
        return (job, shim, first)
    }

    @Test("MAINPID of a daemon that forks away makes it the job's process, and its exit status is exact")
    func daemon() throws {
        let (job, shim, first) = try jobWithNewMain("notify-away")
        let main = try #require(job.proc).main
        #expect(main.pid != first && main.start_ticks > 0)
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue, "the end of the first process is nobody's")
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test("MAINPID is believed while those between it and the shim are just ending", arguments: 0..<40)
    func acceptsDuringExit(_: Int) throws {
        let job = try TestJob.notifyService("notify-away READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.notifyState?.refused_main_pids == 0)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test("a main process that is another's child is noticed when it ends, and nobody pretends to know how")
    func nonChildExit() throws {
        let (job, shim, first) = try jobWithNewMain("notify-distant")
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNKNOWN.rawValue)
        #expect(harness_wait_gone(first, 0) == 1, "what is left is ended with it")
    }

    @Test("the status of a main process is exact where its parent ends without having taken in its end")
    func parentExitsWithoutReaping() throws {
        let job = try TestJob.notifyService("notify-brief 50 READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.notifyState?.refused_main_pids == 0)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test(
        "the end of a main process whose parent never takes it in is not waited for long, and nobody pretends to know how"
    )
    func parentNeverReaps() throws {
        let job = try TestJob.notifyService("notify-brief 600000 READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNKNOWN.rawValue)
    }

    @Test("a main process whose parent ends before it is the shim's own in the end, and its status is exact")
    func parentExitsFirst() throws {
        let (job, shim, first) = try jobWithNewMain("notify-distant")
        #expect(harness_signal(first, SIGKILL) == 0)
        #expect(harness_wait_gone(first, 5000) == 1)
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test(
        "a MAINPID that is not of its tree, or is none, is refused",
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
        #expect(job.eventually { job.notifyFlags == Self.ready })
        #expect(job.notifyState?.refused_main_pids == 1)
        let number = Int32(text) ?? (text == "own" ? getpid() : text == "shim" ? shim : -1)
        #expect(job.notifyState?.refused_pid == (number > 0 ? number : -1))
        #expect(job.proc?.main.pid == main)
    }

    @Test("to name what is the main process already is no news")
    func unchangedMainPID() throws {
        let job = try TestJob.notifyService("notify MAINPID=@ notify READY=1")
        try job.start()
        let main = try job.awaitMainPID()
        #expect(job.eventually { job.notifyFlags == Self.ready })
        #expect(job.notifyState?.refused_main_pids == 0 && job.proc?.main.pid == main)
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

@Suite("Process tree")
struct ProcessTreeTests {
    @Test("A daemon that forks twice is ended with its job (TR-1)")
    func doubleFork() throws {
        let job = try TestJob()
        let daemon =
            "echo $$ >> \(job.path("pids")); trap 'echo bye >> \(job.path("said")); exit' TERM; echo up; "
            + "while :; do sleep 0.02; done"
        job.spec.arguments = [
            "sh", "-c",
            "(setsid sh -c \"\(daemon.replacingOccurrences(of: "$$", with: "\\$\\$"))\" &); "
                + "until [ -s \(job.path("pids")) ]; do sleep 0.01; done; sleep 0.1; exit 4",
        ]
        job.spec.stopTimeout = 5000
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 4)
        let pids = job.numbers("pids")
        #expect(pids.count == 1)
        for pid in pids { #expect(harness_wait_gone(pid, 100) == 1) }
        #expect(job.read("said") == "bye\n", "remaining processes get the stop signal before SIGKILL")
        #expect(harness_lock_is_free(job.spec.recordPath) == 1)
    }

    /// Four ways to become a daemon; `D` is the daemon.
    static let daemonStyles: [(String, String)] = [
        ("two forks with its own session", "(setsid sh -c 'D' &)"),
        ("daemon(3)", "cd /; setsid sh -c 'D' </dev/null >/dev/null 2>&1 3>&- &"),
        ("nohup in a shell", "nohup sh -c 'D' >/dev/null 2>&1 &"),
        ("fork and exit of the first process", "sh -c 'D' & exit 4"),
    ]

    @Test("A daemon is ended with its job, however it was started (TR-1)", arguments: daemonStyles.map(\.0))
    func daemons(_ style: String) throws {
        let job = try TestJob()
        let command = try #require(Self.daemonStyles.first { $0.0 == style }).1
        let daemon = "echo $$ > \(job.path("pids")); exec sleep 600"
        job.spec.arguments = [
            "sh", "-c",
            command.replacingOccurrences(of: "D", with: daemon)
                + "\nuntil [ -s \(job.path("pids")) ]; do sleep 0.01; done; exit 4",
        ]
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 4)
        for pid in job.numbers("pids") { #expect(harness_wait_gone(pid, 0) == 1) }
        #expect(harness_lock_is_free(job.spec.recordPath) == 1)
    }

    @Test("Processes that ignore the stop signal are killed after the stop timeout (TR-3)")
    func ignoresTerm() throws {
        let job = try TestJob()
        let stubborn = "trap '' TERM; echo $$ >> \(job.path("pids")); while :; do sleep 0.05; done"
        job.spec.arguments = [
            "sh", "-c",
            "(\(stubborn)) & (\(stubborn)) & "
                + "until [ $(wc -l < \(job.path("pids"))) -ge 2 ]; do sleep 0.01; done; exit 0",
        ]
        let pid = try job.start()
        #expect(waitUntil { job.exit?.kind == HERO_EXIT_EXITED.rawValue })
        #expect(job.waitForExit(of: pid, within: 3000) == HERO_SHIM_DONE)
        let exit = try #require(job.exit)
        #expect(exit.status == 0)
    }

    @Test("A stopped process is continued so that it can exit (TR-3)")
    func stopped() throws {
        let job = try TestJob()
        // In its own session: otherwise the kernel continues it when the program exits.
        job.spec.arguments = [
            "sh", "-c",
            "(setsid sh -c 'echo $$ > \(job.path("pids")); kill -STOP $$; sleep 60' &); "
                + "until grep -q '^State:.T' /proc/$(cat \(job.path("pids")))/status; do sleep 0.01; done; exit 0",
        ]
        job.spec.stopTimeout = 20_000
        let pid = try job.start()
        #expect(job.waitForExit(of: pid, within: 5000) == HERO_SHIM_DONE)
        #expect(job.numbers("pids").count == 1)
    }

    @Test("KILL_TREE ends a program with all descendants, also while it forks")
    func killTreeForkBomb() throws {
        let job = try TestJob()
        job.spec.arguments = [
            "sh", "-c",
            "trap '' TERM; f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & fi; echo x >> \(job.path("ran")); "
                + "while :; do sleep 0.1; done; }; f 5",
        ]
        job.spec.stopTimeout = 60_000
        let pid = try job.start()
        let main = try job.awaitMainPID()
        #expect(waitUntil { job.read("ran").count >= 2 * 63 })
        #expect(harness_signal(pid, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: pid, within: 5000) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_SIGNALED.rawValue)
        #expect(job.exit?.status == SIGKILL)
        #expect(harness_wait_gone(main, 0) == 1)
        #expect(harness_lock_is_free(job.spec.recordPath) == 1, "a process of the tree is still running")
    }

    /// Programs that are hard to stop; the shim sends them the stop signal after the main process.
    static let stubbornPrograms: [(String, String)] = [
        ("a handler that forks", "trap 'sleep 600 & sleep 601 & exit 0' TERM; while :; do sleep 0.01; done"),
        ("a delayed exit", "trap 'sleep 0.2; exit 0' TERM; while :; do sleep 0.01; done"),
        ("a handler that does nothing", "trap : TERM; while :; do sleep 0.01; done"),
        ("its own session", "exec setsid sleep 600"),
    ]

    @Test("No process survives the end of the main process (TR-3)", arguments: stubbornPrograms.map(\.0))
    func killsRemainingProcesses(_ name: String) throws {
        let job = try TestJob()
        let command = try #require(Self.stubbornPrograms.first { $0.0 == name }).1
        job.write("left", "echo $$ > \(job.path("pids"))\n\(command)\n")
        job.spec.arguments = [
            "sh", "-c", "sh \(job.path("left")) & until [ -s \(job.path("pids")) ]; do sleep 0.01; done",
        ]
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(harness_wait_gone(try #require(job.numbers("pids").first), 0) == 1)
        #expect(harness_lock_is_free(job.spec.recordPath) == 1, "a process of the tree is still running")
    }

    @Test("Orphans that exit while the program runs are reaped and not recorded")
    func orphans() throws {
        let job = try TestJob(
            shell:
                "i=0; while [ $i -lt 30 ]; do (sh -c 'exit 77' &); i=$((i+1)); done; sleep 0.2; "
                + "ps -o stat= --ppid $PPID; exit 2"
        )
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 2)
        #expect(!job.texts.contains { $0.hasPrefix("Z") })
    }
}

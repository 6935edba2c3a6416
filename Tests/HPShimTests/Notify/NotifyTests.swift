import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// The notify messages of a service (sd_notify(3)).
@Suite("Notify messages")
struct NotifyTests {
    private func status(_ job: TestJob) -> String {
        guard let state = job.notifyState else { return "" }
        return withUnsafeBytes(of: state.status) { String(decoding: $0.prefix(Int(state.status_size)), as: UTF8.self) }
    }

    private static let ready = HERO_NOTIFY_READY.rawValue
    private static let reloading = HERO_NOTIFY_RELOADING.rawValue
    private static let stopping = HERO_NOTIFY_STOPPING.rawValue
    private static let trigger = HERO_NOTIFY_WATCHDOG_TRIGGER.rawValue

    @Test("READY, RELOADING, STOPPING and WATCHDOG=trigger stay set until they are cleared")
    func flags() throws {
        let steps: [(String, UInt32)] = [
            ("READY=1", Self.ready),
            ("RELOADING=1", Self.ready | Self.reloading),
            ("READY=1", Self.ready),
            ("RELOADING=1,READY=1", Self.ready),
            ("WATCHDOG=trigger", Self.ready | Self.trigger),
            ("STOPPING=1", Self.ready | Self.trigger | Self.stopping),
        ]
        let actions = steps.enumerated().map { "wait-for \($0)  notify \($1.0)" }
        let job = try TestJob.notifyService(actions.joined(separator: " "))
        job.spec.workingDirectory = job.directory
        try job.start()
        _ = try job.awaitMainPID()
        #expect(job.notifyState?.flags == 0 && job.notifyState?.generation == 1)
        for (number, step) in steps.enumerated() {
            job.write("\(number)", "")
            #expect(waitUntil { job.notifyState?.messages == UInt32(number) + 1 })
            #expect(job.notifyFlags == step.1, "\(step.0)")
        }
    }

    @Test("The status text is truncated, and the last one counts")
    func statusText() throws {
        let long = String(repeating: "x", count: 3000)
        let job = try TestJob.notifyService(
            "notify STATUS=\(long) wait-for go notify STATUS=half+done,X_OWN=1 wait-for on notify STATUS="
        )
        job.spec.workingDirectory = job.directory
        try job.start()
        #expect(waitUntil { job.notifyState?.messages == 1 })
        #expect(status(job) == String(repeating: "x", count: Int(HERO_STATUS_SIZE)))
        job.write("go", "")
        #expect(waitUntil { status(job) == "half done" })
        job.write("on", "")
        #expect(waitUntil { job.notifyState?.messages == 3 })
        #expect(status(job) == "")
    }

    @Test(
        "The shim ignores unknown lines",
        arguments: [
            "READY=0", "READY=", "READY=1+", "READY", "=1", ",,,", "ERRNO=2,EXIT_STATUS=7,BUSERROR=a",
            "FDSTORE=1,FDNAME=x",
            "WATCHDOG=2", "WATCHDOG_USEC=", "WATCHDOG_USEC=-1", "WATCHDOG_USEC=99999999999999999999", "ready=1",
            "XREADY=1",
        ]
    )
    func ignoresUnknownLines(_ text: String) throws {
        let job = try TestJob.notifyService("notify \(text) notify STOPPING=1")
        job.spec.watchdog = 5_000_000
        try job.start()
        #expect(waitUntil { job.notifyState?.messages == 2 })
        #expect(job.notifyFlags == Self.stopping)
        #expect(
            job.notifyState?.watchdog_us == 5_000_000 && job.notifyState?.pinged_boottime == 0
                && job.notifyState?.refused_main_pids == 0
        )
    }

    @Test("Messages of several lines are applied in order, up to 4 KiB each")
    func multipleLines() throws {
        let fill = String(repeating: "X=1,", count: 1020)
        let job = try TestJob.notifyService(
            "notify \(fill)READY=1 notify \(fill)XXXXXXXXXXXXXXXXXX,STOPPING=1 notify STATUS=end"
        )
        try job.start()
        #expect(waitUntil { status(job) == "end" })
        #expect(job.notifyFlags == Self.ready)
        #expect(job.notifyState?.malformed == 1)
    }

    @Test("The shim rejects binary messages and accepts one NUL at the end")
    func rejectsBinary() throws {
        // Messages of the test process would be rejected, so a Python program sends them, if Python is installed.
        let program = """
            import os, socket
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.connect(os.environ["NOTIFY_SOCKET"])
            for m in [b"", b"READY=1\\0STOPPING=1", bytes(range(1, 256)), b"READY=1\\0"]: s.send(m)
            """
        let job = try TestJob(shell: "exec python3 -c '\(program)'")
        job.spec.notifySocket = job.path("17.notify")
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else { return }
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == [])
        #expect(job.notifyState?.malformed == 2 && job.notifyState?.messages == 2)
        #expect(job.notifyFlags == Self.ready)
    }

    @Test("The watchdog sets its variables and records the time of the last ping")
    func watchdog() throws {
        let job = try TestJob.notifyService(
            "print-env",
            "notify WATCHDOG=1 wait-for go notify WATCHDOG=1 notify WATCHDOG_USEC=7000000"
        )
        job.spec.workingDirectory = job.directory
        job.spec.watchdog = 30_000_000
        try job.start()
        let main = try job.awaitMainPID()
        #expect(waitUntil { (job.notifyState?.pinged_boottime ?? 0) > 0 })
        let first = try #require(job.notifyState).pinged_boottime
        #expect(job.notifyState?.watchdog_us == 30_000_000)
        #expect(waitUntil { job.texts.contains("WATCHDOG_PID=\(main)") })
        #expect(job.texts.contains("WATCHDOG_USEC=30000000"))
        #expect(job.texts.contains("NOTIFY_SOCKET=\(job.path("17.notify"))"))
        job.write("go", "")
        #expect(waitUntil { job.notifyState?.watchdog_us == 7_000_000 })
        #expect(try #require(job.notifyState).pinged_boottime > first)
    }

    @Test("A program without a watchdog gets no WATCHDOG variables")
    func noWatchdog() throws {
        let job = try TestJob.notifyService("print-env exit 0")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(!job.texts.contains { $0.hasPrefix("WATCHDOG") })
        #expect(job.texts.contains { $0.hasPrefix("NOTIFY_SOCKET=") })
    }

    @Test("The shim reads messages that were sent before the exit")
    func messageBeforeExit() throws {
        let job = try TestJob.notifyService("notify READY=1,STATUS=bye exit 3")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.notifyFlags == Self.ready && status(job) == "bye")
        #expect(job.exit?.status == 3)
        #expect(access(job.path("17.notify"), F_OK) != 0, "the socket is removed with the job")
    }

    @Test("Random messages never harm the shim")
    func randomMessages() throws {
        let job = try TestJob.notifyService("notify-noise 5000 notify READY=1 wait-for go exit 6")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        let state = try #require(job.notifyState)
        #expect(state.messages + state.malformed == 5001 && state.foreign_senders == 0)
        #expect(Int(state.status_size) <= Int(HERO_STATUS_SIZE))
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 6)
    }

    // MARK: Verification of senders

    @Test("Messages of foreign processes are rejected and counted")
    func rejectsForeignSender() throws {
        let job = try TestJob.notifyService("notify READY=1")
        try job.start()
        let path = try #require(job.spec.notifySocket)
        #expect(waitUntil { job.notifyFlags == Self.ready })
        for text in ["STOPPING=1", "MAINPID=\(getpid())", "STATUS=lies", String(repeating: "x", count: 9000)] {
            #expect(harness_send_datagram(path, text, text.utf8.count) == 0)
        }
        #expect(waitUntil { job.notifyState?.foreign_senders == 4 })
        #expect(job.notifyFlags == Self.ready && status(job) == "" && job.notifyState?.messages == 1)
        #expect(job.proc?.main.pid == (try job.awaitMainPID()))
    }

    @Test("Messages of a helper process are accepted if it waits at a barrier")
    func acceptsHelper() throws {
        let job = try TestJob.notifyService(
            "wait-for go notify-barrier READY=1 wait-for on notify-child STOPPING=1 say gone"
        )
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        _ = try job.awaitMainPID()
        // The shim is stopped while the helper sends. Without a barrier the helper would exit before it is verified.
        #expect(harness_signal(shim, SIGSTOP) == 0)
        job.write("go", "")
        usleep(100_000)
        #expect(!job.trace.contains("RELEASED"), "the barrier lasts until the shim has read the message")
        #expect(harness_signal(shim, SIGCONT) == 0)
        #expect(waitUntil { job.notifyFlags == Self.ready && job.trace.contains("RELEASED") })
        #expect(harness_signal(shim, SIGSTOP) == 0)
        job.write("on", "")
        #expect(waitUntil { job.trace.split(separator: "\n").filter { $0.hasPrefix("RELEASED") }.count == 3 })
        #expect(harness_signal(shim, SIGCONT) == 0)
        // The barrier message and the last message may arrive after their sender has exited and cannot be verified any
        // more.
        #expect(waitUntil { (job.notifyState?.messages ?? 0) + (job.notifyState?.foreign_senders ?? 0) == 3 })
        #expect(job.notifyState?.foreign_senders != 0 && job.notifyFlags == Self.ready)
    }

    @Test(
        "Only the user of the service can send notify messages (SE)",
        .enabled(if: geteuid() == 0, "needs root to change the user")
    )
    func otherUser() throws {
        let job = try TestJob.notifyService("notify READY=1")
        chmod(job.directory, 0o711)
        mkdir(job.path("traces"), 0o777)
        chmod(job.path("traces"), 0o777)
        job.spec.environment = job.spec.environment.map {
            $0.hasPrefix("ORACLE_DIR=") ? "ORACLE_DIR=\(job.path("traces"))" : $0
        }
        (job.spec.rights.changes_user, job.spec.rights.uid, job.spec.rights.gid) = (1, 65_534, 65_534)
        try job.start()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        var file = stat()
        #expect(stat(job.path("17.notify"), &file) == 0)
        #expect(file.st_uid == 65_534 && file.st_mode & 0o777 == 0o600)
    }

    @Test(
        "The key notify_from decides which users can write to the notify socket",
        .enabled(if: geteuid() == 0, "needs root to change the user"),
        arguments: [
            (0, HERO_NOTIFY_SENDERS_DEFAULT.rawValue, 0o666), (0, HERO_NOTIFY_SENDERS_MAIN.rawValue, 0o600),
            (0, HERO_NOTIFY_SENDERS_ALL.rawValue, 0o666), (65_534, HERO_NOTIFY_SENDERS_DEFAULT.rawValue, 0o600),
            (65_534, HERO_NOTIFY_SENDERS_MAIN.rawValue, 0o600), (65_534, HERO_NOTIFY_SENDERS_ALL.rawValue, 0o666),
        ] as [(UInt32, UInt32, UInt32)]
    )
    func senders(_ user: UInt32, _ senders: UInt32, _ mode: UInt32) throws {
        let job = try TestJob.notifyService("notify READY=1")
        chmod(job.directory, 0o711)
        mkdir(job.path("traces"), 0o777)
        chmod(job.path("traces"), 0o777)
        job.spec.environment = job.spec.environment.map {
            $0.hasPrefix("ORACLE_DIR=") ? "ORACLE_DIR=\(job.path("traces"))" : $0
        }
        if user != 0 {
            (job.spec.rights.changes_user, job.spec.rights.uid, job.spec.rights.gid) = (1, user, user)
        }
        job.spec.notifySenders = senders
        try job.start()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        var file = stat()
        #expect(stat(job.path("17.notify"), &file) == 0 && UInt32(file.st_mode) & 0o777 == mode)
    }

    @Test("Passed descriptors are closed and never opened in the shim")
    func descriptors() throws {
        let job = try TestJob.notifyService(
            "wait-for go notify-fds 250 FDSTORE=1 notify-fds 1 BARRIER=1 notify-fds 3 READY=1"
        )
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        _ = try job.awaitMainPID()
        let before = harness_count_descriptors(shim)
        job.write("go", "")
        #expect(waitUntil { job.notifyFlags == Self.ready })
        #expect(waitUntil { job.trace.split(separator: "\n").filter { $0.hasPrefix("RELEASED") }.count == 3 })
        if before > 0 { #expect(harness_count_descriptors(shim) == before) }
    }

    @Test("A flood of messages delays neither output nor exit")
    func flood() throws {
        let job = try TestJob.notifyService("fork 1 lines 1000 notify-flood 6000 notify READY=1 wait-for go exit 4")
        job.spec.workingDirectory = job.directory
        let begin = ContinuousClock.now
        let shim = try job.start()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        #expect(status(job) == "1")
        // All messages are read in their order, at a steady rate, and the record reports the flood.
        #expect(begin.duration(to: .now) > .seconds(2))
        #expect(job.notifyState?.messages == 6001)
        #expect((job.notifyState?.flooded_seconds ?? 0) > 0)
        #expect(waitUntil { job.texts.count >= 10 })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 4)
    }

    @Test("A flood of messages uses only a part of a processor of the shim")
    func floodCost() throws {
        let job = try TestJob.notifyService("notify-flood 1000000")
        let shim = try job.start()
        #expect(waitUntil { (job.notifyState?.messages ?? 0) > 200 })
        let (begin, before) = (ContinuousClock.now, cpuTicks(of: shim))
        #expect(waitUntil { begin.duration(to: .now) > .seconds(2) })
        let seconds = begin.duration(to: .now) / .seconds(1)
        let share = Double(cpuTicks(of: shim) - before) / 100 / seconds
        #expect(share < 0.5, "\(share) of a processor")
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
    }

    /// User and system time of a process in clock ticks.
    private func cpuTicks(of pid: pid_t) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    }

    // MARK: The socket

    @Test("A service without a notify probe has no socket and no notify state")
    func noSocketWithoutRequest() throws {
        let job = try TestJob(shell: "env; exit 0")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(!job.texts.contains { $0.hasPrefix("NOTIFY_SOCKET") })
        let size = try FileManager.default.attributesOfItem(atPath: job.spec.recordPath)[.size] as? Int
        #expect(size == 2 * Int(HERO_SECTOR))
        #expect(job.notifyState == nil)
    }

    @Test("A stale socket is replaced at the next start, and another file is not")
    func replacesStaleSocket() throws {
        let job = try TestJob.notifyService("notify READY=1")
        let shim = try job.start()
        let main = try job.awaitMainPID()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        #expect(harness_signal(shim, SIGKILL) == 0)
        #expect(job.waitForExit(of: shim) == -SIGKILL)
        #expect(harness_signal(main, SIGKILL) == 0)
        #expect(waitUntil { harness_lock_is_free(job.spec.recordPath) == 1 })
        #expect(access(job.path("17.notify"), F_OK) == 0)
        job.spec.generation = 2
        try job.start()
        #expect(waitUntil { job.notifyState?.generation == 2 && job.notifyFlags == Self.ready })

        let other = try TestJob.notifyService("notify READY=1")
        other.write("17.notify", "mine")
        #expect(try other.run() == HERO_SHIM_DONE)
        #expect(other.proc?.stage == HERO_STAGE_NOTIFY.rawValue && other.proc?.error == EADDRINUSE)
        #expect(other.read("17.notify") == "mine")
    }

    @Test("The notify socket can have an abstract name")
    func abstract() throws {
        let job = try TestJob.notifyService("notify READY=1 wait-for go exit 0")
        job.spec.workingDirectory = job.directory
        job.spec.notifySocket = "@heroproc-test/\(getpid())/\(UInt32.random(in: 0 ... .max))"
        let shim = try job.start()
        #expect(waitUntil { job.notifyFlags == Self.ready })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
    }
}

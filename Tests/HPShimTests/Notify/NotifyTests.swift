import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// What a service says of itself (sd_notify(3)), as its shim takes it in.
@Suite("Notify")
struct NotifyTests {
    private func status(_ job: TestJob) -> String {
        guard let said = job.notifyState else { return "" }
        return withUnsafeBytes(of: said.status) { String(decoding: $0.prefix(Int(said.status_size)), as: UTF8.self) }
    }

    private static let ready = HERO_NOTIFY_READY.rawValue
    private static let reloading = HERO_NOTIFY_RELOADING.rawValue
    private static let stopping = HERO_NOTIFY_STOPPING.rawValue
    private static let trigger = HERO_NOTIFY_WATCHDOG_TRIGGER.rawValue

    @Test("READY, RELOADING, STOPPING and WATCHDOG=trigger hold until they are taken back")
    func flags() throws {
        let steps: [(String, UInt32)] = [
            ("READY=1", Self.ready),
            ("RELOADING=1", Self.ready | Self.reloading),
            ("READY=1", Self.ready),
            ("RELOADING=1,READY=1", Self.ready),
            ("WATCHDOG=trigger", Self.ready | Self.trigger),
            ("STOPPING=1", Self.ready | Self.trigger | Self.stopping),
        ]
        let deeds = steps.enumerated().map { "wait-for \($0)  notify \($1.0)" }
        let job = try TestJob.notifyService(deeds.joined(separator: " "))
        job.spec.workingDirectory = job.directory
        try job.start()
        _ = try job.awaitMainPID()
        #expect(job.notifyState?.flags == 0 && job.notifyState?.generation == 1)
        for (number, step) in steps.enumerated() {
            job.write("\(number)", "")
            #expect(job.eventually { job.notifyState?.messages == UInt32(number) + 1 })
            #expect(job.notifyFlags == step.1, "\(step.0)")
        }
    }

    @Test("a text is cut off at its limit, and the last one counts")
    func statusText() throws {
        let long = String(repeating: "x", count: 3000)
        let job = try TestJob.notifyService(
            "notify STATUS=\(long) wait-for go notify STATUS=half+done,X_OWN=1 wait-for on notify STATUS="
        )
        job.spec.workingDirectory = job.directory
        try job.start()
        #expect(job.eventually { job.notifyState?.messages == 1 })
        #expect(status(job) == String(repeating: "x", count: Int(HERO_STATUS_SIZE)))
        job.write("go", "")
        #expect(job.eventually { status(job) == "half done" })
        job.write("on", "")
        #expect(job.eventually { job.notifyState?.messages == 3 })
        #expect(status(job) == "")
    }

    @Test(
        "what is no line it knows says nothing",
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
        #expect(job.eventually { job.notifyState?.messages == 2 })
        #expect(job.notifyFlags == Self.stopping)
        #expect(
            job.notifyState?.watchdog_us == 5_000_000 && job.notifyState?.pinged_boottime == 0
                && job.notifyState?.refused_main_pids == 0
        )
    }

    @Test("several lines and several messages are one word after another, up to 4 KiB each")
    func multipleLines() throws {
        let fill = String(repeating: "X=1,", count: 1020)
        let job = try TestJob.notifyService(
            "notify \(fill)READY=1 notify \(fill)XXXXXXXXXXXXXXXXXX,STOPPING=1 notify STATUS=end"
        )
        try job.start()
        #expect(job.eventually { status(job) == "end" })
        #expect(job.notifyFlags == Self.ready)
        #expect(job.notifyState?.malformed == 1)
    }

    @Test("bytes that are no text are not read, and a NUL at the end is none")
    func rejectsBinary() throws {
        // The test itself would be a stranger: python, where it is, speaks from within.
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

    @Test("a watchdog tells how often and to whom; its last ping has its time")
    func watchdog() throws {
        let job = try TestJob.notifyService(
            "print-env",
            "notify WATCHDOG=1 wait-for go notify WATCHDOG=1 notify WATCHDOG_USEC=7000000"
        )
        job.spec.workingDirectory = job.directory
        job.spec.watchdog = 30_000_000
        try job.start()
        let main = try job.awaitMainPID()
        #expect(job.eventually { (job.notifyState?.pinged_boottime ?? 0) > 0 })
        let first = try #require(job.notifyState).pinged_boottime
        #expect(job.notifyState?.watchdog_us == 30_000_000)
        #expect(job.eventually { job.texts.contains("WATCHDOG_PID=\(main)") })
        #expect(job.texts.contains("WATCHDOG_USEC=30000000"))
        #expect(job.texts.contains("NOTIFY_SOCKET=\(job.path("17.notify"))"))
        job.write("go", "")
        #expect(job.eventually { job.notifyState?.watchdog_us == 7_000_000 })
        #expect(try #require(job.notifyState).pinged_boottime > first)
    }

    @Test("without a watchdog nobody is told of one")
    func noWatchdog() throws {
        let job = try TestJob.notifyService("print-env exit 0")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(!job.texts.contains { $0.hasPrefix("WATCHDOG") })
        #expect(job.texts.contains { $0.hasPrefix("NOTIFY_SOCKET=") })
    }

    @Test("what is said last counts, also by one that is dead when it is heard")
    func messageBeforeExit() throws {
        let job = try TestJob.notifyService("notify READY=1,STATUS=bye exit 3")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.notifyFlags == Self.ready && status(job) == "bye")
        #expect(job.exit?.status == 3)
        #expect(access(job.path("17.notify"), F_OK) != 0, "its socket is gone with it")
    }

    @Test("words that nobody means change nothing but what they say, and never harm the shim")
    func randomMessages() throws {
        let job = try TestJob.notifyService("notify-noise 5000 notify READY=1 wait-for go exit 6")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        #expect(job.eventually { job.notifyFlags == Self.ready })
        let said = try #require(job.notifyState)
        #expect(said.messages + said.malformed == 5001 && said.foreign_senders == 0)
        #expect(Int(said.status_size) <= Int(HERO_STATUS_SIZE))
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 6)
    }

    // MARK: Who is believed

    @Test("a stranger is not believed, but counted; who started the shim is one")
    func rejectsForeignSender() throws {
        let job = try TestJob.notifyService("notify READY=1")
        try job.start()
        let path = try #require(job.spec.notifySocket)
        #expect(job.eventually { job.notifyFlags == Self.ready })
        for word in ["STOPPING=1", "MAINPID=\(getpid())", "STATUS=lies", String(repeating: "x", count: 9000)] {
            #expect(harness_send_datagram(path, word, word.utf8.count) == 0)
        }
        #expect(job.eventually { job.notifyState?.foreign_senders == 4 })
        #expect(job.notifyFlags == Self.ready && status(job) == "" && job.notifyState?.messages == 1)
        #expect(job.proc?.main.pid == (try job.awaitMainPID()))
    }

    @Test("a helper is believed while it can be seen: with a barrier always, without one if its parent waits a moment")
    func acceptsHelper() throws {
        let job = try TestJob.notifyService(
            "wait-for go notify-barrier READY=1 wait-for on notify-child STOPPING=1 say gone"
        )
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        _ = try job.awaitMainPID()
        // The shim cannot look before the helper has spoken, and would be gone without a barrier.
        #expect(harness_signal(shim, SIGSTOP) == 0)
        job.write("go", "")
        usleep(100_000)
        #expect(!job.trace.contains("RELEASED"), "the barrier holds until the shim has heard")
        #expect(harness_signal(shim, SIGCONT) == 0)
        #expect(job.eventually { job.notifyFlags == Self.ready && job.trace.contains("RELEASED") })
        #expect(harness_signal(shim, SIGSTOP) == 0)
        job.write("on", "")
        #expect(job.eventually { job.trace.split(separator: "\n").filter { $0.hasPrefix("RELEASED") }.count == 3 })
        #expect(harness_signal(shim, SIGCONT) == 0)
        // The barrier itself may be read when nothing proves any more whose it was, as nothing does of the last message.
        #expect(job.eventually { (job.notifyState?.messages ?? 0) + (job.notifyState?.foreign_senders ?? 0) == 3 })
        #expect(job.notifyState?.foreign_senders != 0 && job.notifyFlags == Self.ready)
    }

    @Test(
        "SE: a service of another user may speak, and no other user",
        .enabled(if: geteuid() == 0, "only root can become another user")
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
        #expect(job.eventually { job.notifyFlags == Self.ready })
        var file = stat()
        #expect(stat(job.path("17.notify"), &file) == 0)
        #expect(file.st_uid == 65_534 && file.st_mode & 0o777 == 0o600)
    }

    @Test("descriptors that are sent along are closed, and none is ever open in the shim")
    func descriptors() throws {
        let job = try TestJob.notifyService(
            "wait-for go notify-fds 250 FDSTORE=1 notify-fds 1 BARRIER=1 notify-fds 3 READY=1"
        )
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        _ = try job.awaitMainPID()
        let before = harness_count_descriptors(shim)
        job.write("go", "")
        #expect(job.eventually { job.notifyFlags == Self.ready })
        #expect(job.eventually { job.trace.split(separator: "\n").filter { $0.hasPrefix("RELEASED") }.count == 3 })
        if before > 0 { #expect(harness_count_descriptors(shim) == before) }
    }

    @Test("a flood holds up neither the output nor the end")
    func flood() throws {
        let job = try TestJob.notifyService("fork 1 lines 1000 notify-flood 20000 notify READY=1 wait-for go exit 4")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        #expect(job.eventually { job.notifyFlags == Self.ready })
        #expect(status(job) == "1")
        #expect(job.eventually { job.texts.count >= 10 })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 4)
    }

    // MARK: Its place

    @Test("a service that is not asked has no socket and no third part")
    func noSocketWithoutRequest() throws {
        let job = try TestJob(shell: "env; exit 0")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(!job.texts.contains { $0.hasPrefix("NOTIFY_SOCKET") })
        let size = try FileManager.default.attributesOfItem(atPath: job.spec.recordPath)[.size] as? Int
        #expect(size == 2 * Int(HERO_SECTOR))
        #expect(job.notifyState == nil)
    }

    @Test("the socket of a shim that was killed is no obstacle to the next start; a file there is")
    func replacesStaleSocket() throws {
        let job = try TestJob.notifyService("notify READY=1")
        let shim = try job.start()
        let main = try job.awaitMainPID()
        #expect(job.eventually { job.notifyFlags == Self.ready })
        #expect(harness_signal(shim, SIGKILL) == 0)
        #expect(job.waitForExit(of: shim) == -SIGKILL)
        #expect(harness_signal(main, SIGKILL) == 0)
        #expect(job.eventually { harness_lock_is_free(job.spec.recordPath) == 1 })
        #expect(access(job.path("17.notify"), F_OK) == 0)
        job.spec.generation = 2
        try job.start()
        #expect(job.eventually { job.notifyState?.generation == 2 && job.notifyFlags == Self.ready })

        let other = try TestJob.notifyService("notify READY=1")
        other.write("17.notify", "mine")
        #expect(try other.run() == HERO_SHIM_DONE)
        #expect(other.proc?.stage == HERO_STAGE_NOTIFY.rawValue && other.proc?.error == EADDRINUSE)
        #expect(other.read("17.notify") == "mine")
    }

    @Test("a name in the abstract namespace serves where a path would be too long")
    func abstract() throws {
        let job = try TestJob.notifyService("notify READY=1 wait-for go exit 0")
        job.spec.workingDirectory = job.directory
        job.spec.notifySocket = "@heroproc-test/\(getpid())/\(UInt32.random(in: 0 ... .max))"
        let shim = try job.start()
        #expect(job.eventually { job.notifyFlags == Self.ready })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
    }
}

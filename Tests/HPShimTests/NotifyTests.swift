import CHeroRecord
import Foundation
import ShimHarness
import Testing

private let oracle = URL(fileURLWithPath: shimProgram).deletingLastPathComponent().appendingPathComponent("hporacle")
    .path

/// What a service says of itself (sd_notify(3)), as its shim takes it in.
@Suite("Notify")
struct NotifyTests {
    /// A service that does these deeds of the oracle and may speak.
    private func speaker(_ deeds: String...) throws -> Job {
        let job = try Job()
        job.spec.candidates = [oracle]
        job.spec.arguments = ["hporacle"] + deeds.flatMap { $0.split(separator: " ").map(String.init) }
        job.spec.environment += ["ORACLE_DIR=\(job.directory)", "HEROPROC_SERVICE=web", "HEROPROC_ACTION=run"]
        job.spec.notifySocket = job.path("17.notify")
        return job
    }

    private func trace(_ job: Job) -> String { job.read("web.run.trace") }

    private func flags(_ job: Job) -> UInt32 { job.said?.flags ?? 0 }

    private func status(_ job: Job) -> String {
        guard let said = job.said else { return "" }
        return withUnsafeBytes(of: said.status) { String(decoding: $0.prefix(Int(said.status_size)), as: UTF8.self) }
    }

    private static let ready = HERO_SAID_READY.rawValue
    private static let reloading = HERO_SAID_RELOADING.rawValue
    private static let stopping = HERO_SAID_STOPPING.rawValue
    private static let trigger = HERO_SAID_TRIGGER.rawValue

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
        let job = try speaker(deeds.joined(separator: " "))
        job.spec.workingDirectory = job.directory
        try job.start()
        _ = try job.main()
        #expect(job.said?.flags == 0 && job.said?.generation == 1)
        for (number, step) in steps.enumerated() {
            job.write("\(number)", "")
            #expect(job.await { job.said?.messages == UInt32(number) + 1 })
            #expect(flags(job) == step.1, "\(step.0)")
        }
    }

    @Test("a text is cut off at its limit, and the last one counts")
    func text() throws {
        let long = String(repeating: "x", count: 3000)
        let job = try speaker(
            "notify STATUS=\(long) wait-for go notify STATUS=half+done,X_OWN=1 wait-for on notify STATUS="
        )
        job.spec.workingDirectory = job.directory
        try job.start()
        #expect(job.await { job.said?.messages == 1 })
        #expect(status(job) == String(repeating: "x", count: Int(HERO_STATUS_SIZE)))
        job.write("go", "")
        #expect(job.await { status(job) == "half done" })
        job.write("on", "")
        #expect(job.await { job.said?.messages == 3 })
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
    func garbage(_ text: String) throws {
        let job = try speaker("notify \(text) notify STOPPING=1")
        job.spec.watchdog = 5_000_000
        try job.start()
        #expect(job.await { job.said?.messages == 2 })
        #expect(flags(job) == Self.stopping)
        #expect(job.said?.watchdog_us == 5_000_000 && job.said?.pinged_boottime == 0 && job.said?.refusals == 0)
    }

    @Test("several lines and several messages are one word after another, up to 4 KiB each")
    func lines() throws {
        let fill = String(repeating: "X=1,", count: 1020)
        let job = try speaker("notify \(fill)READY=1 notify \(fill)XXXXXXXXXXXXXXXXXX,STOPPING=1 notify STATUS=end")
        try job.start()
        #expect(job.await { status(job) == "end" })
        #expect(flags(job) == Self.ready)
        #expect(job.said?.unreadable == 1)
    }

    @Test("bytes that are no text are not read, and a NUL at the end is none")
    func noText() throws {
        // The test itself would be a stranger: python, where it is, speaks from within.
        let program = """
            import os, socket
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.connect(os.environ["NOTIFY_SOCKET"])
            for m in [b"", b"READY=1\\0STOPPING=1", bytes(range(1, 256)), b"READY=1\\0"]: s.send(m)
            """
        let job = try Job(shell: "exec python3 -c '\(program)'")
        job.spec.notifySocket = job.path("17.notify")
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/python3") else { return }
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == [])
        #expect(job.said?.unreadable == 2 && job.said?.messages == 2)
        #expect(flags(job) == Self.ready)
    }

    @Test("a watchdog tells how often and to whom; its last ping has its time")
    func watchdog() throws {
        let job = try speaker(
            "print-env",
            "notify WATCHDOG=1 wait-for go notify WATCHDOG=1 notify WATCHDOG_USEC=7000000"
        )
        job.spec.workingDirectory = job.directory
        job.spec.watchdog = 30_000_000
        try job.start()
        let main = try job.main()
        #expect(job.await { (job.said?.pinged_boottime ?? 0) > 0 })
        let first = try #require(job.said).pinged_boottime
        #expect(job.said?.watchdog_us == 30_000_000)
        #expect(job.await { job.texts.contains("WATCHDOG_PID=\(main)") })
        #expect(job.texts.contains("WATCHDOG_USEC=30000000"))
        #expect(job.texts.contains("NOTIFY_SOCKET=\(job.path("17.notify"))"))
        job.write("go", "")
        #expect(job.await { job.said?.watchdog_us == 7_000_000 })
        #expect(try #require(job.said).pinged_boottime > first)
    }

    @Test("without a watchdog nobody is told of one")
    func noWatchdog() throws {
        let job = try speaker("print-env exit 0")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(!job.texts.contains { $0.hasPrefix("WATCHDOG") })
        #expect(job.texts.contains { $0.hasPrefix("NOTIFY_SOCKET=") })
    }

    @Test("what is said last counts, also by one that is dead when it is heard")
    func lastWords() throws {
        let job = try speaker("notify READY=1,STATUS=bye exit 3")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(flags(job) == Self.ready && status(job) == "bye")
        #expect(job.exit?.status == 3)
        #expect(access(job.path("17.notify"), F_OK) != 0, "its socket is gone with it")
    }

    @Test("words that nobody means change nothing but what they say, and never harm the shim")
    func noise() throws {
        let job = try speaker("notify-noise 5000 notify READY=1 wait-for go exit 6")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        #expect(job.await { flags(job) == Self.ready })
        let said = try #require(job.said)
        #expect(said.messages + said.unreadable == 5001 && said.strangers == 0)
        #expect(Int(said.status_size) <= Int(HERO_STATUS_SIZE))
        job.write("go", "")
        #expect(job.end(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 6)
    }

    // MARK: Who is believed

    @Test("a stranger is not believed, but counted; who started the shim is one")
    func stranger() throws {
        let job = try speaker("notify READY=1")
        try job.start()
        let path = try #require(job.spec.notifySocket)
        #expect(job.await { flags(job) == Self.ready })
        for word in ["STOPPING=1", "MAINPID=\(getpid())", "STATUS=lies", String(repeating: "x", count: 9000)] {
            #expect(harness_say(path, word, word.utf8.count) == 0)
        }
        #expect(job.await { job.said?.strangers == 4 })
        #expect(flags(job) == Self.ready && status(job) == "" && job.said?.messages == 1)
        #expect(job.proc?.main.pid == (try job.main()))
    }

    @Test("a helper is believed while it can be seen: with a barrier always, without one if its parent waits a moment")
    func helper() throws {
        let job = try speaker("wait-for go notify-barrier READY=1 wait-for on notify-child STOPPING=1 say gone")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        _ = try job.main()
        // The shim cannot look before the helper has spoken, and would be gone without a barrier.
        #expect(harness_signal(shim, SIGSTOP) == 0)
        job.write("go", "")
        usleep(100_000)
        #expect(!trace(job).contains("RELEASED"), "the barrier holds until the shim has heard")
        #expect(harness_signal(shim, SIGCONT) == 0)
        #expect(job.await { flags(job) == Self.ready && trace(job).contains("RELEASED") })
        #expect(harness_signal(shim, SIGSTOP) == 0)
        job.write("on", "")
        #expect(job.await { trace(job).split(separator: "\n").filter { $0.hasPrefix("RELEASED") }.count == 3 })
        #expect(harness_signal(shim, SIGCONT) == 0)
        #expect(job.await { job.said?.strangers == 1 }, "nothing proves any more whose it was")
        #expect(flags(job) == Self.ready)
    }

    @Test(
        "SE: a service of another user may speak, and no other user",
        .enabled(if: geteuid() == 0, "only root can become another user")
    )
    func otherUser() throws {
        let job = try speaker("notify READY=1")
        chmod(job.directory, 0o711)
        mkdir(job.path("traces"), 0o777)
        chmod(job.path("traces"), 0o777)
        job.spec.environment = job.spec.environment.map {
            $0.hasPrefix("ORACLE_DIR=") ? "ORACLE_DIR=\(job.path("traces"))" : $0
        }
        (job.spec.rights.changes_user, job.spec.rights.uid, job.spec.rights.gid) = (1, 65_534, 65_534)
        try job.start()
        #expect(job.await { flags(job) == Self.ready })
        var file = stat()
        #expect(stat(job.path("17.notify"), &file) == 0)
        #expect(file.st_uid == 65_534 && file.st_mode & 0o777 == 0o600)
    }

    @Test("descriptors that are sent along are closed, and none is ever open in the shim")
    func descriptors() throws {
        let job = try speaker("wait-for go notify-fds 250 FDSTORE=1 notify-fds 1 BARRIER=1 notify-fds 3 READY=1")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        _ = try job.main()
        let before = harness_count_descriptors(shim)
        job.write("go", "")
        #expect(job.await { flags(job) == Self.ready })
        #expect(job.await { trace(job).split(separator: "\n").filter { $0.hasPrefix("RELEASED") }.count == 3 })
        if before > 0 { #expect(harness_count_descriptors(shim) == before) }
    }

    @Test("a flood holds up neither the output nor the end")
    func flood() throws {
        let job = try speaker("fork 1 lines 1000 notify-flood 20000 notify READY=1 wait-for go exit 4")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        #expect(job.await { flags(job) == Self.ready })
        #expect(status(job) == "1")
        #expect(job.await { job.texts.count >= 10 })
        job.write("go", "")
        #expect(job.end(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 4)
    }

    // MARK: The main process

    @Test("MAINPID of a daemon that forks away makes it the job's process, and its exit status is exact")
    func daemon() throws {
        let job = try speaker("wait-for begin notify-away READY=1 wait-for go exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let first = try job.main()
        job.write("begin", "")
        #expect(job.await { flags(job) == Self.ready })
        let main = try #require(job.proc).main
        #expect(main.pid != first && main.start_ticks > 0)
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue, "the end of the first process is nobody's")
        job.write("go", "")
        #expect(job.end(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test("MAINPID is believed while those between it and the shim are just ending", arguments: 0..<40)
    func hasty(_: Int) throws {
        let job = try speaker("notify-away READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.said?.refusals == 0)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test("a main process that is another's child is noticed when it ends, and nobody pretends to know how")
    func distant() throws {
        let job = try speaker("wait-for begin notify-distant READY=1 wait-for go exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let first = try job.main()
        job.write("begin", "")
        #expect(job.await { flags(job) == Self.ready && job.proc?.main.pid != first })
        job.write("go", "")
        #expect(job.end(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNSEEN.rawValue)
        #expect(harness_wait_gone(first, 0) == 1, "what is left is ended with it")
    }

    @Test("the status of a main process is exact where its parent ends without having taken in its end")
    func brief() throws {
        let job = try speaker("notify-brief 50 READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.said?.refusals == 0)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test(
        "the end of a main process whose parent never takes it in is not waited for long, and nobody pretends to know how"
    )
    func neglected() throws {
        let job = try speaker("notify-brief 600000 READY=1 exit 43")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNSEEN.rawValue)
    }

    @Test("a main process whose parent ends before it is the shim's own in the end, and its status is exact")
    func inherited() throws {
        let job = try speaker("wait-for begin notify-distant READY=1 wait-for go exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let first = try job.main()
        job.write("begin", "")
        #expect(job.await { flags(job) == Self.ready && job.proc?.main.pid != first })
        #expect(harness_signal(first, SIGKILL) == 0)
        #expect(harness_wait_gone(first, 5000) == 1)
        job.write("go", "")
        #expect(job.end(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 43)
    }

    @Test(
        "a MAINPID that is not of its tree, or is none, is refused",
        arguments: [
            "1", "0", "-5", "99999999999", "abc", "", "own", "shim",
        ]
    )
    func refused(_ text: String) throws {
        let job = try speaker("wait-for named notify-main pid notify READY=1")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let main = try job.main()
        job.write("pid", text == "own" ? "\(getpid())" : text == "shim" ? "\(shim)" : text)
        job.write("named", "")
        #expect(job.await { flags(job) == Self.ready })
        #expect(job.said?.refusals == 1)
        let number = Int32(text) ?? (text == "own" ? getpid() : text == "shim" ? shim : -1)
        #expect(job.said?.refused_pid == (number > 0 ? number : -1))
        #expect(job.proc?.main.pid == main)
    }

    @Test("to name what is the main process already is no news")
    func same() throws {
        let job = try speaker("notify MAINPID=@ notify READY=1")
        try job.start()
        let main = try job.main()
        #expect(job.await { flags(job) == Self.ready })
        #expect(job.said?.refusals == 0 && job.proc?.main.pid == main)
    }

    // MARK: Its place

    @Test("a service that is not asked has no socket and no third part")
    func unasked() throws {
        let job = try Job(shell: "env; exit 0")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(!job.texts.contains { $0.hasPrefix("NOTIFY_SOCKET") })
        let size = try FileManager.default.attributesOfItem(atPath: job.spec.recordPath)[.size] as? Int
        #expect(size == 2 * Int(HERO_SECTOR))
        #expect(job.said == nil)
    }

    @Test("the socket of a shim that was killed is no obstacle to the next start; a file there is")
    func leftover() throws {
        let job = try speaker("notify READY=1")
        let shim = try job.start()
        let main = try job.main()
        #expect(job.await { flags(job) == Self.ready })
        #expect(harness_signal(shim, SIGKILL) == 0)
        #expect(job.end(of: shim) == -SIGKILL)
        #expect(harness_signal(main, SIGKILL) == 0)
        #expect(job.await { harness_lock_is_free(job.spec.recordPath) == 1 })
        #expect(access(job.path("17.notify"), F_OK) == 0)
        job.spec.generation = 2
        try job.start()
        #expect(job.await { job.said?.generation == 2 && flags(job) == Self.ready })

        let other = try speaker("notify READY=1")
        other.write("17.notify", "mine")
        #expect(try other.run() == HERO_SHIM_DONE)
        #expect(other.proc?.stage == HERO_STAGE_NOTIFY.rawValue && other.proc?.error == EADDRINUSE)
        #expect(other.read("17.notify") == "mine")
    }

    @Test("a name in the abstract namespace serves where a path would be too long")
    func abstract() throws {
        let job = try speaker("notify READY=1 wait-for go exit 0")
        job.spec.workingDirectory = job.directory
        job.spec.notifySocket = "@heroproc-test/\(getpid())/\(UInt32.random(in: 0 ... .max))"
        let shim = try job.start()
        #expect(job.await { flags(job) == Self.ready })
        job.write("go", "")
        #expect(job.end(of: shim) == HERO_SHIM_DONE)
    }
}

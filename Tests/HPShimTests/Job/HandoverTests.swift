import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// Daemons that fork away: the process that the PID file names becomes the main program (contract section 3, `pid_file`).
@Suite("Hand-over to a daemon")
struct HandoverTests {
    /// A daemon in a session of its own that does `deed`, and whose file is written the way `write` says.
    private func daemon(_ deed: String, write: String? = nil, first: String = "exit 0") throws -> TestJob {
        let job = try TestJob()
        let file = job.path("pid")
        job.spec.pidFile = file
        job.write(
            "daemon",
            "echo $$ > \(job.path("own"))\n\(write ?? "echo $$ > \(file)~; mv \(file)~ \(file)")\n\(deed)\n"
        )
        job.spec.arguments = ["sh", "-c", "(setsid sh \(job.path("daemon")) &); \(first)"]
        return job
    }

    private func daemonPID(_ job: TestJob) throws -> Int32 {
        try #require(job.eventually { job.read("own").hasSuffix("\n") })
        return try #require(job.numbers("own").first)
    }

    @Test("a daemon that names itself is the job's process from then on, and its exit status is exact")
    func recordsDaemonExit() throws {
        let job = try daemon("until [ -e go ]; do sleep 0.01; done; exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let own = try daemonPID(job)
        #expect(job.eventually { job.proc?.main.pid == own })
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue, "the end of the first process is nobody's")
        #expect(job.proc?.phase == HERO_PROC_EXECUTED.rawValue)
        #expect(job.proc?.main.start_ticks ?? 0 > 0)
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue)
        #expect(job.exit?.status == 43)
    }

    @Test("a daemon that is killed was killed; what it leaves behind is ended with it")
    func recordsKilledDaemon() throws {
        let job = try daemon("sleep 600 & exec sleep 601")
        let shim = try job.start()
        let own = try daemonPID(job)
        #expect(job.eventually { job.proc?.main.pid == own })
        #expect(harness_signal(own, SIGKILL) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_SIGNALED.rawValue)
        #expect(job.exit?.status == SIGKILL)
        #expect(harness_lock_is_free(job.spec.recordPath) == 1)
    }

    @Test("a daemon that was gone before anybody looked still counts by its own end")
    func recordsShortLivedDaemon() throws {
        let job = try daemon("exit 9", first: "until [ -s \"$0\" ]; do sleep 0.01; done; sleep 0.1; exit 0")
        job.spec.arguments.append(job.path("pid"))
        #expect(try job.run() == HERO_SHIM_DONE)
        // Whoever ends first is taken in first: the daemon's end came while the first process was still the main one.
        #expect([0, 9].contains(job.exit?.status))
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue)
    }

    @Test("a first process that ends badly hands nothing over: its code is the job's, and the tree ends")
    func failedFirstProcess() throws {
        let job = try daemon("exec sleep 600", first: "until [ -s \"$0\" ]; do sleep 0.01; done; exit 3")
        job.spec.arguments.append(job.path("pid"))
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 3)
        #expect(harness_wait_gone(try daemonPID(job), 0) == 1)
    }

    @Test("whether it has forked away well is what its codes say", arguments: [0, 1, 63, 64, 127, 128, 200, 255])
    func successCodes(_ code: Int) throws {
        for isWell in [true, false] {
            let job = try daemon(
                "until [ -e \"$0.go\" ]; do sleep 0.01; done; exit 43",
                first: "until [ -s \"$0\" ]; do sleep 0.01; done; exit \(code)"
            )
            job.spec.arguments.append(job.path("pid"))
            job.spec.handoverCodes = isWell ? [code, 7] : Set(0...255).subtracting([code])
            let shim = try job.start()
            let own = try daemonPID(job)
            if isWell {
                #expect(job.eventually { job.proc?.main.pid == own })
                job.write("daemon.go", "")
            }
            #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
            #expect(job.exit?.status == (isWell ? 43 : Int32(code)))
            #expect(harness_wait_gone(own, 0) == 1)
        }
    }

    @Test("without a file in time the tree is ended")
    func missingPIDFile() throws {
        let job = try daemon("exec sleep 600", write: ":")
        job.spec.handoverTimeout = 200
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 0)
        #expect(harness_wait_gone(try daemonPID(job), 0) == 1)
    }

    /// Files that name the daemon and must not be believed, and files that name somebody else.
    static let invalidPIDFiles: [(String, String)] = [
        ("PF-1: it may be written by everybody", "echo $$ > F; chmod 666 F"),
        ("PF-1: it is a symbolic link", "echo $$ > F.real; ln -s F.real F"),
        ("PF-1: it has two names", "echo $$ > F; ln F F.other"),
        ("PF-1: it is a FIFO", "mkfifo F; (echo $$ > F) &"),
        ("PF-1: there is a word behind the number", "echo \"$$ running\" > F"),
        ("PF-1: there are two line feeds", "printf '%s\\n\\n' $$ > F"),
        ("PF-1: it is in hexadecimal", "printf '0x%x\\n' $$ > F"),
        ("PF-1: it is too long", "printf '%040d\\n' $$ > F"),
        ("PF-1: it is empty", ": > F"),
        ("PF-2: it names PID 1", "echo 1 > F"),
        ("PF-2: it names the shim", "echo $(cut -d' ' -f4 /proc/$$/stat) > F"),
        ("PF-2: it names a child of the daemon", "sleep 600 & echo $! > F"),
    ]

    @Test("nobody takes over when the file cannot be believed", arguments: invalidPIDFiles.map(\.0))
    func ignoresInvalidPIDFile(_ name: String) throws {
        let write = try #require(Self.invalidPIDFiles.first { $0.0 == name }).1
        let job = try TestJob()
        job.spec.pidFile = job.path("pid")
        job.spec.handoverTimeout = 300
        job.spec.stopTimeout = 50
        job.spec.workingDirectory = job.directory
        job.write("daemon", write.replacingOccurrences(of: "F", with: "pid") + "\necho $$ > own; exec sleep 600\n")
        job.spec.arguments = [
            "sh", "-c", "(setsid sh ./daemon &); until [ -s own ]; do sleep 0.01; done; exit 0",
        ]
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue)
        #expect(job.exit?.status == 0)
        #expect(harness_wait_gone(try daemonPID(job), 0) == 1)
    }

    @Test("KILL_TREE while a successor is waited for ends the tree")
    func killTreeDuringHandover() throws {
        let job = try daemon("exec sleep 600", write: ":")
        let shim = try job.start()
        let own = try daemonPID(job)
        #expect(job.eventually { job.exit?.kind == HERO_EXIT_EXITED.rawValue })
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(harness_wait_gone(own, 0) == 1)
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// Daemons that fork: the process in the PID file becomes the main process (contract section 3, `pid_file`).
@Suite("Handover to a daemon")
struct HandoverTests {
    /// A daemon in its own session that runs `script`; `write` is the command that writes its PID file.
    private func daemon(_ script: String, write: String? = nil, first: String = "exit 0") throws -> TestJob {
        let job = try TestJob()
        let file = job.path("pid")
        job.spec.pidFile = file
        job.write(
            "daemon",
            "echo $$ > \(job.path("own"))\n\(write ?? "echo $$ > \(file)~; mv \(file)~ \(file)")\n\(script)\n"
        )
        job.spec.arguments = ["sh", "-c", "(setsid sh \(job.path("daemon")) &); \(first)"]
        return job
    }

    private func daemonPID(_ job: TestJob) throws -> Int32 {
        try #require(waitUntil { job.read("own").hasSuffix("\n") })
        return try #require(job.numbers("own").first)
    }

    @Test("A daemon in the PID file becomes the main process with an exact exit status")
    func recordsDaemonExit() throws {
        let job = try daemon("until [ -e go ]; do sleep 0.01; done; exit 43")
        job.spec.workingDirectory = job.directory
        let shim = try job.start()
        let pid = try daemonPID(job)
        #expect(waitUntil { job.proc?.main.pid == pid })
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue, "the exit of the first process is not recorded")
        #expect(job.proc?.phase == HERO_PROC_EXECUTED.rawValue)
        #expect(job.proc?.main.start_ticks ?? 0 > 0)
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue)
        #expect(job.exit?.status == 43)
    }

    @Test("A killed daemon is recorded as killed, and its remaining processes are ended")
    func recordsKilledDaemon() throws {
        let job = try daemon("sleep 600 & exec sleep 601")
        let shim = try job.start()
        let pid = try daemonPID(job)
        #expect(waitUntil { job.proc?.main.pid == pid })
        #expect(harness_signal(pid, SIGKILL) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_SIGNALED.rawValue)
        #expect(job.exit?.status == SIGKILL)
        #expect(harness_lock_is_free(job.spec.recordPath) == 1)
    }

    @Test("A daemon that exits before the handover is recorded as exited")
    func recordsShortLivedDaemon() throws {
        let job = try daemon("exit 9", first: "until [ -s \"$0\" ]; do sleep 0.01; done; sleep 0.1; exit 0")
        job.spec.arguments.append(job.path("pid"))
        #expect(try job.run() == HERO_SHIM_DONE)
        // The exits are handled in their order: the daemon may exit while the first process is still the main process.
        #expect([0, 9].contains(job.exit?.status))
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue)
    }

    @Test("A failed first process ends the job with its own exit code")
    func failedFirstProcess() throws {
        let job = try daemon("exec sleep 600", first: "until [ -s \"$0\" ]; do sleep 0.01; done; exit 3")
        job.spec.arguments.append(job.path("pid"))
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 3)
        #expect(harness_wait_gone(try daemonPID(job), 0) == 1)
    }

    @Test(
        "The success codes of the job decide whether a handover follows",
        arguments: [0, 1, 63, 64, 127, 128, 200, 255]
    )
    func successCodes(_ code: Int) throws {
        for isSuccess in [true, false] {
            let job = try daemon(
                "until [ -e \"$0.go\" ]; do sleep 0.01; done; exit 43",
                first: "until [ -s \"$0\" ]; do sleep 0.01; done; exit \(code)"
            )
            job.spec.arguments.append(job.path("pid"))
            job.spec.handoverCodes = isSuccess ? [code, 7] : Set(0...255).subtracting([code])
            let shim = try job.start()
            let pid = try daemonPID(job)
            if isSuccess {
                #expect(waitUntil { job.proc?.main.pid == pid })
                job.write("daemon.go", "")
            }
            #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
            #expect(job.exit?.status == (isSuccess ? 43 : Int32(code)))
            #expect(harness_wait_gone(pid, 0) == 1)
        }
    }

    @Test("The tree is ended when the PID file does not appear in time")
    func missingPIDFile() throws {
        let job = try daemon("exec sleep 600", write: ":")
        job.spec.handoverTimeout = 200
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 0)
        #expect(job.exit?.error == Int32(HERO_PID_FILE_MISSING.rawValue))
        #expect(harness_wait_gone(try daemonPID(job), 0) == 1)
    }

    /// PID files that must be ignored.
    static let invalidPIDFiles: [(String, String, hero_pid_file_problem)] = [
        ("PF-1: writable by all users", "echo $$ > F; chmod 666 F", HERO_PID_FILE_WRITABLE),
        ("PF-1: a symbolic link", "echo $$ > F.real; ln -s F.real F", HERO_PID_FILE_NOT_REGULAR),
        ("PF-1: two hard links", "echo $$ > F; ln F F.other", HERO_PID_FILE_NOT_REGULAR),
        ("PF-1: a FIFO", "mkfifo F; (echo $$ > F) &", HERO_PID_FILE_NOT_REGULAR),
        ("PF-1: a word behind the number", "echo \"$$ running\" > F", HERO_PID_FILE_NO_NUMBER),
        ("PF-1: an empty first line", "printf '\\n%s\\n' $$ > F", HERO_PID_FILE_NO_NUMBER),
        ("PF-1: a hexadecimal number", "printf '0x%x\\n' $$ > F", HERO_PID_FILE_NO_NUMBER),
        ("PF-1: too long", "printf '%040d\\n' $$ > F", HERO_PID_FILE_NO_NUMBER),
        ("PF-1: empty", ": > F", HERO_PID_FILE_NO_NUMBER),
        ("PF-2: PID 1", "echo 1 > F", HERO_PID_FILE_NO_NUMBER),
        ("PF-2: the PID of the shim", "echo $(cut -d' ' -f4 /proc/$$/stat) > F", HERO_PID_FILE_FOREIGN_PROCESS),
        ("PF-2: the PID of a child of the daemon", "sleep 600 & echo $! > F", HERO_PID_FILE_FOREIGN_PROCESS),
    ]

    @Test("An invalid PID file causes no handover (PF-1, PF-2)", arguments: invalidPIDFiles.map(\.0))
    func ignoresInvalidPIDFile(_ name: String) throws {
        let (_, write, problem) = try #require(Self.invalidPIDFiles.first { $0.0 == name })
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
        #expect(job.exit?.error == Int32(problem.rawValue))
        #expect(harness_wait_gone(try daemonPID(job), 0) == 1)
    }

    @Test(
        "The first line of a PID file counts, without the blanks around the number",
        arguments: ["printf '%s\\r\\n' $$", "printf ' %s \\n' $$", "printf '%s\\n/data\\n1700000000\\n5432\\n' $$"]
    )
    func acceptsFirstLine(_ write: String) throws {
        let job = try daemon("exit 43", write: "true")
        let file = job.path("pid")
        job.write(
            "daemon",
            "echo $$ > \(job.path("own"))\n\(write) > \(file)~; mv \(file)~ \(file)\n"
                + "until [ -e \(job.path("go")) ]; do sleep 0.01; done; exit 43\n"
        )
        let shim = try job.start()
        let pid = try daemonPID(job)
        #expect(waitUntil { job.proc?.main.pid == pid })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 43)
        #expect(job.exit?.error == 0)
    }

    @Test("KILL_TREE ends the tree while the shim waits for a successor")
    func killTreeDuringHandover() throws {
        let job = try daemon("exec sleep 600", write: ":")
        let shim = try job.start()
        let pid = try daemonPID(job)
        #expect(waitUntil { job.exit?.kind == HERO_EXIT_EXITED.rawValue })
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(harness_wait_gone(pid, 0) == 1)
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

private let isRoot = geteuid() == 0
private let otherUserID: uid_t = 65_534

/// Only programs that no other user can change are executed (FS-5).
@Suite("Strict execution") struct StrictTests {
    /// The result of an execution.
    private enum ExecResult: Hashable {
        case exited(Int32)
        case refused
        case failed(stage: UInt32, error: Int32)
    }

    private func run(_ job: TestJob) throws -> ExecResult {
        #expect(try job.run() == HERO_SHIM_DONE)
        let exit = try #require(job.exit)
        guard exit.kind == HERO_EXIT_FAILED.rawValue else { return .exited(exit.status) }
        guard hero_stage(exit.stage) == HERO_STAGE_STRICT else {
            return .failed(stage: exit.stage, error: exit.error)
        }
        #expect(exit.error == EPERM)
        return .refused
    }

    /// A strict job that executes a program in its own directory, which other users may enter.
    private func job(_ candidates: String...) throws -> TestJob {
        let job = try TestJob(shell: "exit 3")
        chmod(job.directory, 0o755)
        job.spec.isStrict = true
        job.spec.candidates = candidates.map { $0.hasPrefix("/") ? $0 : job.path($0) }
        return job
    }

    /// Copies a program of the system.
    private func copy(_ name: String, to path: String) throws {
        let source = URL(fileURLWithPath: "/bin/\(name)").resolvingSymlinksInPath().path
        try FileManager.default.copyItem(atPath: source, toPath: path)
        chmod(path, 0o755)
    }

    /// Makes a file changeable by another user.
    private func makeChangeableByOthers(_ path: String) {
        if isRoot { chown(path, otherUserID, otherUserID) } else { chmod(path, 0o775) }
    }

    private static let notExecuted = ExecResult.failed(stage: HERO_STAGE_EXECUTE.rawValue, error: EACCES)

    @Test("The shim refuses programs writable by group or others and tries no further (FS-5)")
    func writable() throws {
        for mode: mode_t in [0o775, 0o757, 0o777] {
            let job = try job("missing", "program", "/bin/sh")
            try copy("sh", to: job.path("program"))
            chmod(job.path("program"), mode)
            #expect(try run(job) == .refused)
            let script = try self.job("program")
            script.write("program", "#!/bin/sh\nexit 4\n", mode: Int(mode))
            chmod(script.path("program"), mode)
            #expect(try run(script) == .refused)
            script.spec.isStrict = false
            script.spec.generation += 1
            #expect(try run(script) == .exited(4))
        }
    }

    @Test("The shim refuses programs of other users, also through a link (FS-5)", .enabled(if: isRoot, "needs root"))
    func owner() throws {
        let job = try job("link")
        try copy("sh", to: job.path("program"))
        symlink("program", job.path("link"))
        #expect(try run(job) == .exited(3))
        chown(job.path("program"), otherUserID, otherUserID)
        job.spec.generation += 1
        #expect(try run(job) == .refused)
        // Also if the program runs as the same user: an intruder could then change the next start.
        job.spec.generation += 1
        job.spec.rights.changes_user = 1
        (job.spec.rights.uid, job.spec.rights.gid) = (otherUserID, otherUserID)
        #expect(try run(job) == .refused)
    }

    @Test("The new user must be able to reach the program (FS-5)", .enabled(if: isRoot, "needs root"))
    func otherUser() throws {
        let job = try job("program")
        try copy("sh", to: job.path("program"))
        job.spec.rights.changes_user = 1
        (job.spec.rights.uid, job.spec.rights.gid) = (otherUserID, otherUserID)
        #expect(try run(job) == .exited(3))
        chmod(job.directory, 0o700)
        job.spec.generation += 1
        #expect(try run(job) == Self.notExecuted)
    }

    @Test("Strict execution skips candidates by the usual rules (FS-5)")
    func candidates() throws {
        let job = try job("missing", "/etc/passwd/sh", "/etc/passwd", "/tmp", "fifo", "/bin/sh")
        mkfifo(job.path("fifo"), 0o755)
        #expect(try run(job) == .exited(3))
        job.spec.candidates.removeLast()
        job.spec.generation += 1
        #expect(try run(job) == Self.notExecuted)
        let interpreter = try self.job("program")
        interpreter.write("program", "#!/nonexistent/sh\n", mode: 0o755)
        #expect(try run(interpreter) == .failed(stage: HERO_STAGE_EXECUTE.rawValue, error: ENOENT))
    }

    @Test("A trusted script is executed by its path with its arguments (FS-5)")
    func script() throws {
        let job = try job("program")
        job.write("program", "#!/bin/sh\necho \"$0 $*\"\n", mode: 0o755)
        chmod(job.path("program"), 0o755)
        job.spec.arguments = ["program", "a", "b"]
        #expect(try run(job) == .exited(0))
        #expect(job.texts == ["\(job.path("program")) a b"])
    }

    @Test("Strict execution does not change file, arguments or descriptors of the program (FS-5)")
    func identity() throws {
        let job = try job("link")
        try copy("sh", to: job.path("program"))
        symlink("program", job.path("link"))
        let text = "readlink /proc/$$/exe; tr '\\0' ' ' < /proc/$$/cmdline; echo; cat /proc/$$/comm; ls /proc/$$/fd; :"
        job.spec.arguments = ["its name", "-c", text]
        #expect(try run(job) == .exited(0))
        var texts = job.texts
        try #require(texts.count >= 3)
        // Kernels before 6.14 show the number of the descriptor here, later ones the name of the file
        // (proc_pid_comm(5)).
        #expect(["program", "6"].contains(texts.remove(at: 2)))
        #expect(texts == [job.path("program"), "its name -c \(text) ", "0", "1", "2", "3"])
    }

    // MARK: - Race

    /// `HP_TORTURE=1000` continues for at least 100,000 exchanges and 1,000 starts.
    private static let starts = TestSettings.cycles(40)
    private static let minExchanges: UInt = TestSettings.isLong ? 100_000 : 1000

    /// Executes a program that another user exchanges with its own as fast as possible; returns the number of each
    /// result.
    private func raceExchange(strictly isStrict: Bool) throws -> [ExecResult: Int] {
        let sandbox = try TestJob()
        chmod(sandbox.directory, 0o755)
        let folder = sandbox.path("race")
        mkdir(folder, 0o755)
        try copy("sh", to: folder + "/program")
        try copy("false", to: folder + "/foreign")
        makeChangeableByOthers(folder + "/foreign")
        makeChangeableByOthers(folder)
        var counter: UnsafeRawPointer?
        let user = isRoot ? otherUserID : geteuid()
        let pid = harness_exchange(folder + "/program", folder + "/foreign", user, &counter)
        try #require(pid > 0)
        defer {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        #expect(waitUntil { harness_exchange_count(counter) > 0 }, "the exchanges have started")
        var results: [ExecResult: Int] = [:]
        for turn in 1... {
            let job = try job(folder + "/program")
            job.spec.isStrict = isStrict
            job.spec.stopTimeout = 0
            results[try run(job), default: 0] += 1
            if turn >= Self.starts, harness_exchange_count(counter) >= Self.minExchanges { break }
        }
        return results
    }

    @Test("The shim never executes a program that was exchanged during the check (FS-5)")
    func exchangedProgram() throws {
        let results = try raceExchange(strictly: true)
        #expect(Set(results.keys) == [.exited(3), .refused], "\(results)")
        TestSettings.reportRow([
            "row": "FS-5 swap race", "cycles": "\(results.values.reduce(0, +))", "verdict": "0 foreign",
        ])
    }

    @Test("Without strict execution an exchanged program is executed (positive control, FS-5)")
    func exchangedProgramControl() throws {
        let results = try raceExchange(strictly: false)
        #expect(results[.exited(1)] ?? 0 > 0, "\(results)")
        #expect(results[.refused] == nil)
    }
}

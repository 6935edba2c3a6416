import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

@Suite("Start")
struct StartTests {
    @Test("A failed start records its stage and errno (SH-1, SP-6)")
    func reportsFailedStage() throws {
        let notFound = try TestJob()
        notFound.spec.candidates = ["/nonexistent/a", "/nonexistent/b"]
        try expectFailure(notFound, HERO_STAGE_EXECUTE, ENOENT)

        let denied = try TestJob()
        denied.spec.candidates = ["/etc/passwd", "/nonexistent/b"]
        try expectFailure(denied, HERO_STAGE_EXECUTE, EACCES)

        let directory = try TestJob()
        directory.spec.candidates = ["/tmp"]
        try expectFailure(directory, HERO_STAGE_EXECUTE, EACCES)

        let noFormat = try TestJob()
        noFormat.write("program", "exit 0\n", mode: 0o700)
        noFormat.spec.candidates = [noFormat.path("program")]
        try expectFailure(noFormat, HERO_STAGE_EXECUTE, ENOEXEC)

        let noDirectory = try TestJob(shell: "exit 0")
        noDirectory.spec.workingDirectory = "/nonexistent"
        try expectFailure(noDirectory, HERO_STAGE_DIRECTORY, ENOENT)

        let noScript = try TestJob()
        noScript.spec.script = "exit 0"
        noScript.spec.scriptPath = "/nonexistent/script"
        try expectFailure(noScript, HERO_STAGE_SCRIPT, ENOENT)

        let tooMany = try TestJob(shell: "exit 0")
        tooMany.spec.openFiles = 1 << 40
        try expectFailure(tooMany, HERO_STAGE_LIMITS, EPERM)
    }

    private func expectFailure(_ job: TestJob, _ stage: hero_stage, _ error: Int32) throws {
        #expect(try job.run() == HERO_SHIM_DONE)
        let proc = try #require(job.proc)
        let exit = try #require(job.exit)
        #expect(proc.phase == HERO_PROC_FAILED.rawValue)
        #expect(exit.kind == HERO_EXIT_FAILED.rawValue)
        #expect(hero_stage(proc.stage) == stage)
        #expect(proc.error == error)
        #expect(exit.stage == proc.stage)
        #expect(exit.error == proc.error)
    }

    @Test("The shim executes the first candidate that can be executed")
    func candidates() throws {
        let job = try TestJob(shell: "exit 6")
        job.spec.candidates = ["/nonexistent/sh", "/etc/passwd/sh", "/etc/passwd", "/bin/sh", "/bin/false"]
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 6)
    }

    @Test("A start with a used generation never runs (SH-6)")
    func superseded() throws {
        let job = try TestJob()
        job.spec.arguments = ["sh", "-c", "echo x >> \(job.path("ran"))"]
        job.spec.generation = 4
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(try job.run() == HERO_SHIM_SUPERSEDED)
        job.spec.generation = 3
        #expect(try job.run() == HERO_SHIM_SUPERSEDED)
        #expect(job.proc?.generation == 4)
        job.spec.generation = 5
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.read("ran") == "x\nx\n")
    }

    @Test("A shim that was stopped before its lock yields to a later start (SH-6)")
    func delayed() throws {
        let job = try TestJob(shell: "exit 0")
        let lock = harness_lock(job.spec.recordPath)
        let old = try job.start()
        // The shim must wait at the lock and not be before its own exec. While it waits, it holds no lock and writes
        // nothing.
        #expect(waitUntil { (try? String(contentsOfFile: "/proc/\(old)/comm", encoding: .utf8)) == "hpshim\n" })
        #expect(harness_signal(old, SIGSTOP) == 0)
        harness_unlock(lock)
        job.spec.generation = 2
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(harness_signal(old, SIGCONT) == 0)
        #expect(job.waitForExit(of: old) == HERO_SHIM_SUPERSEDED)
        #expect(job.proc?.generation == 2)
    }

    @Test("A short lock delays a start, and a permanent lock refuses it")
    func locked() throws {
        let job = try TestJob(shell: "exit 3")
        var lock = harness_lock(job.spec.recordPath)
        let patient = try job.start()
        usleep(100_000)
        harness_unlock(lock)
        #expect(job.waitForExit(of: patient) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 3)

        lock = harness_lock(job.spec.recordPath)
        job.spec.generation = 2
        #expect(try job.run() == HERO_SHIM_LOCKED)
        #expect(job.proc?.generation == 1)
        harness_unlock(lock)
    }

    @Test("The service keeps the lock and continues when its shim is lost")
    func inheritedLock() throws {
        let job = try TestJob(shell: "trap 'echo still here; exit 0' USR1; while :; do sleep 0.02; echo out; done")
        let shim = try job.start()
        let main = try job.awaitMainPID()
        #expect(harness_signal(shim, SIGKILL) == 0)
        #expect(job.waitForExit(of: shim) == -SIGKILL)
        #expect(harness_lock_is_free(job.spec.recordPath) == 0)
        // The service writes every 20 ms into a pipe without another reader.
        #expect(harness_wait_gone(main, 200) == 0, "a lost shim must not end its service with SIGPIPE")
        #expect(harness_signal(main, SIGKILL) == 0)
        #expect(waitUntil { harness_lock_is_free(job.spec.recordPath) == 1 })
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue)
    }

    @Test("A child that loses its shim before the gate opens runs nothing (SH-7)", arguments: [0, 1])
    func ungatedChild(_ afterRecord: Int32) throws {
        // 200 rounds of each in the long form.
        let rounds = TestSettings.cycles(1, share: 5)
        for _ in 0..<rounds { try killShimAtGate(afterRecord) }
        let step = afterRecord == 0 ? "after the fork" : "after the record"
        TestSettings.reportRow(["row": "SH-7 \(step)", "cycles": "\(rounds)", "verdict": "0 ran"])
    }

    private func killShimAtGate(_ afterRecord: Int32) throws {
        let job = try TestJob()
        job.spec.arguments = ["sh", "-c", "echo x > \(job.path("ran"))"]
        let lock = harness_lock(job.spec.recordPath)
        let memory = try job.makeMemfd(job.spec.bytes)
        defer { close(memory) }
        #expect(harness_kill_at_gate(shimProgram, memory, lock, afterRecord) == HERO_CHILD_UNGATED)
        #expect(job.read("ran") == "")
        let phase = afterRecord == 0 ? HERO_PROC_PREPARED : HERO_PROC_GATED
        #expect(job.proc?.phase == phase.rawValue)
        #expect(job.exit?.kind == HERO_EXIT_EMPTY.rawValue)
        #expect(try release(job).magic == 0, "the gate was not opened")
        #expect(harness_lock_is_free(job.spec.recordPath) == 1)
        job.spec.generation = 2
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.read("ran") == "x\n")
        // The record shows whether the program ran (RS-2).
        let released = try release(job)
        #expect(released.magic == HERO_RELEASE_MAGIC && released.generation == 2 && released.job == job.spec.job)
    }

    /// The release mark in the record.
    private func release(_ job: TestJob) throws -> hero_release {
        let data = try #require(FileManager.default.contents(atPath: job.spec.recordPath))
        try #require(data.count == 2 * Int(HERO_SECTOR))
        return data.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: Int(HERO_RELEASE_OFFSET), as: hero_release.self)
        }
    }

    @Test("The shim refuses a start whose record cannot be created")
    func noRecord() throws {
        let job = try TestJob(shell: "exit 0")
        job.spec.recordPath = "/nonexistent/17"
        #expect(try job.run() == HERO_SHIM_NO_RECORD)
        let linked = try TestJob(shell: "exit 0")
        symlink("/dev/null", linked.spec.recordPath)
        #expect(try linked.run() == HERO_SHIM_NO_RECORD)
    }

    @Test("The shim replaces a record with an invalid checksum (SH-9)")
    func replacesCorruptRecord() throws {
        let job = try TestJob(shell: "exit 0")
        job.spec.generation = 9
        #expect(try job.run() == HERO_SHIM_DONE)
        var bytes = FileManager.default.contents(atPath: job.spec.recordPath).map { Array($0) } ?? []
        #expect(bytes.count == 2 * Int(HERO_SECTOR))
        bytes[8] ^= 0xff
        try Data(bytes).write(to: URL(fileURLWithPath: job.spec.recordPath))
        job.spec.generation = 3
        job.spec.arguments = ["sh", "-c", "exit 2"]
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.proc?.generation == 3)
        #expect(job.exit?.generation == 3)
        #expect(job.exit?.status == 2)
    }

    @Test("The shim sends notices of a start and of a failure")
    func notices() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let job = try TestJob(shell: "exit 0")
        let pid = try job.start(notice: ends[1])
        let started = try #require(notice(from: ends[0]))
        #expect(started.kind == HERO_NOTICE_STARTED.rawValue)
        #expect(started.job == 17)
        #expect(started.generation == 1)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(started.pid == job.proc?.main.pid)

        job.spec.generation = 2
        job.spec.candidates = ["/nonexistent"]
        let failing = try job.start(notice: ends[1])
        let failed = try #require(notice(from: ends[0]))
        #expect(failed.kind == HERO_NOTICE_FAILED.rawValue)
        #expect(failed.stage == HERO_STAGE_EXECUTE.rawValue)
        #expect(failed.error == ENOENT)
        #expect(failed.generation == 2)
        #expect(job.waitForExit(of: failing) == HERO_SHIM_DONE)
    }

    private func notice(from descriptor: Int32) -> hero_notice? {
        var notice = hero_notice()
        let size = MemoryLayout<hero_notice>.size
        guard Foundation.read(descriptor, &notice, size) == size, notice.magic == HERO_NOTICE_MAGIC else { return nil }
        return notice
    }
}

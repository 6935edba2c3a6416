import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct OrphanTrackerTests {
    /// The shim of a job, from its record.
    private func shim(_ sandbox: Sandbox, _ job: JobID) throws -> ProcessIdentity {
        guard case .found(let record) = RecordReader.read(sandbox.paths.record(of: job), job: job) else {
            Issue.record("there is no record of \(job)")
            throw ConditionTimeout()
        }
        return try #require(record.shim)
    }

    @Test("A program whose shim is killed is tracked and its status is exact (SH-4)")
    func killedShim() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let start = StartID(job: 1, generation: 1)
        kernel.launch(sandbox.shellRequest(1, "trap 'exit 33' TERM; sleep 600 & echo up; while :; do wait; done"))
        let report = try kernel.awaitStart(1)
        #expect(waitUntil { ProcessTable.children(of: report.process.pid).count == 1 })
        let child = try #require(
            ProcessTable.children(of: report.process.pid).first.flatMap { ProcessTable.identify($0)?.identity }
        )
        let shim = try shim(sandbox, 1)
        #expect(kernel.signal(shim, .kill))
        try kernel.await("the orphan") { $0 == .start(start, .shimLost(report)) }
        #expect(ProcessTable.isAlive(report.process))
        #expect(kernel.signal(report.process, .term))
        let end = try kernel.awaitEnd(1)
        #expect(end.outcome == .exited(33))
        #expect(end.executed == report)
        #expect(!ProcessTable.isAlive(child))
        #expect(!isRecordLocked(sandbox.paths.record(of: 1)))
    }

    @Test("Killing an orphan ends descendants that have left its session (SH-4)")
    func killOrphan() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(
            sandbox.shellRequest(
                1,
                "(setsid sh -c 'echo $$ > \(sandbox.folder)/pid; exec sleep 600' &); exec sleep 600"
            )
        )
        let report = try kernel.awaitStart(1)
        #expect(waitUntil { readText(sandbox.folder + "/pid")?.hasSuffix("\n") == true })
        let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
        let daemon = try #require(ProcessTable.identify(pid)?.identity)
        #expect(kernel.signal(try shim(sandbox, 1), .kill))
        try kernel.await("the orphan") { $0 == .start(StartID(job: 1, generation: 1), .shimLost(report)) }
        kernel.killTree(StartID(job: 1, generation: 1))
        #expect(try kernel.awaitEnd(1).outcome == .signaled(.kill, coreDumped: false))
        #expect(!ProcessTable.isAlive(daemon))
    }

    @Test("A shim and program killed together never end with an exit code (SH-5)")
    func killedTogether() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try kernel.awaitStart(1)
        let shim = try shim(sandbox, 1)
        // Stopped first, so that the shim cannot record what happens.
        #expect(kernel.signal(shim, Signal(number: SIGSTOP)))
        #expect(kernel.signal(report.process, .kill))
        #expect(kernel.signal(shim, .kill))
        let end = try kernel.awaitEnd(1)
        #expect(end.executed == report)
        switch end.outcome {
        case .lost, .signaled(.kill, coreDumped: false): break
        default: Issue.record("\(end.outcome)")
        }
    }

    @Test("A record of another boot has ended, and no process is signalled (ID-3)")
    func otherBoot() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try kernel.awaitStart(1)
        let path = sandbox.paths.record(of: 1)
        let copy = try otherBootRecord(path)
        try sandbox.write("state/run/jobs/2", "")
        let descriptor = open(sandbox.paths.record(of: 2), O_WRONLY | O_TRUNC)
        #expect(write(descriptor, copy, copy.count) == copy.count)
        close(descriptor)
        let recovered = kernel.adopt([2])[2]
        guard case .ended(generation: 1, let end) = recovered else {
            Issue.record("\(String(describing: recovered))")
            return
        }
        #expect(end.outcome == .lost("the machine was restarted"))
        #expect(ProcessTable.isAlive(report.process))
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }

    @Test("A job without a record is not found, and a damaged record is lost")
    func noTrace() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        try sandbox.write("state/run/jobs/2", "this is not a record")
        let recovered = kernel.adopt([1, 2])
        #expect(recovered[1] == .notFound)
        #expect(
            recovered[2]
                == .ended(generation: 0, EndReport(outcome: .lost("the record is damaged"), time: nil, executed: nil))
        )
    }
}

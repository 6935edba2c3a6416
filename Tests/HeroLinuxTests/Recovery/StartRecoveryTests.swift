import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// Returns a record as another boot would have written it, for job 2.
func otherBootRecord(_ path: String) throws -> [UInt8] {
    var bytes = try #require(readFile(path, limit: 1024))
    try #require(bytes.count == 1024)
    var proc = bytes.withUnsafeBytes { $0.loadUnaligned(as: hero_proc.self) }
    proc.job = 2
    withUnsafeMutableBytes(of: &proc.boot_id) { $0[0] ^= 1 }
    hero_proc_seal(&proc)
    withUnsafeBytes(of: &proc) { source in bytes.withUnsafeMutableBytes { $0.copyMemory(from: source) } }
    return bytes
}

/// Not a test: the reconciler that `killedReconciler` kills.
@Suite(.enabled(if: getenv("HEROPROC_TEST_VICTIM") != nil, "no test: the test that kills this process starts it"))
struct KilledReconcilerTests {
    @Test("A reconciler for another test starts jobs and waits to be killed")
    func startJobsAndWait() throws {
        let folder = String(cString: try #require(getenv("HEROPROC_TEST_VICTIM")))
        let sandbox = Sandbox(existing: folder)
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "while [ ! -e \(folder)/go ]; do sleep 0.02; done; exit 41"))
        kernel.launch(sandbox.shellRequest(2, "exit 42"))
        kernel.launch(sandbox.shellRequest(3, "exec sleep 600"))
        _ = try kernel.awaitStart(3)
        kernel.launch(sandbox.shellRequest(4, "exit 44"))
        try sandbox.write("victim-is-ready", "")
        while true { pause() }
    }
}

/// Reaps the shims of the killed reconciler if they have become children of this process.
private func reapShims(_ paths: RuntimePaths, _ jobs: [JobID]) {
    for job in jobs {
        guard case .found(let record) = RecordReader.read(paths.record(of: job), job: job), let shim = record.shim,
            let found = ProcessTable.open(shim)
        else { continue }
        var status: Int32 = 0
        _ = waitUntil { hl_pidfd_reap(found.pidfd.number, &status) != 0 }
    }
}

@Suite(.ownThread) struct StartRecoveryTests {
    @Test("Jobs survive a killed reconciler, and a new one recovers all results (SH-2)")
    func killedReconciler() throws {
        let sandbox = try Sandbox()
        let (folder, paths) = (sandbox.folder, sandbox.paths)
        let killed = try HelperProcess(
            ["/proc/self/exe", "--filter", "KilledReconcilerTests", "--testing-library", "swift-testing"],
            environment: ["HEROPROC_TEST_VICTIM": folder, "HEROPROC_SHIM": Shim.find(), "PATH": "/usr/bin:/bin"]
        )
        defer { reapShims(paths, [1, 2, 3, 4]) }
        #expect(waitUntil(within: 30) { access(folder + "/victim-is-ready", F_OK) == 0 })
        killed.reap()

        let kernel = try LinuxKernel(paths: paths, shimPath: Shim.find(), environment: [:], ownsProcess: false)

        var recovered = kernel.adopt([1, 2, 3, 4, 5])
        guard case .supervised(generation: 1, let first) = recovered[1] else {
            Issue.record("\(recovered)")
            return
        }
        #expect(recovered[5] == .notFound)
        // The shim of job 4 has just been started and may not have a record yet.
        #expect(
            waitUntil {
                recovered.merge(kernel.adopt([2, 4])) { $1 }
                return ([2, 4] as [JobID]).allSatisfy { if case .ended = recovered[$0] { true } else { false } }
            }
        )
        for (job, code) in [(2, 42), (4, 44)] as [(JobID, Int32)] {
            guard case .ended(generation: 1, let end) = recovered[job] else { continue }
            #expect(end.outcome == .exited(code))
            #expect(end.executed != nil)
        }
        guard case .supervised(generation: 1, let third?) = recovered[3] else {
            Issue.record("\(recovered)")
            return
        }
        #expect(kernel.signal(third.process, .term))
        #expect(try kernel.awaitEnd(3).outcome == .signaled(.term, coreDumped: false))
        close(open(folder + "/go", O_WRONLY | O_CREAT, 0o600))
        let end = try kernel.awaitEnd(1)
        #expect(end.outcome == .exited(41))
        if let first { #expect(end.executed == first) }
    }

    @Test("A start that is recovered twice is tracked once")
    func recoveredTwice() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.kernel()
        first.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try first.awaitStart(1)
        let second = try sandbox.kernel()
        for _ in 0..<2 { #expect(second.adopt([1])[1] == .supervised(generation: 1, report)) }
        second.killTree(StartID(job: 1, generation: 1))
        #expect(try second.awaitEnd(1).outcome == .signaled(.kill, coreDumped: false))
        #expect(second.nextEvents(until: second.now() + .milliseconds(50)) == [])
        _ = try first.awaitEnd(1)
    }

    @Test("A program without a record is found by its identity (I1)", arguments: [false, true])
    func unrecordedProgram(isShimKilled: Bool) throws {
        let sandbox = try Sandbox()
        let first = try sandbox.kernel()
        first.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try first.awaitStart(1)
        let start = StartID(job: 1, generation: 1)
        let shim = try #require(first.shimTracker.shimPID(of: start))
        unlink(sandbox.paths.record(of: 1))
        if isShimKilled { #expect(kill(shim, SIGKILL) == 0) }
        #expect(waitUntil { (ProcStat(of: report.process.pid)?.parent != shim) == isShimKilled })

        let second = try sandbox.kernel()
        let known = KnownProgram(generation: 1, process: report.process, startedAt: report.time)
        switch second.adopt([1], known: [1: known])[1] {
        case .supervised(generation: 1, let found?) where !isShimKilled: #expect(found.process == report.process)
        case .orphaned(generation: 1, let found) where isShimKilled: #expect(found.process == report.process)
        case let other: Issue.record("\(String(describing: other))")
        }
        second.killTree(start)
        _ = try second.awaitEnd(1)
        #expect(!ProcessTable.isAlive(report.process))
        #expect(second.adopt([1], known: [1: known])[1] == .notFound)
    }

    @Test("A start that is launched twice runs once and both reconcilers track it (SH-6)")
    func sameStartTwice() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.kernel()
        first.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try first.awaitStart(1)
        let second = try sandbox.kernel()
        second.launch(sandbox.shellRequest(1, "exec sleep 600"))
        #expect(try second.awaitStart(1) == report)
        second.killTree(StartID(job: 1, generation: 1))
        #expect(try second.awaitEnd(1).outcome == .signaled(.kill, coreDumped: false))
        _ = try first.awaitEnd(1)
    }

    @Test("A start fails with a reason while another start of the job is running")
    func lockedStart() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "exec sleep 600"))
        _ = try kernel.awaitStart(1)
        let second = try sandbox.kernel()
        second.launch(sandbox.shellRequest(1, "exec sleep 600", generation: 2))
        guard case .startFailed(let failure) = try second.awaitEnd(1).outcome else {
            Issue.record("it started twice")
            return
        }
        #expect(failure.description.contains("another instance"))
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }
}

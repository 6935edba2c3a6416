import CHeroRecord
import Foundation
import Glibc
import ShimHarness
import TestSupport
import Testing

/// Processes that another process traces: the kernel reports their exit to the tracer first (ptrace(2)).
@Suite("Traced processes")
struct TracerTests {
    /// Traces a process of the test; nil where the machine does not allow that.
    private func trace(_ pid: pid_t) -> pid_t? {
        let tracer = harness_trace(pid)
        return tracer > 0 ? tracer : nil
    }

    @Test("The exit of a traced main process is recorded and names the tracer")
    func mainProcess() throws {
        let job = try TestJob(shell: "sleep 600 & exec sleep 600")
        job.spec.stopTimeout = 10_000
        let shim = try job.start()
        let main = try job.awaitMainPID()
        guard let tracer = trace(main) else { return }
        // A tracer that never waits stops the process before each signal but SIGKILL.
        #expect(harness_signal(main, SIGKILL) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_UNKNOWN.rawValue)
        #expect(job.exit?.tracer == UInt32(tracer))
        #expect(harness_lock_is_free(job.spec.recordPath) == 1)
        kill(tracer, SIGKILL)
        var status: Int32 = 0
        #expect(harness_wait(tracer, 5000, &status) == 1)
    }

    @Test("A traced child process does not delay the end of the job")
    func otherProcess() throws {
        let job = try TestJob(shell: "sleep 600 & echo $!; while [ ! -e \"$0\" ]; do sleep 0.01; done; exit 3")
        job.spec.arguments.append(job.path("go"))
        job.spec.stopTimeout = 100
        let shim = try job.start()
        _ = try job.awaitMainPID()
        #expect(waitUntil { !job.texts.isEmpty })
        let child = try #require(job.texts.first.flatMap { Int32($0) })
        guard let tracer = trace(child) else { return }
        #expect(harness_signal(child, SIGKILL) == 0)
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue && job.exit?.status == 3)
        kill(tracer, SIGKILL)
        var status: Int32 = 0
        #expect(harness_wait(tracer, 5000, &status) == 1)
    }

    @Test("The exit status of a traced process is exact when its tracer ends")
    func tracerEnds() throws {
        let job = try TestJob(shell: "exec sleep 600")
        let shim = try job.start()
        let main = try job.awaitMainPID()
        guard let tracer = trace(main) else { return }
        #expect(harness_signal(main, SIGKILL) == 0)
        kill(tracer, SIGKILL)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.kind == HERO_EXIT_SIGNALED.rawValue && job.exit?.status == SIGKILL)
        var status: Int32 = 0
        #expect(harness_wait(tracer, 5000, &status) == 1)
    }
}

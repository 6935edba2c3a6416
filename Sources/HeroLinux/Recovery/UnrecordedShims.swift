import CHeroLinux
import Glibc
import HeroModel

/// Handles shims that hold the lock of a job and have not recorded a start yet (FP-ST-6).
///
/// This state normally lasts for an instant, but a busy machine can delay a process in it for seconds. Such a shim has
/// started no program. No reconciler has a record of it, so nothing would track what it starts later. It is killed, and
/// its start is retired like others that have left no trace.
enum UnrecordedShims {
    /// Kills the shims that hold the lock of this record without being recorded in it.
    ///
    /// - Returns: Whether there were any. The record must be read again then, because they may have changed it before
    ///   they ended.
    static func kill(_ path: String, job: JobID) -> Bool {
        guard UnrecordedShimRule.mayBeUnrecorded(recordFacts(path, job), isLocked: isRecordLocked(path)) else {
            return false
        }
        let shims = lockHolders(of: path).filter { ProcessInspector.isShim($0.identity.pid) }
        // A shim may continue at any moment: only of a stopped one is it certain that it has started no program.
        for shim in shims { _ = hl_pidfd_send_signal(shim.pidfd.number, SIGSTOP) }
        wait(for: shims) { $0?.state != UInt8(ascii: "T") }
        let decision = UnrecordedShimRule.decide(recordFacts(path, job))
        let signal = decision == .kill ? SIGKILL : SIGCONT
        for shim in shims { _ = hl_pidfd_send_signal(shim.pidfd.number, signal) }
        if decision == .kill { wait(for: shims) { $0?.isDead == false } }
        return !shims.isEmpty
    }

    /// Waits until the condition is false for all shims, at most one second.
    private static func wait(
        for shims: [(identity: ProcessIdentity, pidfd: Descriptor)],
        while holds: (ProcStat?) -> Bool
    ) {
        for _ in 0..<200
        where shims.contains(where: { ProcessTable.isAlive($0.identity) && holds(ProcStat(of: $0.identity.pid)) }) {
            hl_sleep(5_000_000)
        }
    }

    private static func recordFacts(_ path: String, _ job: JobID) -> UnrecordedShimRule.RecordFacts? {
        guard case .found(let record) = RecordReader.read(path, job: job) else { return nil }
        return UnrecordedShimRule.RecordFacts(
            isFromThisMachine: record.isFromThisMachine,
            isShimRunning: record.shim.map(ProcessTable.isAlive) ?? false,
            isMainProcessRunning: record.main.map(ProcessTable.isAlive) ?? false
        )
    }
}

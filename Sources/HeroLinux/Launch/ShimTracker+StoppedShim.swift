import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Shims that are stopped (SIGSTOP) and therefore do not notice the end of their program.
///
/// A program of the same user can stop its shim and then end: only the main process itself shows that.
extension ShimTracker {
    /// How long a shim may leave the end of its program unrecorded while it is stopped, and how often it is continued
    /// before it is killed.
    private static let stoppedShimTimeout = Duration.seconds(3)
    private static let maxContinuations = 3
    /// How many descriptors must be free to watch the main processes of recovered starts.
    private static let spareDescriptors = 512

    /// A child of this process was stopped.
    func handleShimStop(_ shim: Int32) {
        guard let id = idByShimPID[shim], let tracked = trackedShims[id], let record = currentRecord(of: tracked),
            record.main != nil
        else { return }
        watchMainProcess(id, record)
    }

    /// Watches the main process of a recovered start whose shim is no child of this process.
    ///
    /// The kernel does not report a stop of such a shim. Without spare descriptors only a shim that is stopped now is
    /// noticed.
    func watchRecoveredMainProcess(_ start: StartID, _ record: RecordReader) {
        guard let id = idByStart[start], let shim = trackedShims[id]?.shimPID else { return }
        guard FileDescriptors.available > Self.spareDescriptors || isStopped(shim) else { return }
        watchMainProcess(id, record)
    }

    /// Continues a stopped shim whose main process has ended; kills a shim that is stopped again and again.
    ///
    /// After the kill the start counts as lost, and the rest of its process tree is ended.
    func checkStoppedShim(_ id: UInt64) {
        guard let tracked = trackedShims[id], let endedAt = tracked.mainEndedAt,
            reactor.now - endedAt >= Self.stoppedShimTimeout, isStopped(tracked.shimPID)
        else { return }
        let isHopeless = tracked.continuations >= Self.maxContinuations
        _ = hl_pidfd_send_signal(tracked.pidfd.number, isHopeless ? SIGKILL : SIGCONT)
        trackedShims[id]?.continuations += 1
        trackedShims[id]?.mainEndedAt = reactor.now
    }

    private func isStopped(_ pid: Int32) -> Bool {
        guard let state = ProcStat(of: pid)?.state else { return false }
        return state == UInt8(ascii: "T") || state == UInt8(ascii: "t")
    }
}

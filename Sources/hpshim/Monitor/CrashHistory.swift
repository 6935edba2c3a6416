import CHeroRecord
import CHeroShim

/// The most recent crashes of the reconciler that were caused by itself (guarantee CR-6).
struct CrashHistory {
    /// How long a crash counts, in ns.
    private static let window = Int64(HERO_CRASH_WINDOW_SECONDS) * 1_000_000_000

    /// The times of the crashes (CLOCK_BOOTTIME, ns), newest first; the first `recordedCount` are valid.
    private var times: (Int64, Int64, Int64) = (0, 0, 0)
    private var recordedCount: Int32 = 0
    /// The signal of the newest crash; 0 while there is none.
    private(set) var lastSignal: Int32 = 0

    /// Records that a signal ended the reconciler.
    ///
    /// Signals that only other processes send are ignored.
    mutating func add(_ signal: Int32, at now: Int64) {
        guard shim_monitor_is_crash_signal(signal) != 0 else { return }
        self.lastSignal = signal
        times = (now, times.0, times.1)
        recordedCount = min(HERO_CRASH_LIMIT, recordedCount &+ 1)
    }

    /// The number of recent crashes, 0 to HERO_CRASH_LIMIT.
    func recentCount(at now: Int64) -> Int32 {
        func isRecent(_ number: Int32, _ time: Int64) -> Int32 {
            recordedCount >= number && now &- time <= CrashHistory.window ? 1 : 0
        }
        return isRecent(1, times.0) &+ isRecent(2, times.1) &+ isRecent(3, times.2)
    }
}

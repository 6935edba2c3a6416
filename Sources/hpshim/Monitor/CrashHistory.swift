import CHeroRecord
import CHeroShim

/// The last crashes of a reconciler that were of its own making (reliability.md CR-6).
struct CrashHistory {
    /// For how long one counts, in ns.
    private static let window = Int64(HERO_CRASH_WINDOW_SECONDS) * 1_000_000_000

    /// When they were (CLOCK_BOOTTIME, ns), the newest first; of these `known` are real.
    private var times: (Int64, Int64, Int64) = (0, 0, 0)
    private var recordedCount: Int32 = 0
    /// What ended the newest; 0 while there is none.
    private(set) var lastSignal: Int32 = 0

    /// Takes in that a signal ended it; one that came from others does not count.
    mutating func add(_ signal: Int32, at now: Int64) {
        guard shim_monitor_is_crash_signal(signal) != 0 else { return }
        self.lastSignal = signal
        times = (now, times.0, times.1)
        recordedCount = min(HERO_CRASH_LIMIT, recordedCount &+ 1)
    }

    /// How many there were lately, 0 to HERO_KEPT_CRASHES.
    func recentCount(at now: Int64) -> Int32 {
        func isRecent(_ number: Int32, _ time: Int64) -> Int32 {
            recordedCount >= number && now &- time <= CrashHistory.window ? 1 : 0
        }
        return isRecent(1, times.0) &+ isRecent(2, times.1) &+ isRecent(3, times.2)
    }
}

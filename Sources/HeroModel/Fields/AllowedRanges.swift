/// The ranges of numbers, times and sizes in manifests, each written in this one place.
///
/// The fields, the pages and the schema that are rendered from them, and the reader of manifests all take them from here.
public enum AllowedRanges {
    /// Generations: up to what JSON readers keep exactly (RFC 8259 section 6).
    public static let generation: ClosedRange<Int> = 0...9_007_199_254_740_991
    /// Tries of a program; 0 never gives up.
    public static let attempts: ClosedRange<Int> = 0...1_000_000
    /// Tries of a probe.
    public static let probeThreshold: ClosedRange<Int> = 1...1_000_000
    /// What a delay is multiplied with.
    public static let factor: ClosedRange<Double> = 1...1000
    /// The share by which a delay is spread.
    public static let jitter: ClosedRange<Double> = 0...1
    /// Earlier log files.
    public static let keptFiles: ClosedRange<Int> = 0...99
    /// Bytes of a log file.
    public static let logBytes: ClosedRange<Int64> = 1024...(1 << 40)
    /// Times that may be nothing, up to a hundred years, so that no deadline can overflow the clock.
    public static let delay: ClosedRange<Duration> = .zero ... .seconds(3_153_600_000)
    /// Times that cannot be nothing.
    public static let time: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3_153_600_000)
    /// Times between two pings of a watchdog: a shorter one would judge the machine and not the program.
    public static let watchdog: ClosedRange<Duration> = .milliseconds(100) ... .seconds(3_153_600_000)
    /// The rhythm of a schedule.
    public static let scheduleInterval: ClosedRange<Duration> = .seconds(1) ... .seconds(3_153_600_000)
    /// Exit codes (wait(2) keeps eight bits).
    public static let exitCode: ClosedRange<Int> = 0...255
    /// Permission bits.
    public static let umask: ClosedRange<Int> = 0...0o777
    /// Open files: up to the most that `fs.nr_open` can be raised to.
    public static let openFiles: ClosedRange<Int> = 1...1_073_741_816
    /// Processes: up to the largest `pid_max` (proc_sys_kernel(5)).
    public static let processes: ClosedRange<Int> = 1...4_194_304
    /// Bytes of a core dump.
    public static let coreBytes: ClosedRange<Int64> = 0...(1 << 50)
    /// Bytes of memory.
    public static let memoryBytes: ClosedRange<Int64> = (1 << 20)...(1 << 50)
    /// Processors: from the least `cpu.max` takes of its 100 ms, 1 ms (cgroup v2).
    public static let processors: ClosedRange<Double> = 0.01...8192
    /// How readily the kernel kills (proc_pid_oom_score_adj(5)).
    public static let oomScoreAdjustment: ClosedRange<Int> = -1000...1000
    /// Services that one plan may stop or restart.
    public static let maxDisruption: ClosedRange<Int> = 0...1_000_000
}

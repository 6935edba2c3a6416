/// The allowed ranges of numbers, durations and sizes in manifests.
///
/// The fields, the reference pages, the JSON Schema and the manifest decoder all use these ranges.
public enum AllowedRanges {
    /// Generations: up to the largest integer that JSON parsers read exactly (RFC 8259 section 6).
    public static let generation: ClosedRange<Int> = 0...9_007_199_254_740_991
    /// Attempts of a program; 0 means no limit.
    public static let attempts: ClosedRange<Int> = 0...1_000_000
    /// Consecutive results of a probe.
    public static let probeThreshold: ClosedRange<Int> = 1...1_000_000
    /// The factor by which a delay grows.
    public static let factor: ClosedRange<Double> = 1...1000
    /// The fraction by which a delay is varied.
    public static let jitter: ClosedRange<Double> = 0...1
    /// The number of rotated log files.
    public static let keptFiles: ClosedRange<Int> = 0...99
    /// The size of a log file in bytes.
    public static let logBytes: ClosedRange<Int64> = 1024...(1 << 40)
    /// Durations that may be zero, up to 100 years, so that no deadline can overflow the clock.
    public static let delay: ClosedRange<Duration> = .zero ... .seconds(3_153_600_000)
    /// Durations that must not be zero.
    public static let time: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3_153_600_000)
    /// A time that must be below another one.
    public static let shorterTime: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(3_153_599_999_999)
    /// The interval of a watchdog: a shorter interval would measure the machine and not the program.
    public static let watchdog: ClosedRange<Duration> = .milliseconds(100) ... .seconds(3_153_600_000)
    /// The interval of a schedule.
    public static let scheduleInterval: ClosedRange<Duration> = .seconds(1) ... .seconds(3_153_600_000)
    /// Exit codes (wait(2) reports eight bits).
    public static let exitCode: ClosedRange<Int> = 0...255
    /// Final statuses of HTTP (RFC 9110 15).
    public static let httpStatus: ClosedRange<Int> = 200...599
    /// The file descriptor of a readiness message.
    public static let readyDescriptor: ClosedRange<Int> = 3...64
    /// Permission bits.
    public static let umask: ClosedRange<Int> = 0...0o777
    /// The permission bits of a directory.
    public static let mode: ClosedRange<Int> = 0...0o7777
    /// Open files: up to the maximum value of `fs.nr_open`.
    public static let openFiles: ClosedRange<Int> = 1...1_073_741_816
    /// Processes: up to the largest `pid_max` (proc_sys_kernel(5)).
    public static let processes: ClosedRange<Int> = 1...4_194_304
    /// The size of a core dump in bytes.
    public static let coreBytes: ClosedRange<Int64> = 0...(1 << 50)
    /// Locked memory, the size of a file and similar sizes in bytes.
    public static let limitBytes: ClosedRange<Int64> = 0...(1 << 60)
    /// The stack and the address space in bytes: a program cannot start with less.
    public static let addressBytes: ClosedRange<Int64> = (64 << 10)...(1 << 60)
    /// The nice value (setpriority(2)).
    public static let nice: ClosedRange<Int> = -20...19
    /// Memory in bytes.
    public static let memoryBytes: ClosedRange<Int64> = (1 << 20)...(1 << 50)
    /// Processors: at least 1 ms of the 100 ms period of `cpu.max` (cgroup v2).
    public static let processors: ClosedRange<Double> = 0.01...8192
    /// The adjustment of the out-of-memory score (proc_pid_oom_score_adj(5)).
    public static let oomScoreAdjustment: ClosedRange<Int> = -1000...1000
    /// The number of services that one plan may stop or restart.
    public static let maxDisruption: ClosedRange<Int> = 0...1_000_000
}

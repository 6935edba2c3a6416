/// A periodic check of a running program.
public struct Probe: Hashable, Sendable, Codable {
    /// What a probe checks.
    public enum Check: Hashable, Sendable, Codable {
        /// A TCP connection to this address is accepted.
        case tcp(TCPEndpoint)
        /// A GET request returns a status from 200 to 399.
        case http(HTTPTarget)
        /// This command exits with code 0.
        case exec([String])
        /// A connection to this Unix stream socket is accepted.
        case unix(String)
        /// A line of the output since the start matches this regular expression.
        case log(String)
        /// The program has sent `READY=1` to its notify socket (sd_notify(3)); only for readiness.
        case notify
        /// The program has run for this time; only for readiness.
        case aliveFor(Duration)
        /// The program has sent `WATCHDOG=1` within this time; only for health.
        case watchdog(Duration)
    }

    /// What the probe checks.
    public var check: Check
    /// The time between the end of one probe and the next.
    public var interval: Duration
    /// The maximum time of one probe.
    public var timeout: Duration
    /// The number of consecutive failed probes that count as a failure.
    public var failures: Int
    /// The number of consecutive successful probes that count as a success.
    public var successes: Int
    /// The time after the start in which no probe runs.
    public var startPeriod: Duration

    /// The default interval of a health probe; its other defaults are those of a readiness probe.
    public static let healthInterval: Duration = .seconds(10)

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case check = "question"
        case interval, timeout, failures, successes, startPeriod
    }

    /// Makes a probe with the defaults of a readiness probe.
    public init(
        _ check: Check,
        interval: Duration = .milliseconds(250),
        timeout: Duration = .seconds(1),
        failures: Int = 3,
        successes: Int = 1,
        startPeriod: Duration = .zero
    ) {
        self.check = check
        self.interval = interval
        self.timeout = timeout
        self.failures = failures
        self.successes = successes
        self.startPeriod = startPeriod
    }
}

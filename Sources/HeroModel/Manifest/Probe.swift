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
        /// The program has written a newline to the file descriptor with this number; only for readiness.
        case descriptor(Int)
        /// The program has run for this time; only for readiness.
        case aliveFor(Duration)
        /// The program has sent `WATCHDOG=1` within this time; only for health.
        case watchdog(Duration)
        /// Nothing but the limit of `memoryBelow`; only for health.
        case memory
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

    /// What follows when a health probe finds a program unhealthy.
    public enum Reaction: String, Hashable, Sendable, Codable, CaseIterable {
        /// The program is stopped and started again.
        case restart
        /// The state is shown, and nothing else happens.
        case report
    }

    /// What follows when a health probe finds the program unhealthy.
    public var reaction: Reaction

    /// The program is unhealthy while its process tree uses at least this many bytes of memory; nil: no limit.
    public var memoryBelow: Int64?

    /// The default interval of a health probe; its other defaults are those of a readiness probe.
    public static let healthInterval: Duration = .seconds(10)

    /// The names in stored JSON, which earlier versions wrote.
    private enum CodingKeys: String, CodingKey {
        case check = "question"
        case interval, timeout, failures, successes, startPeriod
        case reaction = "then"
        case memoryBelow
    }

    /// Makes a probe with the defaults of a readiness probe.
    public init(
        _ check: Check,
        interval: Duration = .milliseconds(250),
        timeout: Duration = .seconds(1),
        failures: Int = 3,
        successes: Int = 1,
        startPeriod: Duration = .zero,
        reaction: Reaction = .restart,
        memoryBelow: Int64? = nil
    ) {
        self.check = check
        self.interval = interval
        self.timeout = timeout
        self.failures = failures
        self.successes = successes
        self.startPeriod = startPeriod
        self.reaction = reaction
        self.memoryBelow = memoryBelow
    }

    /// Decodes a stored probe; a field that an older version did not store has its default value.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            try fields.decode(Check.self, forKey: .check),
            interval: try fields.decode(Duration.self, forKey: .interval),
            timeout: try fields.decode(Duration.self, forKey: .timeout),
            failures: try fields.decode(Int.self, forKey: .failures),
            successes: try fields.decode(Int.self, forKey: .successes),
            startPeriod: try fields.decode(Duration.self, forKey: .startPeriod),
            reaction: try fields.decodeIfPresent(Reaction.self, forKey: .reaction) ?? .restart,
            memoryBelow: try fields.decodeIfPresent(Int64.self, forKey: .memoryBelow)
        )
    }

    /// Encodes the probe; a reaction that older versions do not know is left out if it is the default.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(check, forKey: .check)
        try fields.encode(interval, forKey: .interval)
        try fields.encode(timeout, forKey: .timeout)
        try fields.encode(failures, forKey: .failures)
        try fields.encode(successes, forKey: .successes)
        try fields.encode(startPeriod, forKey: .startPeriod)
        try fields.encodeIfPresent(memoryBelow, forKey: .memoryBelow)
        if reaction != .restart { try fields.encode(reaction, forKey: .reaction) }
    }
}

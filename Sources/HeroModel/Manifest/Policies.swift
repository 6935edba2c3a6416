/// How a program is stopped: a signal, a timeout, then SIGKILL for its process tree.
public struct StopPolicy: Hashable, Sendable, Codable {
    /// Which processes receive the first signal.
    public enum Target: String, Hashable, Sendable, Codable, CaseIterable {
        /// The main process; the rest of the tree follows when it has ended.
        case main
        /// Every process of the tree, at once.
        case tree
    }

    /// The first signal.
    public var signal: Signal
    /// The maximum time until the process tree has exited; then SIGKILL follows.
    public var timeout: Duration
    /// Which processes receive the first signal.
    public var target: Target
    /// The program, with its arguments, that runs before the first signal; empty if there is none.
    public var command: [String]

    /// Makes a policy; the default is `{signal: TERM, timeout: 10s, to: main}`.
    public init(
        signal: Signal = .term,
        timeout: Duration = .seconds(10),
        target: Target = .main,
        command: [String] = []
    ) {
        self.signal = signal
        self.timeout = timeout
        self.target = target
        self.command = command
    }

    /// How long the command may run; the signal follows when it has ended, or after this time.
    public var commandTimeout: Duration { timeout / 2 }

    /// The names in stored JSON.
    private enum CodingKeys: String, CodingKey {
        case signal, timeout
        case target = "to"
        case command = "exec"
    }

    /// Decodes a stored policy; a field that an older version did not store has its default value.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            signal: try fields.decode(Signal.self, forKey: .signal),
            timeout: try fields.decode(Duration.self, forKey: .timeout),
            target: try fields.decodeIfPresent(Target.self, forKey: .target) ?? .main,
            command: try fields.decodeIfPresent([String].self, forKey: .command) ?? []
        )
    }

    /// Encodes the policy; fields that older versions do not know are left out if they have their default value.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(signal, forKey: .signal)
        try fields.encode(timeout, forKey: .timeout)
        if target != .main { try fields.encode(target, forKey: .target) }
        if !command.isEmpty { try fields.encode(command, forKey: .command) }
    }
}

/// When an ended program is restarted.
public enum RestartPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// After every end.
    case always
    /// After an end without a success code.
    case onFailure = "on_failure"
    /// Never.
    case never
}

/// How often and after which delays a program is retried.
public struct RetryPolicy: Hashable, Sendable, Codable {
    /// The maximum number of consecutive attempts; 0 means no limit.
    public var maxAttempts: Int
    /// The delay before the second attempt.
    public var delay: Duration
    /// The factor by which the delay grows with each attempt; at least 1.
    public var factor: Double
    /// The maximum delay.
    public var maxDelay: Duration
    /// The fraction by which a delay is varied at random, 0 to 1.
    public var jitter: Double
    /// How long a program must be up before attempts count from 1 again.
    public var stableAfter: Duration
    /// The time within which attempts count; nil: all consecutive attempts count.
    ///
    /// With it, `stableAfter` resets only the delay.
    public var within: Duration?

    /// Makes a policy.
    public init(
        maxAttempts: Int,
        delay: Duration = .milliseconds(500),
        factor: Double = 2,
        maxDelay: Duration = .seconds(30),
        jitter: Double = 0.1,
        stableAfter: Duration = .seconds(10),
        within: Duration? = nil
    ) {
        self.maxAttempts = maxAttempts
        self.delay = delay
        self.factor = factor
        self.maxDelay = maxDelay
        self.jitter = jitter
        self.stableAfter = stableAfter
        self.within = within
    }
}

/// How the output of an action is stored.
public struct LogPolicy: Hashable, Sendable, Codable {
    /// What happens to output that is faster than the disk.
    public enum WhenSlow: String, Hashable, Sendable, Codable, CaseIterable {
        /// The program is blocked, and no output is lost.
        case block
        /// The program is never blocked; output that cannot be stored in time is dropped and counted.
        case drop
    }

    /// The size in bytes at which the active file is rotated.
    public var maxSize: Int64
    /// The number of rotated files that are kept, 0 to 99.
    public var keep: Int
    /// Whether a slow disk blocks the program.
    public var whenSlow: WhenSlow
    /// The absolute path of a symbolic link to the active log file; nil if there is none.
    public var link: String?

    /// Makes a policy; the default is `{max_size: 10MiB, keep: 5, when_slow: block}` without a link.
    public init(
        maxSize: Int64 = 10 * 1024 * 1024,
        keep: Int = 5,
        whenSlow: WhenSlow = .block,
        link: String? = nil
    ) {
        self.maxSize = maxSize
        self.keep = keep
        self.whenSlow = whenSlow
        self.link = link
    }

    /// Decodes a stored policy; a field that an older version did not store has its default value.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            maxSize: try fields.decode(Int64.self, forKey: .maxSize),
            keep: try fields.decode(Int.self, forKey: .keep),
            whenSlow: try fields.decodeIfPresent(WhenSlow.self, forKey: .whenSlow) ?? .block,
            link: try fields.decodeIfPresent(String.self, forKey: .link)
        )
    }
}

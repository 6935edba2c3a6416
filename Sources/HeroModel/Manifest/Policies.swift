/// How an action's program is ended: a signal to the main program, a wait, then SIGKILL for its whole tree.
public struct StopPolicy: Hashable, Sendable, Codable {
    /// The first signal.
    public var signal: Signal
    /// How long the tree may take to end before SIGKILL.
    public var timeout: Duration

    /// Makes a policy; the default is `{signal: TERM, timeout: 10s}`.
    public init(signal: Signal = .term, timeout: Duration = .seconds(10)) {
        self.signal = signal
        self.timeout = timeout
    }
}

/// When a program that ended is started again.
public enum RestartPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// Whatever its status was.
    case always
    /// When it did not end with a success code.
    case onFailure = "on_failure"
    /// Never.
    case never
}

/// How often, and after which delays, a program is tried again.
public struct RetryPolicy: Hashable, Sendable, Codable {
    /// Tries in a row before giving up; 0 never gives up.
    public var maxAttempts: Int
    /// Delay before the second try.
    public var delay: Duration
    /// What the delay is multiplied with after each further try; at least 1.
    public var factor: Double
    /// The longest delay.
    public var maxDelay: Duration
    /// The share by which a delay is spread at random, 0 to 1.
    public var jitter: Double
    /// How long a program must be up before the tries count from 1 again.
    public var stableAfter: Duration

    /// Makes a policy.
    public init(
        maxAttempts: Int,
        delay: Duration = .milliseconds(500),
        factor: Double = 2,
        maxDelay: Duration = .seconds(30),
        jitter: Double = 0.1,
        stableAfter: Duration = .seconds(10)
    ) {
        self.maxAttempts = maxAttempts
        self.delay = delay
        self.factor = factor
        self.maxDelay = maxDelay
        self.jitter = jitter
        self.stableAfter = stableAfter
    }
}

/// How much of an action's output is kept, and at what price.
public struct LogPolicy: Hashable, Sendable, Codable {
    /// What becomes of output that comes faster than the disk takes it.
    public enum WhenSlow: String, Hashable, Sendable, Codable, CaseIterable {
        /// The program waits, and nothing is lost.
        case block
        /// The program never waits: what cannot be stored in time is dropped and counted.
        case drop
    }

    /// Bytes after which the active file is continued in a new one.
    public var maxSize: Int64
    /// Earlier files kept beside the active one, 0 to 99.
    public var keep: Int
    /// Whether a slow disk holds the program up.
    public var whenSlow: WhenSlow

    /// Makes a policy; the default is `{max_size: 10MiB, keep: 5, when_slow: block}`.
    public init(maxSize: Int64 = 10 * 1024 * 1024, keep: Int = 5, whenSlow: WhenSlow = .block) {
        self.maxSize = maxSize
        self.keep = keep
        self.whenSlow = whenSlow
    }

    /// Reads a recorded policy; what an older version did not record has its default.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            maxSize: try fields.decode(Int64.self, forKey: .maxSize),
            keep: try fields.decode(Int.self, forKey: .keep),
            whenSlow: try fields.decodeIfPresent(WhenSlow.self, forKey: .whenSlow) ?? .block
        )
    }
}

/// A signal by its number on Linux.
public struct Signal: Hashable, Sendable, Codable {
    /// The number, 1 to 64.
    public var number: Int32

    /// Makes a signal from its number.
    public init(number: Int32) {
        self.number = number
    }

    /// SIGTERM.
    public static let term = Signal(number: 15)
    /// SIGKILL.
    public static let kill = Signal(number: 9)

    /// The names manifests use, without `SIG`, with their numbers (signal(7), x86 and arm).
    public static let names: [(name: String, number: Int32)] = [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8),
        ("KILL", 9), ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15),
        ("STKFLT", 16), ("CHLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21), ("TTOU", 22),
        ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29),
        ("PWR", 30), ("SYS", 31),
    ]

    /// Reads `TERM` or `SIGTERM`.
    public init?(name: String) {
        let bare = name.utf8.starts(with: "SIG".utf8) ? String(name.dropFirst(3)) : name
        guard let match = Self.names.first(where: { $0.name == bare }) else { return nil }
        self.init(number: match.number)
    }
}

extension Signal: CustomStringConvertible {
    /// `TERM`, or the number of a signal without a name.
    public var description: String { Self.names.first { $0.number == number }?.name ?? String(number) }
}

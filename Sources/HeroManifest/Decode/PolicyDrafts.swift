internal import HeroModel

/// The `stop` map of an action, or of the defaults in the settings.
struct StopDraft: ManifestDraft {
    private var signal: Signal?
    private var timeout: Duration?
    private var target: StopPolicy.Target?
    private var command: [String]?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Returns the policy with the defaults for keys that are not written.
    func policy(defaultingTo defaults: StopPolicy) -> StopPolicy {
        StopPolicy(
            signal: signal ?? defaults.signal,
            timeout: timeout ?? defaults.timeout,
            target: target ?? defaults.target,
            command: command ?? defaults.command
        )
    }

    /// The keys in an action.
    static let actionTable = table("stop")
    /// The keys in the settings.
    static let settingsTable = table("defaults.stop")

    private static func table(_ owner: String) -> KeyTable<Self> {
        let signal = owner + ".signal"
        let timeout = owner + ".timeout"
        let target = owner + ".to"
        let command = owner + ".exec"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("signal") { node, draft, decoder in
                    draft.signal = decoder.signal(node, signal)
                    decoder.warnIfSuspending(draft.signal, signal, at: node.span)
                },
                Key("timeout") { node, draft, decoder in
                    draft.timeout = decoder.duration(node, timeout, in: AllowedRanges.delay)
                },
                Key("to") { node, draft, decoder in
                    draft.target = decoder.choice(node, target, StopPolicy.Target.self)
                },
                Key("exec") { node, draft, decoder in draft.command = decoder.arguments(node, command) },
            ],
            misplacedKeyHelp: { key in
                key == "remove_jobs" ? "`remove_jobs` is a key of `stop` in a service, not in an action" : nil
            }
        )
    }
}

/// The `retry` map of an action, or of the defaults in the settings.
struct RetryDraft: ManifestDraft {
    private var maxAttempts: Int?
    private var delay: Duration?
    private var factor: Double?
    private var maxDelay: Duration?
    private var jitter: Double?
    private var stableAfter: Duration?
    private var within: Duration?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Returns the policy with the defaults for keys that are not written.
    func policy(defaultingTo defaults: RetryDefaults, isProcess: Bool) -> RetryPolicy {
        RetryPolicy(
            maxAttempts: maxAttempts ?? defaults.maxAttempts ?? (isProcess ? 0 : 1),
            delay: delay ?? defaults.policy.delay,
            factor: factor ?? defaults.policy.factor,
            maxDelay: maxDelay ?? defaults.policy.maxDelay,
            jitter: jitter ?? defaults.policy.jitter,
            stableAfter: stableAfter ?? defaults.policy.stableAfter,
            within: within ?? defaults.policy.within
        )
    }

    /// The map as defaults of the set.
    ///
    /// Without `max_attempts`, the default depends on the kind of each action.
    var defaults: RetryDefaults {
        var policy = policy(defaultingTo: RetryDefaults(), isProcess: true)
        policy.maxAttempts = RetryDefaults().policy.maxAttempts
        return RetryDefaults(maxAttempts: maxAttempts, policy: policy)
    }

    /// The keys in an action.
    static let actionTable = table("retry")
    /// The keys in the settings.
    static let settingsTable = table("defaults.retry")

    private static func table(_ owner: String) -> KeyTable<Self> {
        func time(
            _ key: String,
            _ range: ClosedRange<Duration> = AllowedRanges.delay,
            _ set: @escaping @Sendable (inout Self, Duration?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in set(&draft, decoder.duration(node, path, in: range)) }
        }
        func number(
            _ key: String,
            _ range: ClosedRange<Double>,
            _ set: @escaping @Sendable (inout Self, Double?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, decoder in
                set(&draft, decoder.number(node, path, in: range))
            }
        }
        let maxAttempts = owner + ".max_attempts"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("max_attempts") { node, draft, decoder in
                    draft.maxAttempts = decoder.integer(node, maxAttempts, in: AllowedRanges.attempts)
                },
                time("delay") { $0.delay = $1 },
                number("factor", AllowedRanges.factor) { $0.factor = $1 },
                time("max_delay") { $0.maxDelay = $1 },
                number("jitter", AllowedRanges.jitter) { $0.jitter = $1 },
                time("stable_after") { $0.stableAfter = $1 },
                time("within", AllowedRanges.time) { $0.within = $1 },
            ]
        )
    }
}

/// The `log` map of an action, or of the defaults in the settings.
struct LogDraft: ManifestDraft {
    private var maxSize: Int64?
    private var keep: Int?
    private var whenSlow: LogPolicy.WhenSlow?
    /// The link to the log, with its span; only in an action.
    private(set) var link: (path: String, span: Span)?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// Returns the policy with the defaults for keys that are not written.
    func policy(defaultingTo defaults: LogPolicy) -> LogPolicy {
        LogPolicy(
            maxSize: maxSize ?? defaults.maxSize,
            keep: keep ?? defaults.keep,
            whenSlow: whenSlow ?? defaults.whenSlow,
            link: link?.path
        )
    }

    /// The keys in an action.
    static let actionTable = table(
        "log",
        [
            Key("link") { node, draft, decoder in
                draft.link = decoder.filePath(node, "log.link", example: "link: /var/log/web.log")
                    .map { ($0, node.span) }
            }
        ]
    )
    /// The keys in the settings.
    static let settingsTable = table("defaults.log", [])

    private static func table(_ owner: String, _ more: [Key<Self>]) -> KeyTable<Self> {
        let maxSize = owner + ".max_size"
        let keep = owner + ".keep"
        let whenSlow = owner + ".when_slow"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("max_size") { node, draft, decoder in
                    draft.maxSize = decoder.size(node, maxSize, in: AllowedRanges.logBytes)
                },
                Key("keep") { node, draft, decoder in
                    draft.keep = decoder.integer(node, keep, in: AllowedRanges.keptFiles)
                },
                Key("when_slow") { node, draft, decoder in
                    draft.whenSlow = decoder.choice(node, whenSlow, LogPolicy.WhenSlow.self)
                },
            ] + more,
            misplacedKeyHelp: { key in
                key == "link" ? "write it in an action: each log has a link of its own" : nil
            }
        )
    }
}

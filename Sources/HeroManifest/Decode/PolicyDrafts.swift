internal import HeroModel

/// `stop` as its map says it: of an action, or of the set's defaults.
struct StopDraft: ManifestDraft {
    private var signal: Signal?
    private var timeout: Duration?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// What is said, and the standard where nothing is.
    func policy(defaultingTo standard: StopPolicy) -> StopPolicy {
        StopPolicy(signal: signal ?? standard.signal, timeout: timeout ?? standard.timeout)
    }

    /// The keys in an action.
    static let actionTable = table("stop")
    /// The keys in settings.
    static let settingsTable = table("defaults.stop")

    private static func table(_ owner: String) -> KeyTable<Self> {
        let signal = owner + ".signal"
        let timeout = owner + ".timeout"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("signal") { node, draft, scope in draft.signal = scope.signal(node, signal) },
                Key("timeout") { node, draft, scope in
                    draft.timeout = scope.duration(node, timeout, in: AllowedRanges.delay)
                },
            ],
            elsewhere: { key in
                key == "remove_jobs" ? "`remove_jobs` is a key of a service's `stop`: write it beside `actions`" : nil
            }
        )
    }
}

/// `retry` as its map says it: of an action, or of the set's defaults.
struct RetryDraft: ManifestDraft {
    private var maxAttempts: Int?
    private var delay: Duration?
    private var factor: Double?
    private var maxDelay: Duration?
    private var jitter: Double?
    private var stableAfter: Duration?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// What is said, and the standard where nothing is.
    func policy(defaultingTo standard: RetryDefaults, isProcess: Bool) -> RetryPolicy {
        RetryPolicy(
            maxAttempts: maxAttempts ?? standard.maxAttempts ?? (isProcess ? 0 : 1),
            delay: delay ?? standard.policy.delay,
            factor: factor ?? standard.policy.factor,
            maxDelay: maxDelay ?? standard.policy.maxDelay,
            jitter: jitter ?? standard.policy.jitter,
            stableAfter: stableAfter ?? standard.policy.stableAfter
        )
    }

    /// As the set's defaults: a number of tries that is not said is left to the nature of each action.
    var defaults: RetryDefaults {
        var policy = policy(defaultingTo: RetryDefaults(), isProcess: true)
        policy.maxAttempts = RetryDefaults().policy.maxAttempts
        return RetryDefaults(maxAttempts: maxAttempts, policy: policy)
    }

    /// The keys in an action.
    static let actionTable = table("retry")
    /// The keys in settings.
    static let settingsTable = table("defaults.retry")

    private static func table(_ owner: String) -> KeyTable<Self> {
        func time(_ key: String, _ set: @escaping @Sendable (inout Self, Duration?) -> Void) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, scope in
                set(&draft, scope.duration(node, path, in: AllowedRanges.delay))
            }
        }
        func number(
            _ key: String,
            _ range: ClosedRange<Double>,
            _ set: @escaping @Sendable (inout Self, Double?) -> Void
        ) -> Key<Self> {
            let path = "\(owner).\(key)"
            return Key(key) { node, draft, scope in
                set(&draft, scope.number(node, path, in: range))
            }
        }
        let maxAttempts = owner + ".max_attempts"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("max_attempts") { node, draft, scope in
                    draft.maxAttempts = scope.integer(node, maxAttempts, in: AllowedRanges.attempts)
                },
                time("delay") { $0.delay = $1 },
                number("factor", AllowedRanges.factor) { $0.factor = $1 },
                time("max_delay") { $0.maxDelay = $1 },
                number("jitter", AllowedRanges.jitter) { $0.jitter = $1 },
                time("stable_after") { $0.stableAfter = $1 },
            ]
        )
    }
}

/// `log` as its map says it: of an action, or of the set's defaults.
struct LogDraft: ManifestDraft {
    private var maxSize: Int64?
    private var keep: Int?
    private var whenSlow: LogPolicy.WhenSlow?
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// What is said, and the standard where nothing is.
    func policy(defaultingTo standard: LogPolicy) -> LogPolicy {
        LogPolicy(
            maxSize: maxSize ?? standard.maxSize,
            keep: keep ?? standard.keep,
            whenSlow: whenSlow ?? standard.whenSlow
        )
    }

    /// The keys in an action.
    static let actionTable = table("log")
    /// The keys in settings.
    static let settingsTable = table("defaults.log")

    private static func table(_ owner: String) -> KeyTable<Self> {
        let maxSize = owner + ".max_size"
        let keep = owner + ".keep"
        let whenSlow = owner + ".when_slow"
        return KeyTable(
            of: owner,
            prefix: owner + ".",
            [
                Key("max_size") { node, draft, scope in
                    draft.maxSize = scope.size(node, maxSize, in: AllowedRanges.logBytes)
                },
                Key("keep") { node, draft, scope in draft.keep = scope.integer(node, keep, in: AllowedRanges.keptFiles)
                },
                Key("when_slow") { node, draft, scope in
                    draft.whenSlow = scope.choice(node, whenSlow, LogPolicy.WhenSlow.self)
                },
            ]
        )
    }
}

/// `limits` as its map says it.
struct LimitsDraft: ManifestDraft {
    /// What it says.
    private(set) var limits = ResourceLimits()
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    /// The keys of `limits`.
    static let table = KeyTable<LimitsDraft>(
        of: "limits",
        prefix: "limits.",
        [
            Key("nofile") { node, draft, scope in
                draft.limits.openFiles = scope.integer(node, "limits.nofile", in: AllowedRanges.openFiles).map(
                    Int64.init
                )
            },
            Key("nproc") { node, draft, scope in
                draft.limits.processes = scope.integer(node, "limits.nproc", in: AllowedRanges.processes).map(
                    Int64.init
                )
            },
            Key("core") { node, draft, scope in
                draft.limits.coreBytes = scope.size(node, "limits.core", in: AllowedRanges.coreBytes)
            },
            Key("memory") { node, draft, scope in
                draft.limits.memoryBytes = scope.size(node, "limits.memory", in: AllowedRanges.memoryBytes)
            },
            Key("pids") { node, draft, scope in
                draft.limits.treeProcesses = scope.integer(node, "limits.pids", in: AllowedRanges.processes).map(
                    Int64.init
                )
            },
            Key("cpu") { node, draft, scope in
                draft.limits.processors = scope.number(node, "limits.cpu", in: AllowedRanges.processors)
            },
        ]
    )
}

// The maps within manifests, key by key.

extension ObjectSchema {
    /// `start` of a service.
    public static let start = Self([
        Property(
            "replace_existing_jobs",
            .bool,
            default: .bool(true),
            "A start cancels and deletes its earlier jobs and runs; false: it only prunes inactive jobs."
        )
    ])

    /// `stop` of a service.
    public static let serviceStop = Self([
        Property("remove_jobs", .bool, default: .bool(false), "A stop deletes its own ended jobs.")
    ])

    /// `stop` of an action.
    public static let stop = Self([
        Property("signal", .signal, default: .text("TERM"), "What its main program is sent."),
        Property(
            "timeout",
            .duration(AllowedRanges.delay),
            default: .text("10s"),
            "How long its tree may take before it is killed."
        ),
    ])

    /// `retry` of an action.
    public static let retry = Self([
        Property(
            "max_attempts",
            .integer(AllowedRanges.attempts),
            default: .described("0 for a process, 1 for a one-shot"),
            "Tries in a row before it is given up; 0 never gives up."
        ),
        Property("delay", .duration(AllowedRanges.delay), default: .text("500ms"), "Time before the second try."),
        Property(
            "factor",
            .number(AllowedRanges.factor),
            default: .number(2),
            "What the delay grows by with each try."
        ),
        Property("max_delay", .duration(AllowedRanges.delay), default: .text("30s"), "The longest delay."),
        Property(
            "jitter",
            .number(AllowedRanges.jitter),
            default: .number(0.1),
            "The share a delay is spread by at random."
        ),
        Property(
            "stable_after",
            .duration(AllowedRanges.delay),
            default: .text("10s"),
            "Time up after which tries count from 1 again."
        ),
    ])

    /// An item of `tcp_ports`.
    public static let port = Self(
        [
            Property("port", .formatted(.endpoint), "The port, with or without an address."),
            Property(
                "reuseport",
                .bool,
                default: .bool(false),
                "Others may listen on it too, all with SO_REUSEPORT (socket(7)): they do not hold its start up."
            ),
        ],
        required: ["port"]
    )

    /// `log` of an action.
    public static let log = Self([
        Property(
            "max_size",
            .size(AllowedRanges.logBytes),
            default: .text("10MiB"),
            "A larger file is continued in a new one."
        ),
        Property("keep", .integer(AllowedRanges.keptFiles), default: .integer(5), "Earlier files that are kept."),
        Property(
            "when_slow",
            .choice(LogPolicy.WhenSlow.self),
            default: .text("block"),
            "Whether a slow disk holds its program up, or lines are dropped and counted."
        ),
    ])

    /// `limits` of an action.
    public static let limits = Self([
        Property("nofile", .integer(AllowedRanges.openFiles), "Open files of each process."),
        Property("nproc", .integer(AllowedRanges.processes), "Processes of its user."),
        Property("core", .size(AllowedRanges.coreBytes), "The size of a core dump."),
        Property("memory", .size(AllowedRanges.memoryBytes), "Memory of its whole tree."),
        Property("pids", .integer(AllowedRanges.processes), "Processes and threads of its whole tree."),
        Property("cpu", .number(AllowedRanges.processors), "Processors its whole tree may keep busy."),
    ])

    /// `ready` of an action.
    public static let ready = Self(
        probe(
            interval: "250ms",
            also: [Property("notify", .constantTrue, "Has it said READY=1 on its NOTIFY_SOCKET (sd_notify(3))?")]
        ),
        oneOf: ["tcp", "http", "exec", "unix", "log", "notify"]
    )

    /// `health` of an action.
    public static let health = Self(
        probe(
            interval: "10s",
            also: [
                Property(
                    "watchdog",
                    .duration(AllowedRanges.watchdog),
                    "Has it said WATCHDOG=1 on its NOTIFY_SOCKET within this time?"
                )
            ]
        ),
        oneOf: ["tcp", "http", "exec", "unix", "log", "watchdog"]
    )

    private static func probe(interval: String, also more: [Property] = []) -> [Property] {
        [
            Property("tcp", .formatted(.endpoint), "Does somebody accept a connection there?"),
            Property(
                "http",
                .either(.formatted(.url), .object(.httpOverSocket)),
                "Does a GET answer with a status from 200 to 399?"
            ),
            Property("exec", .list(of: .text, atLeast: 1), "Does this command exit 0?"),
            Property("unix", .path, "Does somebody accept a connection on this socket?"),
            Property("log", .formatted(.regex), "Has a line of its output matched since its start?"),
        ] + more + [
            Property("interval", .duration(AllowedRanges.time), default: .text(interval), "Time between two tries."),
            Property("timeout", .duration(AllowedRanges.time), default: .text("1s"), "How long one try may take."),
            Property(
                "failures",
                .integer(AllowedRanges.probeThreshold),
                default: .integer(3),
                "Bad tries in a row that count as a no."
            ),
            Property(
                "successes",
                .integer(AllowedRanges.probeThreshold),
                default: .integer(1),
                "Good tries in a row that count as a yes."
            ),
            Property(
                "start_period",
                .duration(AllowedRanges.delay),
                default: .text("0s"),
                "Time after the start in which nothing is asked."
            ),
        ]
    }

    private static let httpOverSocket = Self(
        [
            Property("unix", .path, "The socket."),
            Property("path", .formatted(.requestPath), default: .text("/"), "The path of the request."),
        ],
        required: ["unix"]
    )

    /// `schedule` of an action.
    public static let schedule = Self(
        [
            Property("cron", .formatted(.cron), "Minute, hour, day of month, month, day of week (crontab(5))."),
            Property("every", .duration(AllowedRanges.scheduleInterval), "Again and again after this long."),
            Property("timezone", .formatted(.timeZone), default: .text("UTC"), "On whose clocks `cron` is read."),
            Property(
                "overlap",
                .choice(Schedule.Overlap.self),
                default: .text("skip"),
                "What happens when the run before still goes on."
            ),
        ],
        oneOf: ["cron", "every"]
    )

    /// The value of a variable that is read when a program starts.
    public static let secret = Self(
        [Property("from_file", .path, "The file that holds the value; it is never stored and never shown.")],
        required: ["from_file"]
    )

    /// One rule of `retention`.
    public static let retention = Self(
        [
            Property("tag", .text, "Only jobs that carry this tag."),
            Property("service", .reference, "Only jobs of this service."),
            Property("action", .name, "Only jobs of actions of this name."),
            Property(
                "phases",
                .list(of: .enumeration(JobPhase.allCases.filter(\.isFinished).map(\.rawValue))),
                default: .described("all of them"),
                "Only jobs that ended like this."
            ),
            Property("older_than", .duration(AllowedRanges.delay), "Only jobs that ended at least this long ago."),
        ],
        required: ["older_than"]
    )

    /// `defaults` of settings.
    public static let defaults = Self([
        Property("stop", .object(.stop), "As in an action."),
        Property("retry", .object(.retry), "As in an action."),
        Property("log", .object(.log), "As in an action."),
    ])
}

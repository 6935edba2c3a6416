// The maps within manifests, key by key.

extension ObjectForm {
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
    public static let stopOfService = Self([
        Property("remove_jobs", .bool, default: .bool(false), "A stop deletes its own ended jobs.")
    ])

    /// `stop` of an action.
    public static let stop = Self([
        Property("signal", .signal, default: .text("TERM"), "What its main program is sent."),
        Property(
            "timeout",
            .duration(Ranges.delay),
            default: .text("10s"),
            "How long its tree may take before it is killed."
        ),
    ])

    /// `retry` of an action.
    public static let retry = Self([
        Property(
            "max_attempts",
            .integer(Ranges.attempts),
            default: .words("0 for a process, 1 for a one-shot"),
            "Tries in a row before it is given up; 0 never gives up."
        ),
        Property("delay", .duration(Ranges.delay), default: .text("500ms"), "Time before the second try."),
        Property("factor", .number(Ranges.factor), default: .number(2), "What the delay grows by with each try."),
        Property("max_delay", .duration(Ranges.delay), default: .text("30s"), "The longest delay."),
        Property("jitter", .number(Ranges.jitter), default: .number(0.1), "The share a delay is spread by at random."),
        Property(
            "stable_after",
            .duration(Ranges.delay),
            default: .text("10s"),
            "Time up after which tries count from 1 again."
        ),
    ])

    /// An item of `tcp_ports`.
    public static let port = Self(
        [
            Property("port", .written(.endpoint), "The port, with or without an address."),
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
            .size(Ranges.logBytes),
            default: .text("10MiB"),
            "A larger file is continued in a new one."
        ),
        Property("keep", .integer(Ranges.keptFiles), default: .integer(5), "Earlier files that are kept."),
        Property(
            "when_slow",
            .choice(LogPolicy.WhenSlow.self),
            default: .text("block"),
            "Whether a slow disk holds its program up, or lines are dropped and counted."
        ),
    ])

    /// `limits` of an action.
    public static let limits = Self([
        Property("nofile", .integer(Ranges.openFiles), "Open files of each process."),
        Property("nproc", .integer(Ranges.processes), "Processes of its user."),
        Property("core", .size(Ranges.coreBytes), "The size of a core dump."),
        Property("memory", .size(Ranges.memoryBytes), "Memory of its whole tree."),
        Property("pids", .integer(Ranges.processes), "Processes and threads of its whole tree."),
        Property("cpu", .number(Ranges.processors), "Processors its whole tree may keep busy."),
    ])

    /// `ready` of an action.
    public static let ready = Self(
        probe(
            interval: "250ms",
            also: [Property("notify", .onlyTrue, "Has it said READY=1 on its NOTIFY_SOCKET (sd_notify(3))?")]
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
                    .duration(Ranges.watchdog),
                    "Has it said WATCHDOG=1 on its NOTIFY_SOCKET within this time?"
                )
            ]
        ),
        oneOf: ["tcp", "http", "exec", "unix", "log", "watchdog"]
    )

    private static func probe(interval: String, also more: [Property] = []) -> [Property] {
        [
            Property("tcp", .written(.endpoint), "Does somebody accept a connection there?"),
            Property(
                "http",
                .either(.written(.url), .object(.httpOverSocket)),
                "Does a GET answer with a status from 200 to 399?"
            ),
            Property("exec", .list(of: .text, atLeast: 1), "Does this command exit 0?"),
            Property("unix", .path, "Does somebody accept a connection on this socket?"),
            Property("log", .written(.expression), "Has a line of its output matched since its start?"),
        ] + more + [
            Property("interval", .duration(Ranges.time), default: .text(interval), "Time between two tries."),
            Property("timeout", .duration(Ranges.time), default: .text("1s"), "How long one try may take."),
            Property(
                "failures",
                .integer(Ranges.tries),
                default: .integer(3),
                "Bad tries in a row that count as a no."
            ),
            Property(
                "successes",
                .integer(Ranges.tries),
                default: .integer(1),
                "Good tries in a row that count as a yes."
            ),
            Property(
                "start_period",
                .duration(Ranges.delay),
                default: .text("0s"),
                "Time after the start in which nothing is asked."
            ),
        ]
    }

    private static let httpOverSocket = Self(
        [
            Property("unix", .path, "The socket."),
            Property("path", .written(.requestPath), default: .text("/"), "The path of the request."),
        ],
        required: ["unix"]
    )

    /// `schedule` of an action.
    public static let schedule = Self(
        [
            Property("cron", .written(.cron), "Minute, hour, day of month, month, day of week (crontab(5))."),
            Property("every", .duration(Ranges.rhythm), "Again and again after this long."),
            Property("timezone", .written(.timeZone), default: .text("UTC"), "On whose clocks `cron` is read."),
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
                .list(of: .word(JobPhase.allCases.filter(\.isOver).map(\.rawValue))),
                default: .words("all of them"),
                "Only jobs that ended like this."
            ),
            Property("older_than", .duration(Ranges.delay), "Only jobs that ended at least this long ago."),
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

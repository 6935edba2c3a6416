// The maps within manifests and their keys.

extension ObjectSchema {
    /// `start` of a service.
    public static let start = Self([
        Property(
            "replace_existing_jobs",
            .bool,
            default: .bool(true),
            "A start cancels and deletes earlier jobs and runs; false: it prunes inactive jobs."
        )
    ])

    /// `stop` of a service.
    public static let serviceStop = Self([
        Property("remove_jobs", .bool, default: .bool(false), "A stop deletes the ended jobs of the service.")
    ])

    /// `stop` of an action.
    public static let stop = Self([
        Property("signal", .signal, default: .text("TERM"), "The signal that it receives."),
        Property(
            "timeout",
            .duration(AllowedRanges.delay),
            default: .text("10s"),
            "Maximum time until its process tree is killed."
        ),
        Property(
            "to",
            .choice(StopPolicy.Target.self),
            default: .text("main"),
            "Whether the main process receives the signal first, or every process of its tree at once."
        ),
        Property(
            "exec",
            .list(of: .text, atLeast: 1),
            "A command that runs before the signal, for at most half of the timeout."
        ),
    ])

    /// `stop` of a service in the short form: the keys of a service and of its action.
    public static let shortFormStop = Self(serviceStop.properties + stop.properties)

    /// `sandbox` of an action.
    public static let sandbox = Self([
        Property("read_only", .bool, default: .bool(false), "It can write only to `writable`, /dev, /proc and /sys."),
        Property("writable", .list(of: .path), "The directories and files that it can write to under `read_only`."),
        Property("private_tmp", .bool, default: .bool(false), "Its /tmp and /var/tmp are empty and its own."),
        Property("hide", .list(of: .path), "Directories and files that it cannot open."),
        Property("no_network", .bool, default: .bool(false), "It has only a loopback interface of its own."),
    ])

    /// `retry` of an action.
    public static let retry = Self([
        Property(
            "max_attempts",
            .integer(AllowedRanges.attempts),
            default: .described("0 for a process, 1 for a one-shot"),
            "Maximum number of consecutive attempts; 0 means no limit."
        ),
        Property("delay", .duration(AllowedRanges.delay), default: .text("500ms"), "Delay before the second attempt."),
        Property(
            "factor",
            .number(AllowedRanges.factor),
            default: .number(2),
            "The factor by which the delay grows with each attempt."
        ),
        Property("max_delay", .duration(AllowedRanges.delay), default: .text("30s"), "The maximum delay."),
        Property(
            "jitter",
            .number(AllowedRanges.jitter),
            default: .number(0.1),
            "The fraction by which a delay is varied at random."
        ),
        Property(
            "stable_after",
            .duration(AllowedRanges.delay),
            default: .text("10s"),
            "Time up after which attempts count from 1 again."
        ),
        Property(
            "within",
            .duration(AllowedRanges.time),
            "`max_attempts` counts only attempts within this time; `stable_after` then resets only the delay."
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
                "Other processes may listen on it too (SO_REUSEPORT, socket(7)); they do not block the start."
            ),
        ],
        required: ["port"]
    )

    /// `log` of the defaults.
    public static let defaultLog = Self([
        Property(
            "max_size",
            .size(AllowedRanges.logBytes),
            default: .text("10MiB"),
            "The size at which a log file is rotated."
        ),
        Property(
            "keep",
            .integer(AllowedRanges.keptFiles),
            default: .integer(5),
            "The number of rotated files that are kept."
        ),
        Property(
            "when_slow",
            .choice(LogPolicy.WhenSlow.self),
            default: .text("block"),
            "Whether a slow disk blocks the program, or output is dropped and counted."
        ),
    ])

    /// `log` of an action.
    public static let log = Self(
        defaultLog.properties + [Property("link", .path, "A symbolic link that leads to the current log file.")]
    )

    /// An item of `folders`.
    public static let folder = Self(
        [
            Property("path", .path, "The directory."),
            Property("mode", .formatted(.mode), default: .text("0755"), "Its permission bits."),
            Property("user", .formatted(.account), default: .described("the action's"), "Its owner."),
            Property("group", .formatted(.account), default: .described("that of the user"), "Its group."),
        ],
        required: ["path"]
    )

    /// `limits` of an action.
    public static let limits = Self([
        Property("nofile", processLimit(.integer(AllowedRanges.openFiles)), "Open files per process."),
        Property("nproc", processLimit(.integer(AllowedRanges.processes)), "Processes of its user."),
        Property("core", processLimit(.size(AllowedRanges.coreBytes)), "Maximum size of a core dump."),
        Property("memlock", processLimit(.size(AllowedRanges.limitBytes)), "Locked memory per process."),
        Property("fsize", processLimit(.size(AllowedRanges.limitBytes)), "Size of a file that a process writes."),
        Property("stack", processLimit(.size(AllowedRanges.addressBytes)), "Size of the stack of a process."),
        Property("address_space", processLimit(.size(AllowedRanges.addressBytes)), "Address space per process."),
        Property("memory", orUnlimited(.size(AllowedRanges.memoryBytes)), "Memory of its process tree."),
        Property("pids", orUnlimited(.integer(AllowedRanges.processes)), "Processes and threads of its process tree."),
        Property("cpu", orUnlimited(.number(AllowedRanges.processors)), "Processors that its process tree may use."),
    ])

    private static func orUnlimited(_ value: ValueSchema) -> ValueSchema {
        .either(value, .enumeration(["unlimited"]))
    }

    /// One value for the soft and the hard limit, or both.
    private static func processLimit(_ value: ValueSchema) -> ValueSchema {
        .either(
            orUnlimited(value),
            .object(
                Self(
                    [
                        Property("soft", orUnlimited(value), "The limit that the kernel enforces."),
                        Property("hard", orUnlimited(value), "The value up to which a program can raise it."),
                    ],
                    required: ["soft", "hard"]
                )
            )
        )
    }

    /// `ready` of an action.
    public static let ready = Self(
        probe(
            interval: "250ms",
            also: [
                Property("notify", .constantTrue, "Ready when it sends READY=1 to its NOTIFY_SOCKET (sd_notify(3))."),
                Property(
                    "fd",
                    .integer(AllowedRanges.readyDescriptor),
                    "Ready when it writes a newline to the file descriptor with this number."
                ),
                Property(
                    "alive_for",
                    .duration(AllowedRanges.shorterTime),
                    "Ready when it has run for this time, which is below `start_timeout`."
                ),
            ]
        ),
        oneOf: ["tcp", "http", "exec", "unix", "log", "notify", "fd", "alive_for"]
    )

    /// `health` of an action.
    public static let health = Self(
        probe(
            interval: "10s",
            also: [
                Property(
                    "watchdog",
                    .duration(AllowedRanges.watchdog),
                    "Healthy while it sends WATCHDOG=1 to its NOTIFY_SOCKET within this time."
                ),
                Property(
                    "memory_below",
                    .size(AllowedRanges.memoryBytes),
                    "Healthy while its process tree uses less memory; alone, or in addition to another check."
                ),
            ]
        ) + [
            Property(
                "then",
                .choice(Probe.Reaction.self),
                default: .text("restart"),
                "What follows when it is unhealthy: a restart, or only the state that is shown."
            )
        ],
        oneOf: ["tcp", "http", "exec", "unix", "log", "watchdog"],
        orAlone: "memory_below"
    )

    private static func probe(interval: String, also more: [Property] = []) -> [Property] {
        [
            Property("tcp", .formatted(.endpoint), "Connect to this TCP address."),
            Property(
                "http",
                .either(.formatted(.url), .object(.httpRequest)),
                "Send a GET request; a status from 200 to 399 is success."
            ),
            Property("exec", .list(of: .text, atLeast: 1), "Run this command; exit code 0 is success."),
            Property("unix", .path, "Connect to this Unix socket."),
            Property("log", .formatted(.regex), "Match a line of its output since its start."),
        ] + more + [
            Property("interval", .duration(AllowedRanges.time), default: .text(interval), "Time between two probes."),
            Property("timeout", .duration(AllowedRanges.time), default: .text("1s"), "Maximum time of one probe."),
            Property(
                "failures",
                .integer(AllowedRanges.probeThreshold),
                default: .integer(3),
                "Consecutive failed probes that count as a failure."
            ),
            Property(
                "successes",
                .integer(AllowedRanges.probeThreshold),
                default: .integer(1),
                "Consecutive successful probes that count as a success."
            ),
            Property(
                "start_period",
                .duration(AllowedRanges.delay),
                default: .text("0s"),
                "Time after the start without probes."
            ),
        ]
    }

    private static let httpRequest = Self(
        [
            Property("url", .formatted(.url), "The URL."),
            Property("unix", .path, "The socket."),
            Property(
                "path",
                .formatted(.requestPath),
                default: .described("/ with unix"),
                "The path of a request over a socket."
            ),
            Property("method", .choice(HTTPTarget.Method.self), default: .text("GET"), "The method of the request."),
            Property("headers", .map(of: .text), "Header fields of the request."),
            Property(
                "expect",
                .list(of: .integer(AllowedRanges.httpStatus), atLeast: 1),
                default: .described("200 to 399"),
                "The statuses that are a success."
            ),
        ],
        oneOf: ["url", "unix"]
    )

    /// `schedule` of an action.
    public static let schedule = Self(
        [
            Property("cron", .formatted(.cron), "Minute, hour, day of month, month, day of week (crontab(5))."),
            Property("every", .duration(AllowedRanges.scheduleInterval), "The interval between two runs."),
            Property(
                "timezone",
                .formatted(.timeZone),
                default: .text("UTC"),
                "The time zone of `cron`; `local` is that of the machine."
            ),
            Property(
                "overlap",
                .choice(Schedule.Overlap.self),
                default: .text("skip"),
                "What happens if the previous run has not ended."
            ),
            Property(
                "catch_up",
                .bool,
                default: .bool(false),
                "Make up one run that was missed without a reconciler, or while the schedule was paused."
            ),
            Property(
                "jitter",
                .duration(AllowedRanges.delay),
                default: .text("0s"),
                "Maximum delay of its runs; each action has its own on each machine."
            ),
        ],
        oneOf: ["cron", "every"]
    )

    /// The value of a variable that is made when a program starts.
    public static let secret = Self(
        [
            Property(
                "from_file",
                .path,
                "The file that contains the value; the value is never stored and never shown."
            ),
            Property(
                "expand",
                .text,
                "A text in which `${NAME}` is a variable of the finished environment, also one from a file."
            ),
        ],
        oneOf: ["from_file", "expand"]
    )

    /// An item of `requires`.
    public static let requirement = Self(
        [
            Property("service", .reference, "The required service."),
            Property(
                "until",
                .choice(Requirement.Milestone.self),
                default: .text("up"),
                "What it must have reached: executed, up, or all its one-shots ended with any code."
            ),
            Property(
                "cascade",
                .bool,
                default: .bool(true),
                "Whether its stop takes this service with it; false: it only delays the start."
            ),
        ],
        required: ["service"]
    )

    /// An item of `env_file`.
    public static let environmentFile = Self(
        [
            Property("path", .path, "The file."),
            Property("optional", .bool, default: .bool(false), "It may be missing."),
        ],
        required: ["path"]
    )

    /// `hold` of a service.
    public static let hold = Self(
        [
            Property("until", .formatted(.time), "When the hold ends."),
            Property("reason", .text, "Why it is held, for people."),
        ],
        required: ["until", "reason"]
    )

    /// One rule of `retention`.
    public static let retention = Self(
        [
            Property("tag", .text, "Only jobs with this tag."),
            Property("service", .reference, "Only jobs of this service."),
            Property("action", .name, "Only jobs of actions of this name."),
            Property(
                "phases",
                .list(of: .enumeration(JobPhase.allCases.filter(\.isFinished).map(\.rawValue))),
                default: .described("all ended phases"),
                "Only jobs in these phases."
            ),
            Property("older_than", .duration(AllowedRanges.delay), "Only jobs that ended at least this long ago."),
        ],
        required: ["older_than"]
    )

    /// `defaults` of settings.
    public static let defaults = Self([
        Property("stop", .object(.stop), "As in an action."),
        Property("retry", .object(.retry), "As in an action."),
        Property("log", .object(.defaultLog), "As in an action."),
        Property("env", .map(of: .environmentValue), "As in a service; merged by name."),
        Property("env_file", .environmentFiles, "As in a service; read before the files of a service."),
        Property("user", .formatted(.account), "As in a service."),
        Property("group", .formatted(.account), "As in a service; not for a service with a user of its own."),
        Property("cwd", .path, "As in a service."),
        Property("umask", .formatted(.umask), "As in an action."),
        Property("limits", .object(.limits), "As in an action; merged by key."),
        Property("restart", .choice(RestartPolicy.self), "As in an action."),
        Property("start_timeout", .duration(AllowedRanges.time), "As in an action."),
    ])
}

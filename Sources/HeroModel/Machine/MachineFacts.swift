/// What was seen of a machine and of heroproc's places on it, before anything is made of it: what `doctor` judges
/// (reliability.md OB-4).
///
/// The defaults say that nothing was seen.
public struct MachineFacts: Hashable, Sendable {
    /// `Linux 6.18.44`.
    public var kernelRelease = ""
    /// What the kernel can do.
    public var kernelFeatures: Set<KernelFeature> = []
    /// How trees of processes are held.
    public var containment = ContainmentFacts()
    /// As whom heroproc runs.
    public var privileges = PrivilegeFacts()
    /// How much there may be of something.
    public var limits = LimitFacts()
    /// The clocks.
    public var clocks = ClockFacts()
    /// The directories that heroproc works with.
    public var directories: [DirectoryFacts] = []
    /// The programs it needs.
    public var programs = ProgramFacts()
    /// Who looks after heroproc itself.
    public var supervision = SupervisionFacts()
    /// What is declared.
    public var manifests = ManifestFacts.unreadable("nobody has looked")

    /// Nothing seen yet.
    public init() {}

    /// Something that not every kernel can do, with the version that brought it.
    public enum KernelFeature: String, Hashable, Sendable, CaseIterable {
        /// pidfd_open(2) and pidfd_send_signal(2): 5.3.
        case pidfd
        /// waitid(2) with P_PIDFD: 5.4.
        case pidfdWait = "pidfd_wait"
        /// Inodes that no two processes of a boot share: 6.9.
        case pidfs
        /// PIDFD_SIGNAL_PROCESS_GROUP: 6.9.
        case groupSignal = "group_signal"
        /// PIDFD_GET_INFO with PIDFD_INFO_EXIT: 6.15.
        case exitInfo = "exit_info"
        /// close_range(2): 5.9.
        case closeRange = "close_range"
        /// memfd_create(2) with seals.
        case sealedMemory = "sealed_memory"
        /// Tables of sockets by netlink.
        case socketTables = "sock_diag"
        /// A timer that tells when the calendar is set.
        case clockWatch = "clock_watch"
    }
}

/// How trees of processes are held, and why not better.
public struct ContainmentFacts: Hashable, Sendable {
    /// Why there is nothing better.
    public enum Limitation: Hashable, Sendable {
        /// No cgroup v2 is mounted.
        case notMounted
        /// This one may not be written.
        case notWritable(String)
        /// This one is systemd's, and not handed over.
        case notDelegated(String)
        /// `HEROPROC_CONTAINMENT` allows no more.
        case forbidden
        /// It hands out no controllers, so that nothing can be limited.
        case noControllers(String)
    }

    /// The level reached.
    public var method = ContainmentSupport.Method.subreaper
    /// Where cgroups are made; empty where none are.
    public var parent = ""
    /// What a whole tree can be limited in: `memory`, `pids`, `cpu`.
    public var controllers: Set<String> = []
    /// Whether the kernel ends a whole cgroup in one step (5.14); nil where there is none to look at.
    public var killsAtOnce: Bool?
    /// Why it is not better; nil where it is the best there is.
    public var limitation: Limitation?

    /// Nothing seen yet.
    public init() {}
}

/// As whom heroproc runs.
public struct PrivilegeFacts: Hashable, Sendable {
    /// The effective user.
    public var uid: UInt32 = 0
    /// Whether no program can gain rights any more (prctl(2)).
    public var hasNoNewPrivileges = false
    /// Whether programs can be run as other users.
    public var canChangeUser = false
    /// Whether processes of other users can be signalled.
    public var canSignalOthers = false
    /// Whether `oom_score_adj` can be lowered.
    public var canLowerOutOfMemoryScore = false
    /// Whether what other users' processes hold open can be seen.
    public var canInspectOthers = false

    /// Nothing seen yet.
    public init() {}
}

/// How much there may be of something; nil is without limit or unknown.
public struct LimitFacts: Hashable, Sendable {
    /// The soft limit of open files.
    public var openFilesSoft: Int64?
    /// The hard limit of open files, up to which a reconciler raises its own.
    public var openFilesHard: Int64?
    /// `kernel.pid_max`.
    public var pidMax: Int64?
    /// Tasks that exist now, threads included.
    public var pids: Int64 = 0
    /// The tightest `pids.max` of the cgroups around us.
    public var cgroupPidMax: Int64?
    /// The tasks in that cgroup.
    public var cgroupPids: Int64 = 0
    /// RLIMIT_NPROC.
    public var processes: Int64?
    /// The processes of this user.
    public var ownProcesses: Int64 = 0
    /// `fs.inotify.max_user_watches`.
    public var inotifyWatches: Int64?
    /// `fs.inotify.max_user_instances`.
    public var inotifyInstances: Int64?

    /// Nothing seen yet.
    public init() {}
}

/// The clocks.
public struct ClockFacts: Hashable, Sendable {
    /// `/proc/sys/kernel/random/boot_id`; empty where it cannot be read.
    public var bootID = ""
    /// The calendar.
    public var wallTime = WallTime(microseconds: 0)
    /// Whether the boot clock runs at least as far as the one that stands still during a suspend.
    public var isConsistent = false
    /// Whether the clocks are moved by a time namespace.
    public var isInTimeNamespace = false

    /// Nothing seen yet.
    public init() {}
}

/// One of the directories that heroproc works with.
public struct DirectoryFacts: Hashable, Sendable {
    /// What it is for.
    public enum Role: String, Hashable, Sendable, CaseIterable {
        /// Database and logs.
        case state
        /// Records and the control socket.
        case run
        /// Manifests.
        case services
    }

    /// What it is for.
    public var role: Role
    /// Its absolute path.
    public var path: String
    /// Whether it is there; what follows is then about it, else about the nearest directory above it.
    public var exists = false
    /// The kind of its file system: `ext4`, `nfs4`; empty where it is unknown.
    public var fileSystem = ""
    /// Bytes that we may still write; nil where it is unknown.
    public var freeBytes: Int64?
    /// Files that may still be made; nil where it is unknown or not counted.
    public var freeFiles: Int64?
    /// Whether its file system is mounted read-only.
    public var isReadOnly = false
    /// Whether no program in it may be executed.
    public var forbidsExecution = false
    /// Whether we may write to it.
    public var isWritable = false
    /// Its owner.
    public var owner: UInt32 = 0
    /// Its permissions, such as 0o700.
    public var mode: UInt32 = 0
    /// What a stranger could exchange on the way to it, in words; nil where nothing is wrong.
    public var insecurityReason: String?

    /// Nothing seen of it yet.
    public init(_ role: Role, _ path: String) {
        self.role = role
        self.path = path
    }
}

/// The programs and libraries that heroproc works with.
public struct ProgramFacts: Hashable, Sendable {
    /// Where the shim is; nil where it was not found.
    public var shim: String?
    /// Why the shim was not found, or does not answer, in words.
    public var shimProblem: String?
    /// The version of the protocol that the shim speaks; nil where it does not say.
    public var shimProtocol: Int?
    /// The version that this program speaks.
    public var ownProtocol = 0
    /// What `git --version` says; nil where there is no git.
    public var git: String?
    /// SQLite's version as it counts it: 3051003 is 3.51.3.
    public var sqlite = 0

    /// Nothing seen yet.
    public init() {}
}

/// Who looks after heroproc itself.
public struct SupervisionFacts: Hashable, Sendable {
    /// The unit of systemd that a reconciler runs in.
    public struct Unit: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// What systemd ends when it stops the unit: `process` is the one that leaves services alone; nil where it does not say.
        public var killMode: String?
        /// Whether its cgroup is handed over; nil where it does not say.
        public var delegates: Bool?

        /// Describes one.
        public init(name: String, killMode: String? = nil, delegates: Bool? = nil) {
            self.name = name
            self.killMode = killMode
            self.delegates = delegates
        }
    }

    /// The live reconciler; nil where none is.
    public var reconciler: ReconcilerLockHolder?
    /// Whether systemd is the first process.
    public var hasSystemd = false
    /// The unit of the reconciler, or of us where none lives; nil where there is none.
    public var unit: Unit?
    /// The scope of the login session that it belongs to, such as `session-3.scope`.
    public var loginSession: String?
    /// Whether logind ends what a session leaves behind; nil where it does not say.
    public var sessionsAreKilled: Bool?

    /// Nothing seen yet.
    public init() {}
}

/// What the services directory declares.
public enum ManifestFacts: Hashable, Sendable {
    /// It cannot be read, and this is why, in words.
    case unreadable(String)
    /// There are so many mistakes, of which this is the first.
    case invalid(count: Int, first: String)
    /// A required core manifest is missing: what is wrong, and what to do.
    case coreMissing(String, help: String)
    /// It is good: so many services and standalone actions, and these required core services.
    case valid(services: Int, actions: Int, core: [QualifiedName])
}

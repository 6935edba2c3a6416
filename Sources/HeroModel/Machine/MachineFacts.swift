/// Facts about a machine and the directories of heroproc, without a judgement; `doctor` evaluates them
/// (OB-4).
///
/// The default values mean that a fact is unknown.
public struct MachineFacts: Hashable, Sendable {
    /// The kernel and its version, such as `Linux 6.18.44`.
    public var kernelRelease = ""
    /// The features of the kernel.
    public var kernelFeatures: Set<KernelFeature> = []
    /// How process trees are contained.
    public var containment = ContainmentFacts()
    /// The user and privileges of heroproc.
    public var privileges = PrivilegeFacts()
    /// Limits of the machine and the user.
    public var limits = LimitFacts()
    /// The clocks.
    public var clocks = ClockFacts()
    /// The directories that heroproc works with.
    public var directories: [DirectoryFacts] = []
    /// The write-ahead log of the state database; nil if there is none.
    public var databaseLog: DatabaseLogFacts?
    /// The programs that heroproc uses.
    public var programs = ProgramFacts()
    /// How heroproc itself is supervised.
    public var supervision = SupervisionFacts()
    /// The state of the manifests.
    public var manifests = ManifestFacts.unreadable("not read yet")
    /// The actions to whose notify socket every user can write because they start as root, as `context/service.action`.
    public var openNotifySockets: [String] = []
    /// Which actions of the manifests are confined; nil while there are no valid manifests.
    public var confinement: ConfinementSummary?

    /// Makes unknown facts.
    public init() {}

    /// A feature that not every kernel has, with the first version that has it.
    public enum KernelFeature: String, Hashable, Sendable, CaseIterable {
        /// pidfd_open(2) and pidfd_send_signal(2): 5.3.
        case pidfd
        /// waitid(2) with P_PIDFD: 5.4.
        case pidfdWait = "pidfd_wait"
        /// Unique inodes of pidfds per boot: 6.9.
        case pidfs
        /// PIDFD_SIGNAL_PROCESS_GROUP: 6.9.
        case groupSignal = "group_signal"
        /// PIDFD_GET_INFO with PIDFD_INFO_EXIT: 6.15.
        case exitInfo = "exit_info"
        /// close_range(2): 5.9.
        case closeRange = "close_range"
        /// memfd_create(2) with seals.
        case sealedMemory = "sealed_memory"
        /// Socket tables over netlink (sock_diag(7)).
        case socketTables = "sock_diag"
        /// A timer that reports changes of the wall clock.
        case clockWatch = "clock_watch"
    }
}

/// How process trees are contained, and why no better method is available.
public struct ContainmentFacts: Hashable, Sendable {
    /// Why no better method is available.
    public enum Limitation: Hashable, Sendable {
        /// No cgroup v2 is mounted.
        case notMounted
        /// This cgroup is not writable.
        case notWritable(String)
        /// This cgroup belongs to systemd and is not delegated.
        case notDelegated(String)
        /// `HEROPROC_CONTAINMENT` forbids it.
        case forbidden
        /// This cgroup has no controllers, so that no limits can be set.
        case noControllers(String)
    }

    /// The containment method.
    public var method = ContainmentSupport.Method.subreaper
    /// The parent of the cgroups; empty if none are created.
    public var parent = ""
    /// The controllers for limits of a process tree: `memory`, `pids`, `cpu`.
    public var controllers: Set<String> = []
    /// Whether the kernel can kill a cgroup with one write (5.14); nil if there is no cgroup.
    public var killsAtOnce: Bool?
    /// Why no better method is available; nil if the best one is used.
    public var limitation: Limitation?

    /// Makes unknown facts.
    public init() {}
}

/// The user and privileges of heroproc.
public struct PrivilegeFacts: Hashable, Sendable {
    /// The effective user.
    public var uid: UInt32 = 0
    /// Whether `no_new_privs` is set (prctl(2)).
    public var hasNoNewPrivileges = false
    /// Whether programs can be run as other users.
    public var canChangeUser = false
    /// Whether processes of other users can be signalled.
    public var canSignalOthers = false
    /// Whether `oom_score_adj` can be lowered.
    public var canLowerOutOfMemoryScore = false
    /// Whether the open files of other users' processes can be read.
    public var canInspectOthers = false

    /// Makes unknown facts.
    public init() {}
}

/// Limits of the machine and the user; nil means unlimited or unknown.
public struct LimitFacts: Hashable, Sendable {
    /// The soft limit of open files.
    public var openFilesSoft: Int64?
    /// The hard limit of open files; the reconciler raises its soft limit to it.
    public var openFilesHard: Int64?
    /// `kernel.pid_max`.
    public var pidMax: Int64?
    /// The number of tasks, including threads.
    public var pids: Int64 = 0
    /// The lowest `pids.max` of the cgroups that contain heroproc.
    public var cgroupPidMax: Int64?
    /// The number of tasks in that cgroup.
    public var cgroupPids: Int64 = 0
    /// RLIMIT_NPROC.
    public var processes: Int64?
    /// The number of processes of this user.
    public var ownProcesses: Int64 = 0
    /// `fs.inotify.max_user_watches`.
    public var inotifyWatches: Int64?
    /// `fs.inotify.max_user_instances`.
    public var inotifyInstances: Int64?

    /// Makes unknown facts.
    public init() {}
}

/// The clocks.
public struct ClockFacts: Hashable, Sendable {
    /// `/proc/sys/kernel/random/boot_id`; empty if it cannot be read.
    public var bootID = ""
    /// The wall clock.
    public var wallTime = WallTime(microseconds: 0)
    /// Whether the boot clock is at least as large as the monotonic clock, which stops during suspend.
    public var isConsistent = false
    /// Whether a time namespace shifts the clocks.
    public var isInTimeNamespace = false

    /// Makes unknown facts.
    public init() {}
}

/// A directory that heroproc uses.
public struct DirectoryFacts: Hashable, Sendable {
    /// The purpose of the directory.
    public enum Role: String, Hashable, Sendable, CaseIterable {
        /// The database and the logs.
        case state
        /// The record files and the control socket.
        case run
        /// The manifests.
        case services
    }

    /// The purpose of the directory.
    public var role: Role
    /// The absolute path.
    public var path: String
    /// Whether it exists; if not, the other facts describe its nearest existing ancestor.
    public var exists = false
    /// The type of its file system: `ext4`, `nfs4`; empty if unknown.
    public var fileSystem = ""
    /// The free space for this user in bytes; nil if unknown.
    public var freeBytes: Int64?
    /// The number of free inodes; nil if unknown or not limited.
    public var freeFiles: Int64?
    /// Whether its file system is mounted read-only.
    public var isReadOnly = false
    /// Whether its file system is mounted with `noexec`.
    public var forbidsExecution = false
    /// Whether heroproc can write to it.
    public var isWritable = false
    /// The owner.
    public var owner: UInt32 = 0
    /// The permissions, such as 0o700.
    public var mode: UInt32 = 0
    /// Which part of the path another user could replace, as text; nil if the path is secure.
    public var insecurityReason: String?

    /// Makes unknown facts about a directory.
    public init(_ role: Role, _ path: String) {
        self.role = role
        self.path = path
    }
}

/// The programs and libraries that heroproc uses.
public struct ProgramFacts: Hashable, Sendable {
    /// The path of the shim; nil if it was not found.
    public var shim: String?
    /// Why the shim was not found or does not respond, as text.
    public var shimProblem: String?
    /// The protocol version of the shim; nil if unknown.
    public var shimProtocol: Int?
    /// The protocol version of this program.
    public var ownProtocol = 0
    /// The output of `git --version`; nil if git is not installed.
    public var git: String?
    /// The version number of SQLite: 3051003 is 3.51.3.
    public var sqlite = 0

    /// Makes unknown facts.
    public init() {}
}

/// How heroproc itself is supervised.
public struct SupervisionFacts: Hashable, Sendable {
    /// A systemd unit that contains a reconciler.
    public struct Unit: Hashable, Sendable {
        /// The name of the unit.
        public var name: String
        /// `KillMode=` of the unit: only `process` does not kill the services; nil if unknown.
        public var killMode: String?
        /// Whether its cgroup is delegated; nil if unknown.
        public var delegates: Bool?

        /// Makes a description.
        public init(name: String, killMode: String? = nil, delegates: Bool? = nil) {
            self.name = name
            self.killMode = killMode
            self.delegates = delegates
        }
    }

    /// The running reconciler; nil if none is running.
    public var reconciler: ReconcilerLockHolder?
    /// Whether systemd is pid 1.
    public var hasSystemd = false
    /// The unit of the reconciler, or of this process if no reconciler is running; nil if there is none.
    public var unit: Unit?
    /// The scope of the login session that it belongs to, such as `session-3.scope`.
    public var loginSession: String?
    /// Whether logind kills the processes of a closed session; nil if unknown.
    public var sessionsAreKilled: Bool?

    /// Makes unknown facts.
    public init() {}
}

/// The state of the manifests in the services directory.
public enum ManifestFacts: Hashable, Sendable {
    /// The directory cannot be read; the text is the reason.
    case unreadable(String)
    /// The manifests have this number of errors; `first` is the first of them.
    case invalid(count: Int, first: String)
    /// A required core manifest is missing; the texts are the problem and its solution.
    case coreMissing(String, help: String)
    /// The manifests are valid, with this number of services and standalone actions, and these required core services.
    case valid(services: Int, actions: Int, core: [QualifiedName])
}

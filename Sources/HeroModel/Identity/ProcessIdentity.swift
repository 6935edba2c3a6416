/// What makes one process that one process, and no other one with its pid (reliability.md ID-1).
///
/// A bare pid is never stored, compared or signalled.
public struct ProcessIdentity: Hashable, Sendable, Codable {
    /// The boot it lives in: `/proc/sys/kernel/random/boot_id`.
    public var bootID: String
    /// Inode of its pid namespace.
    public var pidNamespace: UInt64
    /// Its pid in that namespace.
    public var pid: Int32
    /// Start time in clock ticks since boot: field 22 of `/proc/PID/stat`.
    public var startTicks: UInt64
    /// Inode of its pidfd, unique since boot; 0 where the kernel has no pidfs (before 6.9).
    public var pidfsInode: UInt64

    /// Makes an identity.
    public init(bootID: String, pidNamespace: UInt64, pid: Int32, startTicks: UInt64, pidfsInode: UInt64) {
        self.bootID = bootID
        self.pidNamespace = pidNamespace
        self.pid = pid
        self.startTicks = startTicks
        self.pidfsInode = pidfsInode
    }

    /// Whether both are records of one process.
    ///
    /// Without a start time it cannot be known, so it is not.
    public func isSameProcess(as other: ProcessIdentity) -> Bool {
        guard startTicks != 0, other.startTicks != 0 else { return false }
        guard bootID == other.bootID, pidNamespace == other.pidNamespace, pid == other.pid,
            startTicks == other.startTicks
        else { return false }
        return pidfsInode == other.pidfsInode || pidfsInode == 0 || other.pidfsInode == 0
    }
}

/// How one start of a job ended.
public enum Outcome: Hashable, Sendable, Codable {
    /// The program exited with a code, 0 to 255.
    case exited(Int32)
    /// A signal ended the program.
    case signaled(Signal, coreDumped: Bool)
    /// The kernel killed it with SIGKILL because the memory of its cgroup ran out (reliability.md OM-1).
    case outOfMemory
    /// The program never executed.
    case startFailed(StartFailure)
    /// Nobody knows, and nobody pretends to (reliability.md I2).
    ///
    /// The text says why.
    case lost(String)

    /// Whether it is an exit with one of these codes.
    public func isSuccess(codes: [Int32] = [0]) -> Bool {
        switch self {
        case .exited(let code): codes.contains(code)
        case .signaled, .outOfMemory, .startFailed, .lost: false
        }
    }
}

extension Outcome: CustomStringConvertible {
    /// For people: `exit code 3`, `signal KILL`, `cannot execute ...`, `lost: ...`.
    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signaled(let signal, coreDumped: let dumped): "signal \(signal)\(dumped ? " (core dumped)" : "")"
        case .outOfMemory: "signal \(Signal.kill) (out of memory)"
        case .startFailed(let failure): failure.description
        case .lost(let reason): "lost: \(reason)"
        }
    }
}

/// At which step a start failed, and why.
public struct StartFailure: Hashable, Sendable, Codable {
    /// The steps of a start.
    public enum Stage: String, Hashable, Sendable, Codable, CaseIterable {
        /// Reading the files of the environment.
        case environment
        /// Starting the shim itself.
        case launch
        /// Writing the record in the run directory.
        case record
        /// Opening the log.
        case log
        /// Making the output pipes.
        case pipe
        /// Making the socket that it can speak on.
        case notify
        /// Writing the script.
        case script
        /// Forking.
        case fork
        /// Making a session.
        case session
        /// Putting standard input and output in place.
        case stdio
        /// Setting limits.
        case limits
        /// Setting how readily the kernel kills it.
        case oomScore = "oom_score"
        /// Becoming the user, with its groups.
        case user
        /// Setting privileges.
        case privileges
        /// Changing to the working directory.
        case directory
        /// Resetting signals.
        case signals
        /// Executing the program.
        case execute
    }

    /// The step.
    public var stage: Stage
    /// The kernel's error number; 0 when there is none.
    public var errno: Int32
    /// What it was about (the program, the directory), and the error in words.
    public var detail: String

    /// Makes a failure.
    public init(stage: Stage, errno: Int32, detail: String) {
        self.stage = stage
        self.errno = errno
        self.detail = detail
    }
}

extension StartFailure {
    /// Whether the machine only lacked room or an answer for it at that moment: trying again can help, and the program is not to blame
    /// (reliability.md RS-4).
    public var isTransient: Bool { Self.transient.contains(errno) }

    /// EAGAIN, ENOMEM, ENFILE, EMFILE, ETXTBSY, ENOSPC, ETIMEDOUT and EDQUOT (errno(3), Linux).
    private static let transient: Set<Int32> = [11, 12, 23, 24, 26, 28, 110, 122]
}

extension StartFailure: CustomStringConvertible {
    /// For people.
    public var description: String {
        let verb =
            switch stage {
            case .environment: "read the environment"
            case .launch: "start the shim"
            case .record: "write the record of the start"
            case .log: "open the log"
            case .pipe: "make the output pipes"
            case .notify: "make its notify socket"
            case .script: "write the script"
            case .fork: "fork"
            case .session: "make a session"
            case .stdio: "open standard input and output"
            case .limits: "set the limits"
            case .oomScore: "set oom_score_adj"
            case .user: "change to"
            case .privileges: "set the privileges"
            case .directory: "change to the working directory"
            case .signals: "reset the signals"
            case .execute: "execute"
            }
        return stage == .user ? "cannot \(verb) \(detail)" : "cannot \(verb): \(detail)"
    }
}

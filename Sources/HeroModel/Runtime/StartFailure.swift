/// The step at which a start failed, and the reason.
public struct StartFailure: Hashable, Sendable, Codable {
    /// The steps of a start.
    public enum Stage: String, Hashable, Sendable, Codable, CaseIterable {
        /// Read the environment files.
        case environment
        /// Make the folders of the action.
        case folder
        /// Start the shim.
        case launch
        /// Write the record in the run directory.
        case record
        /// Open the log.
        case log
        /// Create the output pipes.
        case pipe
        /// Create the notify socket.
        case notify
        /// Write the script.
        case script
        /// Fork.
        case fork
        /// Create a session.
        case session
        /// Set up standard input and output.
        case stdio
        /// Set the resource limits.
        case limits
        /// Set the nice value or the I/O priority.
        case priority
        /// Set the out-of-memory score.
        case oomScore = "oom_score"
        /// Change to the user and its groups.
        case user
        /// Set the privileges.
        case privileges
        /// Set up the sandbox.
        case sandbox
        /// Change to the working directory.
        case directory
        /// Reset the signals.
        case signals
        /// Execute the program.
        case execute
    }

    /// The step.
    public var stage: Stage
    /// The error number of the kernel; 0 if there is none.
    public var errno: Int32
    /// The object (a program, a directory) and the error as text.
    public var detail: String

    /// Makes a failure.
    public init(stage: Stage, errno: Int32, detail: String) {
        self.stage = stage
        self.errno = errno
        self.detail = detail
    }
}

extension StartFailure {
    /// Whether the machine lacked a resource or did not respond in time.
    ///
    /// The program is not to blame, and a later attempt can succeed (RS-4).
    public var isTransient: Bool {
        MachineShortage.isTransient(errno) || (stage.writesFiles && Self.transientForWrites.contains(errno))
    }

    /// EIO, EFBIG and EROFS: the disk of the run directory or of the logs cannot be written.
    private static let transientForWrites: Set<Int32> = [5, 27, 30]
}

extension StartFailure.Stage {
    /// Whether heroproc itself writes files at this step.
    fileprivate var writesFiles: Bool {
        switch self {
        case .launch, .record, .log, .notify, .script: true
        case .environment, .folder, .pipe, .fork, .session, .stdio, .limits, .priority, .oomScore, .user, .privileges,
            .sandbox, .directory, .signals, .execute:
            false
        }
    }
}

extension StartFailure: CustomStringConvertible {
    /// The text for users.
    public var description: String {
        let verb =
            switch stage {
            case .environment: "read the environment"
            case .folder: "make the folder"
            case .launch: "start the shim"
            case .record: "write the record of the start"
            case .log: "open the log"
            case .pipe: "create the output pipes"
            case .notify: "create the notify socket"
            case .script: "write the script"
            case .fork: "fork"
            case .session: "create a session"
            case .stdio: "open standard input and output"
            case .limits: "set the limits"
            case .priority: "set the priority"
            case .oomScore: "set oom_score_adj"
            case .user: "change to"
            case .privileges: "set the privileges"
            case .sandbox: "set up the sandbox"
            case .directory: "change to the working directory"
            case .signals: "reset the signals"
            case .execute: "execute"
            }
        return stage == .user ? "cannot \(verb) \(detail)" : "cannot \(verb): \(detail)"
    }
}

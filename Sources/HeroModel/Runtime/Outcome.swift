/// How one start of a job ended.
public enum Outcome: Hashable, Sendable, Codable {
    /// The program exited with this code, 0 to 255.
    case exited(Int32)
    /// A signal ended the program.
    case signaled(Signal, coreDumped: Bool)
    /// The kernel killed the program with SIGKILL because its cgroup ran out of memory (OM-1).
    case outOfMemory
    /// The start failed, and the program never executed.
    case startFailed(StartFailure)
    /// The outcome is unknown (I2); the text is the reason.
    case lost(String)

    /// Whether the program exited with one of these codes.
    public func isSuccess(codes: [Int32] = [0]) -> Bool {
        switch self {
        case .exited(let code): codes.contains(code)
        case .signaled, .outOfMemory, .startFailed, .lost: false
        }
    }
}

extension Outcome: CustomStringConvertible {
    /// The text for users: `exit code 3`, `signal KILL`, `cannot execute ...`, `lost: ...`.
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

/// How a process reads changed files while it keeps running.
public enum ReloadPolicy: Hashable, Sendable, Codable {
    /// How long a command may run, unless its manifest says otherwise.
    public static let commandTimeout = Duration.seconds(10)

    /// The main process receives a signal.
    case signal(Signal)
    /// A command is run, which must exit with 0.
    case command([String], timeout: Duration = commandTimeout)
}

extension ReloadPolicy {
    /// The program of the command with its arguments; empty for a signal.
    public var command: [String] {
        switch self {
        case .signal: []
        case .command(let arguments, timeout: _): arguments
        }
    }

    /// How long the command may run.
    public var timeout: Duration {
        switch self {
        case .signal: Self.commandTimeout
        case .command(_, timeout: let timeout): timeout
        }
    }

    /// The values that differ from the defaults, by key.
    var canonical: [String: String] {
        switch self {
        case .signal(let signal): ["signal": signal.description]
        case .command(let arguments, timeout: let timeout):
            presentEntries(
                ("exec", Canonical.list(arguments)),
                ("timeout", timeout == Self.commandTimeout ? nil : Canonical.duration(timeout))
            )
        }
    }
}

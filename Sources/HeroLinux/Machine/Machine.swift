/// What this machine gives to every program, and what it cannot do.
public enum Machine {
    /// `PATH HOME USER LOGNAME SHELL LANG TZ` as services get them, whoever asks (reliability.md SP-3).
    public static var baseEnvironment: [String: String] { BaseEnvironment.current() }
}

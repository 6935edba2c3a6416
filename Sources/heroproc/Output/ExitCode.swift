/// With which code a command leaves (contract section 4).
///
/// A mistake in the command line itself is 64, for every command; the parser leaves with it.
enum ExitCode: Int32 {
    /// All is as it is wanted.
    case success = 0
    /// It is not, or not yet.
    case differs = 1
    /// It was refused or cannot be done; nothing was changed.
    case refused = 2
}

/// Why a command cannot do what it is asked.
struct CommandError: Error {
    /// What cannot be done: `cannot <verb> <thing>: <cause>`.
    let message: String
    /// What to do about it.
    let help: String?

    /// Makes a refusal.
    init(_ message: String, help: String? = nil) {
        self.message = message
        self.help = help
    }
}

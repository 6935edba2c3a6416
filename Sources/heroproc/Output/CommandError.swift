/// The reason why a command is refused or impossible.
struct CommandError: Error {
    /// The problem: `cannot <verb> <thing>: <cause>`.
    let message: String
    /// What the user can do.
    let help: String?

    /// Creates an error.
    init(_ message: String, help: String? = nil) {
        self.message = message
        self.help = help
    }
}

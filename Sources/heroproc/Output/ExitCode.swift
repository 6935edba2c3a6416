/// The exit code of a command.
///
/// A usage error has code 64 for every command; the argument parser exits with it.
enum ExitCode: Int32 {
    /// The services match the manifests, or the command has succeeded.
    case success = 0
    /// The services do not match the manifests, or not yet.
    case differs = 1
    /// The command was refused or is impossible and nothing was changed, or its result cannot be written.
    case refused = 2
}

/// The keys that the manifest reader accepts and that an import can use.
///
/// This is the only place to change when heroproc gets a key: without it, an import reports a loss in place of the key.
/// A test checks that the reader has every key of the list.
public enum SupportedKey: String, CaseIterable, Sendable {
    /// The end of the service ends all services.
    case essential
    /// A dependency that gates only the start: `requires: [{service, cascade: false}]`.
    case requiresMap = "requires[].cascade"
    /// A command that stops the program.
    case stopCommand = "stop.exec"
    /// A link to the current log file.
    case logLink = "log.link"
    /// Directories that are made before a start.
    case folders
    /// A run that is made up for.
    case catchUp = "schedule.catch_up"
    /// A random delay of a run.
    case scheduleJitter = "schedule.jitter"
    /// Capabilities of the program.
    case capabilities

    /// The keys that the manifest reader of this version accepts.
    public static let accepted: Set<SupportedKey> = [.capabilities]

    /// Whether the manifest reader accepts the key.
    var isAccepted: Bool { Self.accepted.contains(self) }
}

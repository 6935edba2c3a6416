/// Who may write to the notify socket of a program (sd_notify(3)).
///
/// Messages of a process outside the process tree of the program are never accepted.
public enum NotifyFrom: String, Hashable, Sendable, Codable, CaseIterable {
    /// The user as which the program is started, and root.
    case main
    /// Every user.
    case all
}

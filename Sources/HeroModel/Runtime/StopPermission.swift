/// The setting of an action that allows heroproc to stop a process that holds a resource of the action.
///
/// The plan shows with it what a start will stop, and the start stops it.
public enum StopPermission: String, Hashable, Sendable, Codable, CaseIterable {
    /// `kill_others`: foreign processes that hold its ports or sockets may be stopped.
    case killOthers = "kill_others"
    /// `singleton`: another instance of the same action may be stopped.
    case singleton

    /// Returns the setting that allows the stop of a holder that is not protected; nil if none does.
    ///
    /// - Parameters:
    ///   - isSingleton: The key `singleton` of the action.
    ///   - killsOthers: The key `kill_others` of the action.
    ///   - isInstance: Whether the holder is another instance of the action.
    /// - Returns: The setting.
    public static func granted(isSingleton: Bool, killsOthers: Bool, isInstance: Bool) -> StopPermission? {
        if isSingleton, isInstance { return .singleton }
        return killsOthers ? .killOthers : nil
    }
}

public import HeroModel

/// Why and until when a reconciler is in safe mode: its predecessors have crashed (CR-6; decision 33).
///
/// The crashes may be caused by the services directory, by a request, or by a faulty version of heroproc. In safe mode
/// the reconciler therefore uses none of them: it keeps the last applied revision running and accepts nothing new.
public struct SafeMode: Sendable {
    /// How long safe mode lasts at most.
    static let maxDuration: Duration = .seconds(600)
    /// How often the reconciler checks whether heroproc was replaced.
    static let checkInterval: Duration = .seconds(2)

    /// How the former reconcilers ended, as a sentence.
    public let reason: String
    /// The absolute services directory: any change in it ends safe mode.
    public let directory: String
    /// What ends safe mode, as a sentence.
    public let remedy: String
    /// Whether another version of heroproc was installed.
    let isReplaced: @Sendable () -> Bool

    /// Describes a safe mode that begins now.
    ///
    /// - Parameters:
    ///   - crashes: The number of crashes within a minute.
    ///   - signal: The signal that ended the last one.
    ///   - directory: The absolute services directory.
    ///   - now: The calendar time.
    ///   - isReplaced: Whether another version of heroproc was installed.
    public init(
        crashes: Int32,
        signal: Signal,
        directory: String,
        now: WallTime,
        isReplaced: @escaping @Sendable () -> Bool
    ) {
        reason = "the reconciler crashed \(crashes) times within a minute, the last time by SIG\(signal)"
        let end = WallTime(microseconds: now.microseconds &+ Self.maxDuration.wholeMilliseconds &* 1000)
        remedy =
            "it ends as soon as anything changes in \(directory) or heroproc is replaced, or at "
            + end.description.prefix(19) + "Z"
        self.directory = directory
        self.isReplaced = isReplaced
    }

    /// Reason and remedy in one text.
    public var summary: String { "\(reason); \(remedy)" }

    /// What safe mode means, in events and refusals.
    var announcement: String {
        "safe mode: \(reason); the applied revision keeps running, and nothing new is accepted; \(remedy)"
    }

    /// Why an apply of a directory is refused.
    func refusal(of directory: String) -> String { "cannot apply \(directory): \(announcement)" }
}

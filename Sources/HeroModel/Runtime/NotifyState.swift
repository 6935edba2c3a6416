/// The state that a program reported on its notify socket (sd_notify(3)): the sum of its messages at one time.
public struct NotifyState: Hashable, Sendable {
    /// The time of the state.
    public var asOf: Moment
    /// Whether the program sent `READY=1`.
    public var isReady = false
    /// Whether it sent `RELOADING=1` and no `READY=1` since.
    public var isReloading = false
    /// Whether it sent `STOPPING=1`.
    public var isStopping = false
    /// Whether it sent `WATCHDOG=trigger`.
    public var hasTriggeredWatchdog = false
    /// The maximum time between two pings: the value at its start, or a value that it sent as `WATCHDOG_USEC`.
    ///
    /// nil if it has no watchdog.
    public var watchdog: Duration?
    /// When it last sent `WATCHDOG=1`; nil: never.
    public var lastPing: Moment?
    /// When messages last waited unread because there were too many; nil: never.
    ///
    /// A ping may have been among them, or may have been refused by the kernel.
    public var lastFlood: Moment?
    /// Its last `STATUS`: at most 256 bytes, not sanitized for display.
    public var status: String?
    /// The number of ignored messages whose sender is not provably in the process tree.
    public var unverifiedMessages = 0
    /// The number of its messages that are too long or not text.
    public var unreadableMessages = 0
    /// The number of `MAINPID` values that name no process of its tree.
    public var rejectedMainPIDs = 0
    /// The last of these values; negative if it was not a number.
    public var lastRejectedPID: Int32 = 0

    /// Makes the state of a program that has sent no message.
    public init(asOf moment: Moment) {
        asOf = moment
    }
}

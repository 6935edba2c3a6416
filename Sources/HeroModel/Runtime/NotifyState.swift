/// What a program has said of itself on its `NOTIFY_SOCKET` (sd_notify(3)): all of it, as it stood at one moment.
public struct NotifyState: Hashable, Sendable {
    /// When this was so.
    public var asOf: Moment
    /// Whether it said `READY=1`.
    public var isReady = false
    /// Whether it said `RELOADING=1`, and not `READY=1` since.
    public var isReloading = false
    /// Whether it said `STOPPING=1`.
    public var isStopping = false
    /// Whether it said `WATCHDOG=trigger`.
    public var hasTriggeredWatchdog = false
    /// The longest time between two pings: what it was told when it started, or asked for with `WATCHDOG_USEC`; nil: it has no
    /// watchdog.
    public var watchdog: Duration?
    /// When it last said `WATCHDOG=1`; nil: never.
    public var lastPing: Moment?
    /// Its last `STATUS`: at most 256 bytes of anything, not made safe to show.
    public var status: String?
    /// Messages that were not believed: their senders are not, or not provably, of its tree.
    public var unverifiedMessages = 0
    /// Messages of its own that are too long or no text.
    public var unreadableMessages = 0
    /// How often it named a process as its main one that is not of its tree.
    public var rejectedMainPIDs = 0
    /// The last of those; negative where it was no number.
    public var lastRejectedPID: Int32 = 0

    /// A program that has said nothing yet.
    public init(asOf moment: Moment) {
        asOf = moment
    }
}

extension ActionSpec {
    /// Whether its program gets a `NOTIFY_SOCKET`: where its readiness or its health hangs on what it says there.
    public var usesNotifySocket: Bool { isProcess && (ready?.check == .notify || watchdog != nil) }

    /// How often it must say `WATCHDOG=1` at the least; nil where its health does not hang on that.
    public var watchdog: Duration? {
        guard isProcess, case .watchdog(let limit) = health?.check else { return nil }
        return limit
    }
}

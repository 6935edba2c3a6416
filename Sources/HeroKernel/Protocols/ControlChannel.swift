public import HeroModel

/// Replies to clients on the control socket, and publishes what `status` must show.
public protocol ControlChannel: AnyObject {
    /// Replies to a request; `isLast` closes the connection.
    func reply(_ request: RequestID, _ message: [UInt8], isLast: Bool)

    /// Publishes why the database takes no writes; nil: it does.
    func publishStoreOutage(_ reason: String?)

    /// Publishes why the last change of the services directory was refused; nil: none is.
    ///
    /// It remains readable when the reconciler has exited.
    func publishRefusedChange(_ text: String?)

    /// Publishes how long reconciliations have taken.
    func publishDurations(_ durations: ReconcileDurations)
}

/// One connection to the control socket.
public struct RequestID: Hashable, Sendable {
    /// Its number, which a reconciler never uses again.
    public var number: UInt64

    /// Names a connection.
    public init(number: UInt64) {
        self.number = number
    }
}

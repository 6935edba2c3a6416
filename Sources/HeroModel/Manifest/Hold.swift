/// `hold` of a service: until a time no plan changes the service.
public struct Hold: Hashable, Sendable, Codable {
    /// When the hold ends.
    public var until: WallTime
    /// Why the service is held, as its author wrote it.
    public var reason: String

    /// Makes a hold.
    public init(until: WallTime, reason: String) {
        self.until = until
        self.reason = reason
    }

    /// Whether the hold has not ended.
    public func isActive(at now: WallTime) -> Bool { now < until }
}

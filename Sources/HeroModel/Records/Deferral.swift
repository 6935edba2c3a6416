/// Why a change is not made yet.
public struct Deferral: Hashable, Sendable, Codable {
    /// What defers a change.
    public enum Cause: String, Hashable, Sendable, Codable, CaseIterable {
        /// The service is held, or the change would touch a service that is held.
        case hold
        /// The change stops or restarts something outside of the windows.
        case window
    }

    /// What defers it.
    public var cause: Cause
    /// When it may be made.
    public var until: WallTime
    /// The reason, as text.
    public var reason: String
    /// The held service that it would touch; nil if the service itself is held or waits.
    public var holder: QualifiedName?

    /// Makes a deferral.
    public init(_ cause: Cause, until: WallTime, reason: String, holder: QualifiedName? = nil) {
        self.cause = cause
        self.until = until
        self.reason = reason
        self.holder = holder
    }

    /// The sentence about it, such as `held until 2026-12-24T00:00:00Z: year-end freeze`.
    public var text: String {
        switch cause {
        case .hold: "held until \(until.rfc3339Text)\(reason.isEmpty ? "" : ": \(reason)")"
        case .window: "waits for the window at \(until.rfc3339Text)"
        }
    }
}

/// A deferred change as the reconciler records it with the service.
public struct DeferredChange: Hashable, Sendable, Codable {
    /// The action of the change, as in a plan: `restart`, `stop`.
    public var action: String
    /// Why it is deferred.
    public var deferral: Deferral

    /// Makes a record.
    public init(action: String, _ deferral: Deferral) {
        self.action = action
        self.deferral = deferral
    }

    /// The sentence about it: until its time, or that it is due.
    public func text(at now: WallTime) -> String {
        guard now < deferral.until else {
            return "\(action) was deferred until \(deferral.until.rfc3339Text) and is due; `heroproc apply` makes it"
        }
        return "\(action) \(deferral.text)"
    }
}

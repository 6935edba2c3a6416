public import HeroModel

/// What a program must read again, and what is recorded when it has done so.
public struct ReloadRequest: Hashable, Sendable {
    /// The content of its files, as it was read just before the reload.
    public var contents: [RecordedContent]
    /// What requests the reload, as a digest.
    public var target: String
    /// The reason, for the event.
    public var reason: String

    /// Makes a request.
    public init(contents: [RecordedContent], target: String, reason: String) {
        self.contents = contents
        self.target = target
        self.reason = reason
    }
}

/// The reload: a running program reads its files again.
extension JobLifecycle {
    /// The number under which the end of the reload command is reported; no probe of a start reaches it.
    static let reloadCommandSerial = UInt64.max - 1

    /// Whether the program is ready and no reload is in progress.
    public var canReload: Bool {
        guard case .ready(let ready) = phase else { return false }
        return ready.reload == nil && ready.announcement != .stopping
    }

    /// Whether a reload is in progress, or will be possible when the program is ready.
    public var mayReloadLater: Bool {
        switch phase {
        case .ready(let ready): ready.reload != nil || ready.announcement == .stopping
        case .preparing, .launching, .starting, .stopping, .backingOff: true
        case .pending, .runningOnce, .finished: false
        }
    }

    /// What a reload has failed to take up is as it was before, so nothing is left to reload.
    public mutating func clearReloadFailure() { record.reloadFailure = nil }

    mutating func handleReloadRequested(_ request: ReloadRequest, _ context: Context) -> [JobEffect] {
        guard case .ready(var ready) = phase, let policy = context.action.reload else { return [] }
        ready.reload = request
        phase = .ready(ready)
        switch policy {
        case .signal(let signal):
            return [.signalReload(generation: record.generation, ready.process, signal)]
        case .command:
            return [.startProbe(generation: record.generation, serial: Self.reloadCommandSerial, .reloadCommand)]
        }
    }

    /// The signal was sent, or the command has ended.
    ///
    /// The new content is recorded only now: after a crash of the reconciler the reload is repeated.
    mutating func handleReloadEnded(_ failure: String?) -> [JobEffect] {
        guard case .ready(var ready) = phase, let request = ready.reload else { return [] }
        ready.reload = nil
        phase = .ready(ready)
        if let failure {
            record.reloadFailure = ReloadFailure(failure, target: request.target)
            return [.recordEvent(.error, "reload failed: \(failure); it runs on as before")]
        }
        record.reloadFailure = nil
        record.contents = request.contents
        return [.recordEvent(.info, "reloaded: \(request.reason)")]
    }
}

extension ProbeResult {
    /// Why it did not succeed; nil if it did.
    var failure: String? {
        switch self {
        case .succeeded: nil
        case .failed(let reason), .skipped(let reason): reason
        }
    }
}

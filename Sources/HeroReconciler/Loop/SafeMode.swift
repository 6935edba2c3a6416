import HeroKernel
public import HeroModel

/// Holding back after crashes that were of our own making (reliability.md CR-6; decision 33).
///
/// What crashed the former reconcilers may be in the services directory, in what was asked of them, or in a version with a
/// mistake. So nothing of that is touched: the last applied revision is kept up as always, and nothing new is taken in.
public struct SafeMode: Sendable {
    /// How long it lasts at most.
    static let maxDuration: Duration = .seconds(600)
    /// How often it is looked whether heroproc itself was replaced.
    static let checkInterval: Duration = .seconds(2)

    /// How the former ones ended, in words.
    public let reason: String
    /// The absolute services directory: the next change in it, whatever it is, ends safe mode.
    public let directory: String
    /// What ends it, in words.
    public let remedy: String
    /// Whether another version of heroproc stands in its place now.
    let isReplaced: @Sendable () -> Bool

    /// Describes one that begins now.
    ///
    /// - Parameters:
    ///   - crashes: How many there were within a minute.
    ///   - signal: What ended the last one.
    ///   - directory: The absolute services directory.
    ///   - now: The calendar.
    ///   - isReplaced: Whether another version of heroproc stands in its place.
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
            "it ends by itself as soon as anything changes in \(directory) or heroproc is replaced, at the latest at "
            + end.description.prefix(19) + "Z"
        self.directory = directory
        self.isReplaced = isReplaced
    }

    /// All of it, for people who look.
    public var summary: String { "\(reason); \(remedy)" }
}

extension Reconciler {
    /// Whether safe mode is over, so that a reconciler that does not hold back takes its place.
    public var mustRestartNormally: Bool { isSafeModeOver && !isExiting }

    func startSafeMode() {
        guard let safe = configuration.safeMode else { return }
        kernel.watchDirectory(safe.directory)
        let now = kernel.now()
        safeModeEnd = now + SafeMode.maxDuration
        safeModeCheckAt = now + SafeMode.checkInterval
        recordEvent(
            .error,
            "",
            "safe mode: \(safe.reason); what was applied is kept up, and nothing new is taken in; \(safe.remedy)"
        )
    }

    /// Ends it; who waits for a `down` gets the answer first.
    func endSafeMode(_ cause: String) {
        guard configuration.safeMode != nil, !isSafeModeOver, !isExiting else { return }
        isSafeModeOver = true
        safeModeCheckAt = nil
        recordEvent(.info, "", "safe mode is over: \(cause)")
    }

    /// Looks at the clock, and at the program.
    func checkSafeMode() {
        let now = kernel.now()
        guard let safe = configuration.safeMode, let due = safeModeCheckAt, due <= now else { return }
        safeModeCheckAt = now + SafeMode.checkInterval
        if safeModeEnd.map({ $0 <= now }) ?? false {
            endSafeMode("its time is up")
        } else if safe.isReplaced() {
            endSafeMode("heroproc was replaced")
        }
    }

    /// Why nothing new is taken in; nil where it may be.
    func safeModeRefusal(to directory: String) -> String? {
        configuration.safeMode.map { safe in
            "cannot apply \(directory): safe mode: \(safe.reason); what was applied is kept up, and nothing new is taken in; "
                + safe.remedy
        }
    }
}

/// Decides whether a socket file to which no visible listener is bound is stale (SK-2, SK-3).
///
/// A listener in another network namespace is not in the kernel's table of this namespace. A socket file that may have
/// such a listener counts as stale only after two refused connections, and not in its first two seconds.
public struct StaleSocketRule {
    /// The result of connecting to a socket file.
    public enum Connection: Hashable, Sendable {
        /// The file does not exist any more.
        case missing
        /// No process listens.
        case refused
        /// A process listens, or the connection failed for another reason.
        case other
    }

    /// The state of a socket file.
    public enum State: Hashable, Sendable {
        /// The path is free.
        case free
        /// The file can be removed.
        case stale(SocketFile)
        /// The path cannot be used yet, for this reason.
        case blocked(String)
    }

    /// The minimum time between the two refusals.
    public static let refusalInterval = Duration.milliseconds(500)
    /// The age below which a socket file never counts as stale: its program may be about to listen.
    public static let minimumAge = Duration.seconds(2)
    /// How long a first refusal is remembered.
    public static let memory = Duration.seconds(60)

    private var firstRefusals: [SocketFile: Moment] = [:]

    /// Creates a rule without recorded refusals.
    public init() {}

    /// Decides about a socket file after an attempt to connect to it.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - connection: The result of the attempt.
    ///   - age: The age of the file; nil if its file system does not store that.
    ///   - now: The boot clock.
    ///   - isTableComplete: Whether all processes of the machine share this network namespace. Called only if that
    ///     matters, because it inspects all processes.
    /// - Returns: The state of the file.
    public mutating func check(
        _ file: SocketFile,
        _ connection: Connection,
        age: Duration?,
        now: Moment,
        isTableComplete: () -> Bool
    ) -> State {
        switch connection {
        case .missing: return .free
        case .other:
            firstRefusals[file] = nil
            return .blocked("socket \(file.path) is in use by a program that heroproc cannot inspect")
        case .refused: break
        }
        let first = firstRefusals[file]
        if first == nil { firstRefusals[file] = now }
        if isTableComplete() { return .stale(file) }
        let isOldEnough = age.map { $0 >= Self.minimumAge } ?? true
        guard let first, now - first >= Self.refusalInterval, isOldEnough else {
            return .blocked("socket \(file.path) refuses connections; heroproc checks it once more")
        }
        return .stale(file)
    }

    /// Forgets old refusals.
    public mutating func removeExpired(_ now: Moment) {
        firstRefusals = firstRefusals.filter { now - $0.value < Self.memory }
    }
}

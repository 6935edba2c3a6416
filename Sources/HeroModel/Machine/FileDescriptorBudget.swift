/// Decides whether a use of file descriptors is allowed while few of them are left (RX-1).
///
/// Supervision must continue in any case. So the event loop comes first, then restarts, then first starts, then
/// recovered starts, then clients. One client is nearly always admitted, because it may be needed to correct the
/// situation.
public enum FileDescriptorBudget {
    /// What the descriptors are needed for.
    public enum Use: Hashable, Sendable, CaseIterable {
        /// Starting a job again after its program has ended, and storing the output of a program that has lost its
        /// shim.
        case restart
        /// Starting a job for the first time.
        case firstStart
        /// Watching a start that an earlier reconciler has made.
        case recovery
        /// A client while no other one is connected.
        case onlyClient
        /// A client in addition to others.
        case furtherClient
    }

    /// The lowest limit of open files with which a reconciler can start jobs and accept a client: it needs about twenty
    /// descriptors for itself.
    public static let minimumLimit = 48

    /// The number of free descriptors that must be left, at least, after a use.
    ///
    /// The event loop needs some to inspect processes, sockets and files, to write the database, and to run probe
    /// commands.
    public static func reserve(for use: Use) -> Int {
        switch use {
        case .onlyClient: 2
        case .restart: 8
        case .firstStart: 16
        case .recovery: 24
        case .furtherClient: 32
        }
    }

    /// Whether a use is allowed.
    ///
    /// - Parameters:
    ///   - use: What the descriptors are needed for.
    ///   - available: How many descriptors this process can still open.
    /// - Returns: false if the reserve for other uses would be touched.
    public static func allows(_ use: Use, available: Int) -> Bool { available > reserve(for: use) }
}

/// Fetches a git repository in a helper process, and publishes what `status` must show about it.
public protocol RepositorySource: AnyObject {
    /// Starts the helper process; its report arrives as `repositoryFetched`. An earlier one is killed.
    ///
    /// - Parameters:
    ///   - arguments: The arguments of the helper process.
    ///   - timeout: When it is killed together with all processes that it has started.
    func fetchRepository(_ arguments: [String], timeout: Duration)

    /// Publishes the status of the followed repository; nil: none is followed.
    ///
    /// It remains readable when the reconciler has exited.
    func publishRepositoryStatus(_ status: [UInt8]?)
}

/// How a fetch has ended.
public enum RepositoryReply: Hashable, Sendable {
    /// The report of the helper process.
    case report([UInt8])
    /// There is no report; the reason as a text.
    case noReport(String)
}

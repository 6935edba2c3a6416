public import HeroModel

extension StateReader {
    /// The result that a cleanup would have, without any change.
    ///
    /// - Throws: `StoreError`.
    public func previewCleanup(_ rule: CleanupRule) throws -> CleanupResult {
        let jobs = try removableJobs(rule).map(\.id)
        return CleanupResult(jobs: jobs, actions: try unusedActions(afterRemoving: Set(jobs)), isDryRun: true)
    }
}

extension StateStore {
    /// How many jobs are removed in one transaction.
    ///
    /// The batch is small enough not to delay the reconciler, and large enough to need few disk flushes.
    public static let cleanupBatch = 500

    /// Removes the jobs that a rule selects, then the action specs that are no longer used.
    ///
    /// An error while specs are removed is part of the result and is not thrown.
    ///
    /// - Parameters:
    ///   - rule: The rule that selects jobs.
    ///   - removeFiles: Removes the files of removed jobs; returns its error messages.
    /// - Returns: The removed jobs and specs, and the errors.
    /// - Throws: `StoreError`; batches that were removed before stay removed.
    public func cleanUp(_ rule: CleanupRule, removeFiles: ([RemovableJob]) -> [String]) throws -> CleanupResult {
        var result = CleanupResult()
        var remaining = try reader.removableJobs(rule)[...]
        while !remaining.isEmpty {
            let batch = Array(remaining.prefix(Self.cleanupBatch))
            remaining = remaining.dropFirst(batch.count)
            try commit([.jobsRemoved(batch.map(\.id))])
            result.jobs += batch.map(\.id)
            result.errors += removeFiles(batch)
        }
        do {
            let actions = try reader.unusedActions()
            try commit([.actionsRemoved(actions)])
            result.actions = actions
        } catch let error as StoreError {
            result.errors.append("cannot remove unused action specs: \(error)")
        }
        return result
    }
}

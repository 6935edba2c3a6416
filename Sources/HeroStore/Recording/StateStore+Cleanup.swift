public import HeroModel

extension StateReader {
    /// What a cleanup would do, without doing it.
    ///
    /// - Throws: `StoreError`.
    public func previewCleanup(_ rule: CleanupRule) throws -> CleanupResult {
        let jobs = try removableJobs(rule).map(\.id)
        return CleanupResult(jobs: jobs, actions: try unusedActions(afterRemoving: Set(jobs)), isDryRun: true)
    }
}

extension StateStore {
    /// How many jobs go in one transaction.
    ///
    /// Few enough that a reconciler does not notice, many enough that a flush to the disk does not count.
    public static let cleanupBatch = 500

    /// Removes the jobs that a rule lets go, then the specs that nothing uses any more.
    ///
    /// The specs are best effort: what cannot be removed is an error of the result, and no failure.
    ///
    /// - Parameters:
    ///   - rule: Which jobs.
    ///   - removeTraces: Removes the files of jobs that are no longer recorded; says what it could not remove.
    /// - Returns: What went, and what could not.
    /// - Throws: `StoreError`; the batches before it stay removed.
    public func cleanUp(_ rule: CleanupRule, removeTraces: ([RemovableJob]) -> [String]) throws -> CleanupResult {
        var result = CleanupResult()
        var rest = try reader.removableJobs(rule)[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(Self.cleanupBatch))
            rest = rest.dropFirst(batch.count)
            try commit([.jobsRemoved(batch.map(\.id))])
            result.jobs += batch.map(\.id)
            result.errors += removeTraces(batch)
        }
        do {
            let actions = try reader.unusedActions()
            try commit([.actionsRemoved(actions)])
            result.actions = actions
        } catch let error as StoreError {
            result.errors.append("cannot remove the action specs that nothing uses: \(error)")
        }
        return result
    }
}

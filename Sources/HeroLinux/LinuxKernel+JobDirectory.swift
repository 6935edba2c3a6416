public import HeroKernel
public import HeroModel

/// The files of jobs in the run directory and in the state directory.
extension LinuxKernel {
    /// Prevents a start that has left no trace, even if its shim still appears.
    public func retire(_ start: StartID) -> Bool { retirement.retire(start) }

    /// Removes the record, the script and the other files of a job in the run directory.
    public func removeRuntimeFiles(_ job: JobID) {
        retirement.removeFiles(job)
    }

    /// Writes the recovery record of a job.
    public func writeRecoveryRecord(_ origin: [UInt8], of job: JobID) -> Bool {
        JobRecoveryFile.write(origin, to: paths.recoveryFile(of: job))
    }

    /// Reads the recovery record of a job.
    public func recoveryRecord(of job: JobID) -> [UInt8]? { JobRecoveryFile.read(paths.recoveryFile(of: job)) }

    /// Returns the jobs that have files in the run directory.
    public func jobsInRunDirectory() -> [JobID] { JobRuntimeFiles.jobsWithFiles(paths) }

    /// Returns the highest job number that has any file.
    public func highestJobID() -> JobID { JobRuntimeFiles.highestJob(paths) }

    /// Writes the file that describes a store outage; nil clears it.
    public func publishStoreOutage(_ trouble: String?) {
        ReconcilerStatusFile.write(trouble, to: paths.storeOutageFile)
    }

    /// Writes the file that describes a refused change of the services directory; nil removes it.
    public func publishRefusedChange(_ text: String?) {
        ReconcilerStatusFile.writeRefusedChange(text, at: wallTime(), paths)
    }

    /// Writes the file with the durations of reconciliations.
    public func publishDurations(_ durations: ReconcileDurations) {
        ReconcilerStatusFile.write(durations.description, to: paths.durationsFile)
    }

    /// Fetches the followed repository in a helper process.
    public func fetchRepository(_ arguments: [String], timeout: Duration) {
        repositoryFetcher.fetch(arguments, timeout: timeout)
    }

    /// Writes the file that describes the followed repository; nil removes it.
    public func publishRepositoryStatus(_ status: [UInt8]?) {
        ReconcilerStatusFile.writeRepositoryStatus(status, paths)
    }

    /// Removes the logs of earlier jobs of an action.
    public func pruneLogs(in folder: String, keepingJobs count: Int) {
        shimTracker.removeLogLinks(LogFiles.prune("\(paths.logs)/\(folder)", keepingJobs: count))
    }

    /// Removes logs, records and scripts of jobs that are no longer in the database.
    public func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String] {
        let (errors, links) = JobRuntimeFiles.removeFiles(of: jobs, logsIn: folder, paths)
        shimTracker.removeLogLinks(links)
        return errors
    }

    /// Makes, changes or removes the link to the log of a running start.
    public func updateLogLink(_ request: LaunchRequest) { shimTracker.updateLogLink(request) }
}

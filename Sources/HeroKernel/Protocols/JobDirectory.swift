public import HeroModel

/// The files of jobs: records and PID files in the run directory, and logs.
public protocol JobDirectory: AnyObject {
    /// Writes a PID file of this name for a running process.
    ///
    /// - Returns: why it could not be written, as a text; nil when it is written.
    func writePIDFile(_ name: String, _ process: ProcessIdentity) -> String?

    /// Removes the PID file of this name, if it still names this process.
    func removePIDFile(_ name: String, _ process: ProcessIdentity)

    /// Removes the record of a job whose end is stored, or that never ran.
    ///
    /// The record of a retired start is kept for a while, because it refuses that start.
    func removeRuntimeFiles(_ job: JobID)

    /// Writes the recovery record of a job next to its record file, and replaces the one before.
    ///
    /// It is removed together with the record.
    /// - Returns: whether it is written.
    func writeRecoveryRecord(_ bytes: [UInt8], of job: JobID) -> Bool

    /// The recovery record of a job, unchecked; nil when there is none.
    func recoveryRecord(of job: JobID) -> [UInt8]?

    /// The jobs that have files in the run directory, by number.
    func jobsInRunDirectory() -> [JobID]

    /// The highest number of a job that has any file, logs included; 0 when there is none.
    ///
    /// It reads all log folders.
    func highestJobID() -> JobID

    /// Removes the logs of the earlier jobs of an action, all but those of the newest ones.
    ///
    /// The folder is that of `LaunchRequest.logFile`: `context/service/action`.
    func pruneLogs(in folder: String, keepingJobs count: Int)

    /// Removes the files of jobs of one action that are not recorded any more: logs, records and scripts.
    ///
    /// - Returns: what could not be removed, as texts.
    func removeJobFiles(of jobs: [JobID], logsIn folder: String) -> [String]

    /// Makes, changes or removes the link to the log of a running start, as its log policy says now.
    func updateLogLink(_ request: LaunchRequest)
}

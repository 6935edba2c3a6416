import Glibc
public import HeroModel

/// The files of jobs that are no longer recorded.
public enum JobTraces {
    /// Removes logs, records and scripts of jobs of one action; the caller holds the lock of the state directory.
    ///
    /// - Parameters:
    ///   - jobs: Jobs that have ended.
    ///   - folder: The folder of their logs below that of all logs.
    ///   - paths: Where all of it lies.
    /// - Returns: what could not be removed, in words.
    public static func remove(of jobs: [JobID], logsIn folder: String, _ paths: RuntimePaths) -> [String] {
        let retirement = Retirement(paths: paths)
        for job in jobs { retirement.forget(job) }
        return LogFiles.remove(of: Set(jobs), in: "\(paths.logs)/\(folder)")
    }
}

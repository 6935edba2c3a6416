import Glibc
public import HeroModel

/// The files of jobs that are no longer recorded.
public enum JobRuntimeFiles {
    /// Removes logs, records and scripts of jobs of one action; the caller holds the lock of the state directory.
    ///
    /// - Parameters:
    ///   - jobs: Jobs that have ended.
    ///   - folder: The folder of their logs below that of all logs.
    ///   - paths: Where all of it lies.
    /// - Returns: what could not be removed, in words.
    public static func remove(of jobs: [JobID], logsIn folder: String, _ paths: RuntimePaths) -> [String] {
        let retirement = StartRetirement(paths: paths)
        for job in jobs { retirement.removeFiles(job) }
        return LogFiles.remove(of: Set(jobs), in: "\(paths.logs)/\(folder)")
    }

    /// The jobs that have a record in the run directory, or something beside one, by number.
    static func jobsWithFiles(_ paths: RuntimePaths) -> [JobID] {
        let jobs = (listDirectory(paths.jobs) ?? []).compactMap { name in
            name.split(separator: ".", maxSplits: 1).first.flatMap { JobID($0) }
        }
        return Set(jobs.filter { $0 > 0 }).sorted()
    }

    /// The highest number of a job of which a record or a log is left; 0 when there is none.
    static func highestJob(_ paths: RuntimePaths) -> JobID {
        var highest = jobsWithFiles(paths).last ?? 0
        // The names of contexts, services and actions have no dot: what has one is a log.
        var folders = [paths.logs]
        while let folder = folders.popLast() {
            for name in listDirectory(folder) ?? [] {
                guard let dot = name.firstIndex(of: ".") else {
                    folders.append("\(folder)/\(name)")
                    continue
                }
                if name[dot...].hasPrefix(".log"), let job = JobID(name[..<dot]) { highest = max(highest, job) }
            }
        }
        return highest
    }
}

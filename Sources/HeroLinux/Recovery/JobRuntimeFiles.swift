import Glibc
public import HeroModel

/// The files of jobs that are no longer in the database.
public enum JobRuntimeFiles {
    /// Removes logs, records and scripts of jobs of one action.
    ///
    /// The caller holds the lock of the state directory.
    ///
    /// - Parameters:
    ///   - jobs: Jobs that have ended.
    ///   - folder: The folder of their logs, relative to the log directory.
    ///   - paths: The paths of the state directory.
    /// - Returns: The errors, as texts for users.
    public static func remove(of jobs: [JobID], logsIn folder: String, _ paths: RuntimePaths) -> [String] {
        var (errors, links) = removeFiles(of: jobs, logsIn: folder, paths)
        for (link, log) in links {
            do throws(PathWalk.Failure) {
                try PathTask.unlink(link.path, target: log).perform(as: link.account)
            } catch {
                errors.append("cannot remove the link \(error.cause)")
            }
        }
        return errors
    }

    /// Removes logs, records and scripts, and returns the links to these logs, which the caller removes.
    static func removeFiles(of jobs: [JobID], logsIn folder: String, _ paths: RuntimePaths) -> (
        errors: [String], links: [(link: LogLink, log: String)]
    ) {
        let retirement = StartRetirement(paths: paths)
        for job in jobs { retirement.removeFiles(job) }
        return LogFiles.remove(of: Set(jobs), in: "\(paths.logs)/\(folder)")
    }

    /// Whether any job has a file in the run directory.
    public static func exist(_ paths: RuntimePaths) -> Bool { !jobsWithFiles(paths).isEmpty }

    /// Returns the jobs that have a record or another file in the run directory, in ascending order.
    static func jobsWithFiles(_ paths: RuntimePaths) -> [JobID] {
        let jobs = (listDirectory(paths.jobs) ?? []).compactMap { name in
            name.split(separator: ".", maxSplits: 1).first.flatMap { JobID($0) }
        }
        return Set(jobs.filter { $0 > 0 }).sorted()
    }

    /// Returns the highest job number of which a record or a log exists; 0 if there is none.
    static func highestJob(_ paths: RuntimePaths) -> JobID {
        var highest = jobsWithFiles(paths).last ?? 0
        // Names of contexts, services and actions contain no dot, so a name with a dot is a log.
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

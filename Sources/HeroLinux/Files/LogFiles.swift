import Glibc
import HeroModel

/// The log files of a job.
public enum LogFiles {
    /// The highest number that a shim assigns; files of other programs may have higher ones.
    private static let highestRotation = 100

    /// Opens all log files of a job, newest first (`17.log`, `17.log.1`, `17.log.2` and so on).
    ///
    /// Each file is opened once and in order, even if the shim rotates the log at the same time.
    ///
    /// Rotation only increases the number of a file and keeps the order. Reading upwards may therefore find a file
    /// twice, and newer files in between, but misses none; the last position of a file is the right one.
    ///
    /// - Parameters:
    ///   - active: The path of the active file, `<logs>/context/service/action/17.log`.
    ///   - open: Opens the file at a path; returns nil if it does not exist or is no log.
    /// - Returns: The results of `open`.
    public static func openAll<File: Identifiable>(_ active: String, _ open: (_ path: String) -> File?) -> [File] {
        var files: [File] = []
        func take(_ number: Int) {
            guard let file = open(number == 0 ? active : "\(active).\(number)") else { return }
            files.removeAll { $0.id == file.id }
            files.append(file)
        }
        // The listed names are not used directly: during a rotation a name may be missing from the list.
        var next = 0
        while let last = rotationNumbers(active).last(where: { $0 <= highestRotation }), last >= next {
            for number in next...last { take(number) }
            next = last + 1
        }
        for number in rotationNumbers(active) where number > highestRotation { take(number) }
        return files
    }

    /// Returns the numbers of the log files, lowest first; the active file has 0.
    private static func rotationNumbers(_ active: String) -> [Int] {
        guard let slash = active.lastIndex(of: "/") else { return [] }
        let name = active[active.index(after: slash)...]
        return (listDirectory(String(active[..<slash])) ?? []).compactMap { entry in
            if entry == name { return 0 }
            guard entry.hasPrefix(name + "."), let number = Int(entry.dropFirst(name.count + 1)), number > 0 else {
                return nil
            }
            return number
        }.sorted()
    }

    /// Removes the log files in a folder, except those of the jobs with the highest numbers.
    ///
    /// - Returns: The links to the removed logs, which the caller removes.
    static func prune(_ folder: String, keepingJobs count: Int) -> [(link: LogLink, log: String)] {
        let files = filesByJob(folder)
        let removed = files.keys.sorted().dropLast(count)
        for job in removed {
            for name in files[job] ?? [] { unlink("\(folder)/\(name)") }
        }
        return takeLinks(of: removed, in: folder)
    }

    private static func takeLinks(of jobs: some Sequence<JobID>, in folder: String) -> [(link: LogLink, log: String)] {
        jobs.compactMap { job in
            guard let link = LogLink.read(job, in: folder) else { return nil }
            LogLink.store(nil, of: job, in: folder)
            return (link, "\(folder)/\(job).log")
        }
    }

    /// Removes the log files of some jobs in a folder.
    ///
    /// - Returns: The errors, as texts for users, and the links to the removed logs, which the caller removes.
    static func remove(of jobs: Set<JobID>, in folder: String) -> (
        errors: [String], links: [(link: LogLink, log: String)]
    ) {
        var errors: [String] = []
        for (job, names) in filesByJob(folder) where jobs.contains(job) {
            for name in names where unlink("\(folder)/\(name)") != 0 && errno != ENOENT {
                errors.append(LinuxError(cannot: "remove the log \(folder)/\(name)", errno).description)
            }
        }
        return (errors.sorted(), takeLinks(of: jobs.sorted(), in: folder))
    }

    private static func filesByJob(_ folder: String) -> [JobID: [String]] {
        var files: [JobID: [String]] = [:]
        for name in listDirectory(folder) ?? [] {
            let parts = name.split(separator: ".", maxSplits: 1)
            guard parts.count == 2, parts[1] == "log" || parts[1].hasPrefix("log."), let job = JobID(parts[0]) else {
                continue
            }
            files[job, default: []].append(name)
        }
        return files
    }
}

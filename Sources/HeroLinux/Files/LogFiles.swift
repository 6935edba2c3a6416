import CHeroLinux
import Glibc
import HeroModel

/// The files of a job's log.
public enum LogFiles {
    /// What a shim keeps has no higher number; what others have put beside it may.
    private static let highestRotation = 100

    /// Opens those that are there, newest first (`17.log`, `17.log.1`, `17.log.2` and so on): each once, none missed and in
    /// their order, though they are moved up while we look.
    ///
    /// A file only ever gets a higher number, and stays behind those that are newer. So who goes upwards may meet one twice, and
    /// others that came in front of it in between, but passes none; and where it was met last is where it stands.
    ///
    /// - Parameters:
    ///   - active: The path of the active file, `<logs>/context/service/action/17.log`.
    ///   - open: Opens what is at a path; nil where there is nothing, or no log.
    /// - Returns: What `open` has given.
    public static func openAll<File: Identifiable>(_ active: String, _ open: (_ path: String) -> File?) -> [File] {
        var files: [File] = []
        func take(_ number: Int) {
            guard let file = open(number == 0 ? active : "\(active).\(number)") else { return }
            files.removeAll { $0.id == file.id }
            files.append(file)
        }
        // Not by the names in the list: while files are renamed, one may be missing in it.
        var next = 0
        while let last = rotationNumbers(active).last(where: { $0 <= highestRotation }), last >= next {
            for number in next...last { take(number) }
            next = last + 1
        }
        for number in rotationNumbers(active) where number > highestRotation { take(number) }
        return files
    }

    /// The numbers behind the names of the files of a log, lowest first; 0 is the active one.
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

    /// Removes the files of all jobs in a folder but those of the jobs with the highest numbers.
    static func prune(_ folder: String, keepingJobs count: Int) {
        let files = filesByJob(folder)
        for job in files.keys.sorted().dropLast(count) {
            for name in files[job] ?? [] { unlink("\(folder)/\(name)") }
        }
    }

    /// Removes the files of some jobs in a folder.
    ///
    /// - Returns: what could not be removed, in words.
    static func remove(of jobs: Set<JobID>, in folder: String) -> [String] {
        var errors: [String] = []
        for (job, names) in filesByJob(folder) where jobs.contains(job) {
            for name in names where unlink("\(folder)/\(name)") != 0 && errno != ENOENT {
                errors.append(LinuxError(cannot: "remove the log \(folder)/\(name)", errno).description)
            }
        }
        return errors.sorted()
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

/// A program of ours that goes on without us.
public struct BackgroundProcess {
    /// Its pid, for people.
    public let pid: Int32
    private let pidfd: Descriptor?

    /// Starts this very program again, in a session of its own.
    ///
    /// - Parameters:
    ///   - arguments: What follows the program's name.
    ///   - environment: Its whole environment.
    ///   - logFile: Where its standard output and error are appended to.
    ///   - isKept: Whether a keeper starts it again when it crashes; the running program is the keeper then.
    /// - Returns: The running program.
    /// - Throws: When it cannot be started or its log not be opened.
    public static func spawn(
        _ arguments: [String],
        environment: [String: String],
        logFile: String,
        isKept: Bool = false
    ) throws(LinuxError) -> BackgroundProcess {
        let (program, words) =
            isKept
            ? try MonitoredReconciler.monitorCommand(arguments, environment: environment)
            : (MonitoredReconciler.executablePath, ["heroproc"] + arguments)
        try TrustedFile.check(logFile, task: "open \(logFile)")
        let number = open(logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw LinuxError(cannot: "open \(logFile)", errno) }
        let log = try raiseDescriptor(number, "open \(logFile)")
        let nullNumber = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nullNumber >= 0 else { throw LinuxError(cannot: "open /dev/null", errno) }
        let null = try raiseDescriptor(nullNumber, "open /dev/null")
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let pid = withArgumentList(words) { list in
            withArgumentList(variables) { hl_spawn_detached(program, list, $0, null.number, log.number) }
        }
        try check(pid, "start \(program) in the background")
        let pidfd = hl_pidfd_open(pid)
        return BackgroundProcess(pid: pid, pidfd: pidfd >= 0 ? Descriptor(pidfd) : nil)
    }

    /// Its exit code once it has ended (128 and the signal that ended it); nil while it runs.
    public func exitCode() -> Int32? {
        var status: Int32 = 0
        guard let pidfd, hl_pidfd_reap(pidfd.number, &status) == 1 else { return nil }
        return hl_status_exited(status) == 1 ? hl_status_code(status) : 128 + hl_status_signal(status)
    }
}

/// The terminal, if there is one.
public enum Terminal {
    /// Whether a descriptor (1 is standard output, 2 standard error) is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Columns; nil where it is none, or does not say.
    public static func width(_ descriptor: Int32) -> Int? {
        let width = hl_terminal_width(descriptor)
        return width > 0 ? Int(width) : nil
    }
}

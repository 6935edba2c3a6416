import CHeroLinux
import Glibc
import HeroModel

/// The paths that belong to one state directory.
///
/// The run directory holds files that must be fast and may be lost with the machine: records, scripts and the control
/// socket. Its name is derived from the state directory, so that two state directories never share a run directory.
public struct RuntimePaths: Hashable, Sendable {
    /// The state directory, absolute.
    public var state: String
    /// The state directory as the user named it, absolute.
    ///
    /// The links on this path are checked as well.
    public private(set) var namedState: String
    /// The run directory, absolute; short enough for the path of a socket in it.
    public var run: String

    /// The key for digests of secrets.
    public var contentKey: String { state + "/content.key" }
    /// The database.
    public var database: String { state + "/heroproc.db" }
    /// The root directory of all service logs.
    public var logs: String { state + "/logs" }
    /// The PID files that heroproc writes itself.
    public var pidFiles: String { state + "/pids" }
    /// The log of a background reconciler.
    public var reconcilerLog: String { state + "/reconciler.log" }
    /// The lock file of the reconciler.
    public var reconcilerLock: String { state + "/reconciler.lock" }
    /// The records and scripts of jobs.
    public var jobs: String { run + "/jobs" }
    /// The control socket of the reconciler.
    public var controlSocket: String { run + "/control.sock" }
    /// The lock file of the run directory (LK-2).
    public var runLock: String { run + "/lock" }

    /// The file that describes a store outage, while there is one.
    public var storeOutageFile: String { run + "/trouble" }
    /// The file with the durations of the reconciliations since the start of the reconciler.
    public var durationsFile: String { run + "/durations" }
    /// The file that describes a refused change of the services directory, until the directory is applied.
    public var refusedChangeFile: String { state + "/refused" }
    /// The file that describes the followed git repository.
    public var repositoryStatusFile: String { state + "/repository" }
    /// The file that describes the safe mode, while the reconciler is in it.
    public var safeModeFile: String { run + "/safe-mode" }

    /// The longest path that fits into a socket address, in bytes.
    static let maximumSocketPath = 107

    /// Derives the paths from the arguments alone.
    ///
    /// - Parameters:
    ///   - state: The canonical absolute state directory.
    ///   - uid: The user that runs the reconciler.
    ///   - environment: Its `XDG_RUNTIME_DIR` is used for users other than root.
    public init(state: String, uid: UInt32, environment: [String: String]) {
        self.state = state
        namedState = state
        let digest = Self.digest(of: state)
        let wanted =
            if uid == 0 {
                "/run/heroproc/\(digest)"
            } else if let base = environment["XDG_RUNTIME_DIR"], base.hasPrefix("/") {
                Self.normalized(base) + "/heroproc/\(digest)"
            } else {
                state + "/run"
            }
        let socketSize = wanted.utf8.count + "/control.sock".utf8.count
        run = socketSize <= Self.maximumSocketPath ? wanted : "/tmp/heroproc-\(uid)/\(digest)"
    }

    /// Returns the paths for the current user.
    ///
    /// A state directory that is named through `..` or a symbolic link has the same paths. A login session and a cron
    /// job of one user agree: if `XDG_RUNTIME_DIR` is not set, its usual directory is used if it exists.
    ///
    /// - Parameters:
    ///   - state: The state directory as the user named it; it need not exist.
    ///   - environment: The environment of this process.
    /// - Returns: The paths; no file is changed.
    public static func resolve(state: String, environment: [String: String]) -> RuntimePaths {
        let uid = geteuid()
        var environment = environment
        let usual = "/run/user/\(uid)"
        if environment["XDG_RUNTIME_DIR"].map(isOwnDirectory) != true {
            environment["XDG_RUNTIME_DIR"] = isOwnDirectory(usual) ? usual : nil
        }
        var paths = RuntimePaths(state: canonical(state), uid: uid, environment: environment)
        paths.namedState = absolutePath(state)
        return paths
    }

    /// The record of a job.
    func record(of job: Int64) -> String { "\(jobs)/\(job)" }

    /// A PID file that heroproc writes itself.
    func pidFile(named name: String) -> String { "\(pidFiles)/\(name).pid" }

    /// The script of a job.
    func script(of job: Int64) -> String { "\(jobs)/\(job).script" }

    /// The notify socket of a job, the value of `NOTIFY_SOCKET`.
    ///
    /// If the path is too long for a socket address, an abstract name with a random part is used, which no other
    /// process can have taken.
    func notifySocket(of job: Int64) -> String {
        let path = "\(jobs)/\(job)\(Self.notifySuffix)"
        guard path.utf8.count > Self.maximumSocketPath else { return path }
        return "@heroproc/\(job)/\(String(UInt64(hl_random()), radix: 16))"
    }

    /// The file of the notify socket, if it has one.
    func notifySocketFile(of job: Int64) -> String { "\(jobs)/\(job)\(Self.notifySuffix)" }

    private static let notifySuffix = ".notify"

    /// The recovery file of a job, from which its database rows can be rebuilt.
    func recoveryFile(of job: Int64) -> String { "\(jobs)/\(job).origin" }

    /// Creates the state directory, its log directory and its PID file directory, accessible only to this user.
    ///
    /// Throws if an untrusted user could replace one of them (FS-1).
    public func makeStateDirectories() throws(LinuxError) {
        try checkDirectory(namedState)
        for folder in [state, logs, pidFiles] { try makeTrustedDirectory(folder) }
        try checkDatabase()
    }

    /// Throws if another user could have created the database: SQLite follows links and waits for FIFOs.
    public func checkDatabase() throws(LinuxError) {
        for file in [database, database + "-wal", database + "-shm"] {
            try TrustedFile.check(file, task: "use the state database \(file)")
        }
    }

    /// Throws if the database is not a regular file: SQLite would wait for a FIFO, and follow a link.
    public func checkDatabaseForReading() throws(LinuxError) {
        var file = stat()
        guard lstat(database, &file) == 0, file.st_mode & S_IFMT != S_IFREG else { return }
        throw LinuxError(cannot: "read the state database \(database)", because: "it is not a regular file")
    }

    /// Creates the run directory.
    ///
    /// Throws if other users could read or change it.
    ///
    /// The run directory of root can be traversed, because services of other users read their scripts there.
    public func makeRunDirectories() throws(LinuxError) {
        if run.hasPrefix("/tmp/") { try makePrivateDirectory(parentDirectory(of: run)) }
        try makePrivateDirectory(run)
        try makePrivateDirectory(jobs)
        if run.hasPrefix("/run/") { allowTraversal(parentDirectory(of: run)) }
    }

    /// Returns the digest of a path as 16 hexadecimal digits, which names its run directory.
    public static func digest(of path: String) -> String { shortDigest(path.utf8) }

    /// Returns an absolute path without empty parts, `.` and `..`; works on the text only.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Returns the real path of the existing part of a path, followed by the rest.
    package static func canonical(_ path: String) -> String {
        var existing = absolutePath(path)
        var rest: [Substring] = []
        while existing != "/" {
            if let real = realPath(existing) {
                return rest.isEmpty ? real : normalized(real + "/" + rest.reversed().joined(separator: "/"))
            }
            guard let slash = existing.lastIndex(of: "/") else { break }
            let name = existing[existing.index(after: slash)...]
            if !name.isEmpty { rest.append(name) }
            existing = slash == existing.startIndex ? "/" : String(existing[..<slash])
        }
        return normalized(absolutePath(path))
    }
}

/// Returns an absolute path, relative to the working directory; works on the text otherwise.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    guard let buffer = getcwd(nil, 0) else { return "/" + path }
    defer { free(buffer) }
    return String(cString: buffer) + "/" + path
}

/// realpath(3); nil if the path does not exist.
func realPath(_ path: String) -> String? {
    guard let buffer = realpath(path, nil) else { return nil }
    defer { free(buffer) }
    return String(cString: buffer)
}

private func parentDirectory(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
}

private func isOwnDirectory(_ path: String) -> Bool {
    var file = stat()
    return path.hasPrefix("/") && stat(path, &file) == 0 && file.st_mode & S_IFMT == S_IFDIR
        && file.st_uid == geteuid()
}

/// Creates a directory and its parents with mode 0700; an existing directory is accepted.
private func makeDirectory(_ path: String) throws(LinuxError) {
    guard mkdir(path, 0o700) != 0 else { return }
    if errno == ENOENT, path != "/" {
        try makeDirectory(parentDirectory(of: path))
        guard mkdir(path, 0o700) != 0 else { return }
    }
    let number = errno
    var file = stat()
    guard stat(path, &file) == 0, file.st_mode & S_IFMT == S_IFDIR else {
        throw LinuxError(cannot: "create the directory \(path)", number == EEXIST ? ENOTDIR : number)
    }
}

/// Creates a directory that no untrusted user can replace or change.
///
/// The path is checked before, so that nothing is created behind an untrusted link, and after, to detect a change in
/// between.
private func makeTrustedDirectory(_ path: String) throws(LinuxError) {
    for isMade in [false, true] {
        if isMade { try makeDirectory(path) }
        try checkDirectory(path)
    }
}

private func checkDirectory(_ path: String) throws(LinuxError) {
    do throws(PathProblem) { try PathTrust.current.check(path) } catch {
        throw LinuxError(cannot: "use the directory \(path)", because: error.text)
    }
}

/// Creates a directory of this user that no other user can list or change; refuses a link and another owner (FS-1).
private func makePrivateDirectory(_ path: String) throws(LinuxError) {
    try makeTrustedDirectory(path)
    guard let facts = FileFacts.of(path) else { throw LinuxError(cannot: "use the directory \(path)", errno) }
    if let problem = FileTrust.current.privateDirectoryProblem(facts, path) {
        throw LinuxError(cannot: "use the directory \(path)", because: problem)
    }
    allowTraversal(path)
}

/// Allows other users to traverse a directory of root that is closed to them, without listing it.
func allowTraversal(_ path: String) {
    // The descriptor is used, because the path could lead elsewhere by now (FS-2).
    let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { return }
    let folder = Descriptor(number)
    var file = stat()
    guard geteuid() == 0, fstat(folder.number, &file) == 0, file.st_uid == 0, file.st_mode & 0o777 == 0o700 else {
        return
    }
    fchmod(folder.number, 0o711)
}

import CHeroLinux
import Glibc

/// Where everything of one state directory lies.
///
/// The run directory holds what must be fast and may be lost with the machine: records, scripts and the control
/// socket. Its name is made from the state directory's, so that two of them never meet.
public struct RuntimePaths: Hashable, Sendable {
    /// The state directory, absolute.
    public var state: String
    /// The state directory as it was named, absolute: links on the way to it are a stranger's chance, too.
    var namedState: String
    /// The run directory, absolute; short enough for a socket inside it.
    public var run: String

    /// The database.
    public var database: String { state + "/heroproc.db" }
    /// The root of all service logs.
    public var logs: String { state + "/logs" }
    /// The PID files that heroproc writes itself.
    public var pidFiles: String { state + "/pids" }
    /// The log of a reconciler in the background.
    public var reconcilerLog: String { state + "/reconciler.log" }
    /// The lock that makes a reconciler the only one.
    public var reconcilerLock: String { state + "/reconciler.lock" }
    /// The records and scripts of jobs.
    public var jobs: String { run + "/jobs" }
    /// The socket of the reconciler.
    public var controlSocket: String { run + "/control.sock" }
    /// The lock of the run directory itself (reliability.md LK-2).
    public var runLock: String { run + "/lock" }

    /// What is wrong with the database, while something is.
    public var storeOutageFile: String { run + "/trouble" }
    /// Why the reconciler holds back, while it does.
    public var safeModeFile: String { run + "/safe-mode" }

    /// The longest path that fits into a socket address, in bytes.
    static let maximumSocketPath = 107

    /// Derives the paths; looks at nothing but its arguments.
    ///
    /// - Parameters:
    ///   - state: The canonical absolute state directory.
    ///   - uid: The user that runs the reconciler.
    ///   - environment: Where `XDG_RUNTIME_DIR` is looked up for a user that is not root.
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

    /// The paths for this user, whoever's session asks.
    ///
    /// A state directory given with `..` or through a symbolic link is the same one. A login session and a cron job of
    /// one user agree: where `XDG_RUNTIME_DIR` is not set, the directory it would name is looked for.
    ///
    /// - Parameters:
    ///   - state: As the user gave it; need not exist.
    ///   - environment: The process's environment.
    /// - Returns: The paths, of which none was touched.
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

    /// The socket on which the program of a job speaks, as `NOTIFY_SOCKET` names it.
    ///
    /// Where its path would not fit into an address it has no file: a name that nobody can guess, so that nobody can have taken it.
    func notifySocket(of job: Int64) -> String {
        let path = "\(jobs)/\(job)\(Self.notifySuffix)"
        guard path.utf8.count > Self.maximumSocketPath else { return path }
        return "@heroproc/\(job)/\(String(UInt64(hl_random()), radix: 16))"
    }

    /// The file of that socket, where it has one.
    func notifySocketFile(of job: Int64) -> String { "\(jobs)/\(job)\(Self.notifySuffix)" }

    private static let notifySuffix = ".notify"

    /// What the database would know of a job, beside its record.
    func recoveryFile(of job: Int64) -> String { "\(jobs)/\(job).origin" }

    /// Makes the state directory and its logs, readable for nobody else, and refuses what strangers could exchange
    /// (reliability.md FS-1).
    public func makeStateDirectories() throws(LinuxError) {
        try checkDirectory(namedState)
        for folder in [state, logs, pidFiles] { try makeTrustedDirectory(folder) }
        try checkDatabase()
    }

    /// Refuses a database that was put there by somebody else: SQLite itself follows links and waits for FIFOs.
    public func checkDatabase() throws(LinuxError) {
        for file in [database, database + "-wal", database + "-shm"] {
            try TrustedFile.check(file, task: "use the state database \(file)")
        }
    }

    /// Refuses to read what is no database of anybody: SQLite would wait for a FIFO, and follow a link.
    public func checkDatabaseForReading() throws(LinuxError) {
        var file = stat()
        guard lstat(database, &file) == 0, file.st_mode & S_IFMT != S_IFREG else { return }
        throw LinuxError(cannot: "read the state database \(database)", because: "it is no regular file")
    }

    /// Makes the run directory, and refuses one that others could look into.
    ///
    /// Root's can be passed through, because services under other users read their scripts there.
    public func makeRunDirectories() throws(LinuxError) {
        if run.hasPrefix("/tmp/") { try makePrivateDirectory(parentDirectory(of: run)) }
        try makePrivateDirectory(run)
        try makePrivateDirectory(jobs)
        if run.hasPrefix("/run/") { allowTraversal(parentDirectory(of: run)) }
    }

    /// 16 hexadecimal digits of FNV-1a over the path: stable over versions and machines.
    static func digest(of path: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path.utf8 {
            hash ^= UInt64(byte)
            hash &*= 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }

    /// An absolute path without empty parts, `.` and `..`; textual.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The real path of what exists of a path, with the rest behind it.
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

/// A path seen from the working directory, made absolute; textual otherwise.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    guard let buffer = getcwd(nil, 0) else { return "/" + path }
    defer { free(buffer) }
    return String(cString: buffer) + "/" + path
}

/// realpath(3), or nil when the path does not exist.
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

/// Makes a directory and its parents with mode 0700; one that is there already is fine.
private func makeDirectory(_ path: String) throws(LinuxError) {
    guard mkdir(path, 0o700) != 0 else { return }
    if errno == ENOENT, path != "/" {
        try makeDirectory(parentDirectory(of: path))
        guard mkdir(path, 0o700) != 0 else { return }
    }
    let number = errno
    var file = stat()
    guard stat(path, &file) == 0, file.st_mode & S_IFMT == S_IFDIR else {
        throw LinuxError(cannot: "make the directory \(path)", number == EEXIST ? ENOTDIR : number)
    }
}

/// Makes a directory that nobody else can exchange or change.
///
/// Looked at before, so that nothing is made where a stranger's link leads, and after, for what came meanwhile.
private func makeTrustedDirectory(_ path: String) throws(LinuxError) {
    for isMade in [false, true] {
        if isMade { try makeDirectory(path) }
        try checkDirectory(path)
    }
}

private func checkDirectory(_ path: String) throws(LinuxError) {
    do { try TrustedPath.check(path) } catch {
        throw LinuxError(cannot: "use the directory \(path)", because: error.text)
    }
}

/// Makes a directory that is ours and in which nobody else can list or change anything; never trusts a link or another owner (reliability.md FS-1).
private func makePrivateDirectory(_ path: String) throws(LinuxError) {
    try makeTrustedDirectory(path)
    var file = stat()
    guard lstat(path, &file) == 0 else { throw LinuxError(cannot: "use the directory \(path)", errno) }
    guard file.st_mode & S_IFMT == S_IFDIR, file.st_uid == geteuid() else {
        throw LinuxError(
            cannot: "use the directory \(path)",
            because: "it belongs to somebody else; remove it, or choose another state directory"
        )
    }
    allowTraversal(path)
    guard file.st_mode & (geteuid() == 0 ? 0o066 : 0o077) == 0 else {
        throw LinuxError(
            cannot: "use the directory \(path)",
            because: "others can reach into it; run `chmod 700 \(path)`"
        )
    }
}

/// Lets others pass through a directory of root's that is closed to them, without seeing what is in it.
private func allowTraversal(_ path: String) {
    // By the descriptor: a path could lead somewhere else by now (reliability.md FS-2).
    let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { return }
    let folder = Descriptor(number)
    var file = stat()
    guard geteuid() == 0, fstat(folder.number, &file) == 0, file.st_uid == 0, file.st_mode & 0o777 == 0o700 else {
        return
    }
    fchmod(folder.number, 0o711)
}

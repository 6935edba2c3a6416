import Glibc
import HeroModel

/// The link that leads to the log of a job, as a file next to the log remembers it: `17.link`.
///
/// So the link can be removed with the job, even when its manifest is gone.
struct LogLink: Hashable {
    /// The absolute path of the link.
    var path: String
    /// The user of the action: user, group and supplementary groups; nil for the user of heroproc.
    var rights: [UInt32]

    private static let suffix = ".link"

    /// Reads the file of a job; nil if it has no link.
    static func read(_ job: JobID, in folder: String) -> LogLink? {
        guard let bytes = readFile("\(folder)/\(job)\(suffix)", limit: 65_536) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, lines[1].hasPrefix("/") else { return nil }
        return LogLink(path: String(lines[1]), rights: lines[0].split(separator: " ").compactMap { UInt32($0) })
    }

    /// Stores the link of a job; nil removes the file.
    static func store(_ link: LogLink?, of job: JobID, in folder: String) {
        let path = "\(folder)/\(job)\(suffix)"
        guard let link else {
            unlink(path)
            return
        }
        guard link != read(job, in: folder) else { return }
        unlink(path)
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        let text = link.rights.map(String.init).joined(separator: " ") + "\n" + link.path + "\n"
        _ = Array(text.utf8).withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
    }

    init(path: String, rights: [UInt32]) {
        self.path = path
        self.rights = rights
    }

    init(_ path: String, _ account: Account?) {
        self.init(path: path, rights: account.map { [$0.uid, $0.gid] + $0.groups } ?? [])
    }

    /// The user of the action.
    var account: Account? {
        guard rights.count >= 2 else { return nil }
        return Account(uid: rights[0], gid: rights[1], groups: Array(rights.dropFirst(2)), entry: nil)
    }
}

/// Who may read the logs of an action: with a link, the user and the group of the action too.
enum LogAccess {
    /// Sets the group and the permissions of a log directory before a start, or when the link changes.
    ///
    /// The group of the directory is that of all its new files. Only root changes anything: the logs of another user
    /// belong to that user already.
    static func update(_ logFile: String, hasLink: Bool, _ account: Account?, _ paths: RuntimePaths) {
        guard geteuid() == 0 else { return }
        let parts = logFile.split(separator: "/").dropLast()
        let path = ([paths.logs] + parts.map(String.init)).joined(separator: "/")
        let isShared = hasLink && (account?.uid ?? 0) != 0
        var file = stat()
        let exists = lstat(path, &file) == 0
        guard isShared || (exists && file.st_mode & S_ISGID != 0) else { return }
        if isShared {
            var parent = paths.logs
            for folder in [paths.state, paths.logs] { allowTraversal(folder) }
            for (index, part) in parts.enumerated() {
                parent += "/\(part)"
                mkdir(parent, 0o700)
                if index < parts.count - 1 { allowTraversal(parent) }
            }
        }
        let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { return }
        let folder = Descriptor(number)
        let group = isShared ? account?.gid ?? 0 : getegid()
        fchown(folder.number, .max, group)
        fchmod(folder.number, isShared ? 0o2750 : 0o700)
        // The log of a running program.
        let active = open("\(paths.logs)/\(logFile)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard active >= 0 else { return }
        fchown(Descriptor(active).number, .max, group)
    }
}

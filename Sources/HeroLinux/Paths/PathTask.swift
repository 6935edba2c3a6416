import Glibc
import HeroModel

/// One task of the helper program that makes directories and links.
enum PathTask: Hashable {
    /// Make a directory, with its missing parents.
    case folder(Folder)
    /// Make a link to a log; an existing link is replaced only if it leads into the log directory.
    case link(String, target: String, logs: String)
    /// Remove a link, if it still has this target.
    case unlink(String, target: String)

    /// The arguments of the helper program for this task.
    var arguments: [String] {
        switch self {
        case .folder(let folder):
            ["folder", folder.path, String(folder.mode, radix: 8), folder.user ?? "", folder.group ?? ""]
        case .link(let path, target: let target, logs: let logs): ["link", path, target, logs]
        case .unlink(let path, target: let target): ["unlink", path, target]
        }
    }

    /// Decodes the arguments of several tasks; nil if they are not valid.
    static func decode(_ arguments: ArraySlice<String>) -> [Self]? {
        var tasks: [Self] = []
        var rest = arguments
        while let name = rest.popFirst() {
            var texts: [String] = []
            func take(_ count: Int) -> Bool {
                guard rest.count >= count else { return false }
                texts = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
                return true
            }
            switch name {
            case "folder":
                guard take(4), let mode = UInt32(texts[1], radix: 8) else { return nil }
                let user = texts[2].isEmpty ? nil : texts[2]
                let group = texts[3].isEmpty ? nil : texts[3]
                tasks.append(.folder(Folder(texts[0], mode: mode, user: user, group: group)))
            case "link":
                guard take(3) else { return nil }
                tasks.append(.link(texts[0], target: texts[1], logs: texts[2]))
            case "unlink":
                guard take(2) else { return nil }
                tasks.append(.unlink(texts[0], target: texts[1]))
            default: return nil
            }
        }
        return tasks
    }
}

extension PathTask {
    /// Performs the task in a helper process.
    func perform(as account: Account?) throws(PathWalk.Failure) {
        let walk = try PathWalk(as: account)
        defer { walk.restoreRights() }
        switch self {
        case .folder(let folder): try walk.enter(folder.path, making: Self.attributes(of: folder, account))
        case .link(let path, target: let target, logs: let logs):
            try Self.makeLink(path, to: target, replacing: logs + "/", walk)
        case .unlink(let path, target: let target):
            let (parent, name) = Self.split(path)
            try walk.enter(parent)
            guard walk.target(of: name) == target else { return }
            guard unlinkat(walk.folder.number, name, 0) == 0 || errno == ENOENT else {
                throw PathWalk.Failure(errno, "\(path): \(errorText(errno))")
            }
        }
    }

    private static func attributes(of folder: Folder, _ account: Account?) throws(PathWalk.Failure)
        -> PathWalk.Attributes
    {
        var (uid, gid) = (account?.uid ?? geteuid(), account?.gid ?? getegid())
        if folder.user != nil || folder.group != nil {
            let found: Account
            do throws(StartError) {
                // A group alone does not change the user.
                found = try Account.resolve(Account.Query(user: folder.user ?? String(uid), group: folder.group))
            } catch {
                throw PathWalk.Failure(error.failure.errno, "\(folder.path): \(error.failure.detail)")
            }
            (uid, gid) = (found.uid, found.gid)
        }
        return PathWalk.Attributes(uid: uid, gid: gid, mode: folder.mode)
    }

    private static func makeLink(_ path: String, to target: String, replacing prefix: String, _ walk: PathWalk)
        throws(PathWalk.Failure)
    {
        let (parent, name) = split(path)
        try walk.enter(parent)
        let folder = walk.folder.number
        guard symlinkat(target, folder, name) != 0 else { return }
        guard errno == EEXIST else { throw PathWalk.Failure(errno, "\(path): \(errorText(errno))") }
        guard let existing = walk.target(of: name) else {
            throw PathWalk.Failure(EEXIST, "\(path) exists and is not a link; it is left as it is")
        }
        guard existing != target else { return }
        guard existing.hasPrefix(prefix) else {
            throw PathWalk.Failure(EEXIST, "\(path) is a link to \(existing), which is no log; it is left as it is")
        }
        let temporary = ".heroproc-link-\(getpid())"
        unlinkat(folder, temporary, 0)
        guard symlinkat(target, folder, temporary) == 0, renameat(folder, temporary, folder, name) == 0 else {
            let error = errno
            unlinkat(folder, temporary, 0)
            throw PathWalk.Failure(error, "\(path): \(errorText(error))")
        }
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        let parts = path.split(separator: "/")
        return ("/" + parts.dropLast().joined(separator: "/"), String(parts.last ?? ""))
    }
}

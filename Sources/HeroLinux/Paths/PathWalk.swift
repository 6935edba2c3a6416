import CHeroLinux
import Glibc
import HeroModel

/// Enters the directories of a path one by one, in a helper process.
///
/// Links are followed only if root, the user of heroproc or the user of the action has made them. In a directory that the
/// user of the action can write to, and behind a link of that user, the process has the rights of that user only, so that
/// the user cannot lead it to a directory that only root may change.
final class PathWalk {
    /// Why a path cannot be used.
    struct Failure: Error {
        var number: Int32
        /// The cause as a text, with the path.
        var cause: String

        init(_ number: Int32, _ cause: String) {
            self.number = number
            self.cause = cause
        }
    }

    /// The owner and the permissions of a directory that is made.
    struct Attributes {
        var uid: UInt32
        var gid: UInt32
        var mode: UInt32
    }

    private static let maximumLinks = 40

    private let account: Account?
    private let trustedOwners: Set<UInt32>
    private let ownGroups: [gid_t]
    private let own = (uid: geteuid(), gid: getegid())
    private(set) var folder: Descriptor
    private var place = "/"
    private var links = 0
    private(set) var hasUserRights = false
    /// Whether a link of the user of the action was followed.
    private var isBehindUserLink = false

    /// Begins at the root directory; `account` is the user of the action, nil for the user of heroproc.
    init(as account: Account?) throws(Failure) {
        self.account = account
        trustedOwners = FileTrust.current.owners.union(account.map { [$0.uid] } ?? [])
        ownGroups = Self.currentGroups()
        folder = try Self.openRoot()
        try updateRights()
    }

    /// Enters a directory; missing directories are made if `attributes` are given, which are those of the last one.
    func enter(_ path: String, making attributes: Attributes? = nil) throws(Failure) {
        var rest: [Substring] = path.split(separator: "/").reversed()
        while let name = rest.popLast() {
            guard name != "." else { continue }
            let next = place == "/" ? "/\(name)" : "\(place)/\(name)"
            let number = hl_open_entry(folder.number, String(name))
            guard number >= 0 else {
                let error = 0 &- number
                guard error == ENOENT, let attributes else { throw Failure(error, "\(next): \(errorText(error))") }
                let parent = Attributes(uid: geteuid(), gid: getegid(), mode: 0o755)
                try make(String(name), next, rest.isEmpty ? attributes : parent)
                continue
            }
            let found = Descriptor(number)
            var file = stat()
            guard fstat(found.number, &file) == 0 else { throw Failure(errno, "\(next): \(errorText(errno))") }
            switch file.st_mode & S_IFMT {
            case S_IFDIR:
                folder = found
                place = next
                try updateRights()
            case S_IFLNK:
                guard trustedOwners.contains(file.st_uid) else {
                    throw Failure(ELOOP, "\(next) is a link that the user \(file.st_uid) has made")
                }
                links += 1
                guard links <= Self.maximumLinks, let target = Self.target(of: "", in: found) else {
                    throw Failure(ELOOP, "\(next): \(errorText(ELOOP))")
                }
                if let account, account.uid != 0, file.st_uid == account.uid { isBehindUserLink = true }
                if target.hasPrefix("/") {
                    folder = try Self.openRoot()
                    place = "/"
                }
                rest += target.split(separator: "/").reversed()
            default: throw Failure(ENOTDIR, "\(next) is not a directory")
            }
        }
    }

    /// Returns the target of a symbolic link; nil if it is none.
    func target(of name: String) -> String? { Self.target(of: name, in: folder) }

    /// Returns to the rights that the process had at first.
    func restoreRights() {
        guard hasUserRights else { return }
        hasUserRights = false
        guard seteuid(own.uid) == 0, setegid(own.gid) == 0, setgroups(ownGroups.count, ownGroups) == 0 else { exit(1) }
    }

    /// Makes a directory and enters it.
    private func make(_ name: String, _ path: String, _ attributes: Attributes) throws(Failure) {
        guard mkdirat(folder.number, name, 0o700) == 0 || errno == EEXIST else {
            throw Failure(errno, "\(path): \(errorText(errno))")
        }
        let number = openat(folder.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw Failure(errno, "\(path): \(errorText(errno))") }
        let made = Descriptor(number)
        var file = stat()
        guard fstat(number, &file) == 0, file.st_uid == geteuid(), file.st_mode & 0o777 == 0o700 else {
            throw Failure(EEXIST, "\(path): another process has made it meanwhile")
        }
        let isSame = file.st_uid == attributes.uid && file.st_gid == attributes.gid
        guard isSame || fchown(number, attributes.uid, attributes.gid) == 0, fchmod(number, attributes.mode) == 0 else {
            let error = errno
            // A directory with the wrong owner must not count as an existing one at the next start.
            unlinkat(folder.number, name, AT_REMOVEDIR)
            let owner = "the owner \(attributes.uid):\(attributes.gid)"
            throw Failure(error, "\(path): it cannot get \(owner): \(errorText(error))")
        }
        folder = made
        place = path
        try updateRights()
    }

    /// Takes the rights that the process has in the current directory.
    private func updateRights() throws(Failure) {
        guard own.uid == 0, let account, account.uid != 0 else { return }
        let needsUserRights = isBehindUserLink ? true : try isWritable(for: account)
        guard needsUserRights != hasUserRights else { return }
        guard needsUserRights else { return restoreRights() }
        guard setgroups(account.groups.count, account.groups) == 0, setegid(account.gid) == 0,
            seteuid(account.uid) == 0
        else {
            throw Failure(errno, "\(place): the user \(account.uid) cannot be used: \(errorText(errno))")
        }
        hasUserRights = true
    }

    /// Whether an account can write to the current directory.
    private func isWritable(for account: Account) throws(Failure) -> Bool {
        var file = stat()
        guard fstat(folder.number, &file) == 0 else { throw Failure(errno, "\(place): \(errorText(errno))") }
        let mode = file.st_mode
        // With an access control list, the bits of the group are the maximum of what the list permits.
        let isGroupOfUser = file.st_gid == account.gid || account.groups.contains(file.st_gid)
        let groupMayWrite =
            mode & 0o020 != 0 && (isGroupOfUser || hl_has_access_list("/proc/self/fd/\(folder.number)") == 1)
        return file.st_uid == account.uid || mode & 0o002 != 0 || groupMayWrite
    }

    private static func openRoot() throws(Failure) -> Descriptor {
        let number = hl_open_path("/")
        guard number >= 0 else { throw Failure(0 &- number, "/: \(errorText(0 &- number))") }
        return Descriptor(number)
    }

    private static func target(of name: String, in folder: Descriptor) -> String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let size = readlinkat(folder.number, name, &bytes, bytes.count)
        guard size > 0, size < bytes.count else { return nil }
        return String(decoding: bytes[..<size].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func currentGroups() -> [gid_t] {
        var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
        let count = getgroups(Int32(clamping: groups.count), &groups)
        return Array(groups.prefix(max(0, Int(count))))
    }
}

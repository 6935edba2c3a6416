internal import Foundation

/// Room on the disk that is given back when there is none left, so that what must be written can be (reliability.md DB-6).
struct ReserveFile {
    /// How much it holds, in bytes.
    static let size: Int64 = 4 << 20
    /// How much must be free besides before it is made: it is not to take the last room of others.
    static let minimumFreeSpace: UInt64 = 16 << 20

    /// The file.
    let path: String

    /// The one of a database.
    init(beside database: String) { path = database.parentDirectory + "/heroproc.reserve" }

    /// Whether it is there.
    var exists: Bool { access(path, F_OK) == 0 }

    /// Takes the room, if there is plenty.
    ///
    /// - Returns: whether it is there now.
    func create() -> Bool {
        var file = stat()
        if stat(path, &file) == 0, file.st_size == Self.size { return true }
        var disk = statvfs()
        guard statvfs(path.parentDirectory, &disk) == 0,
            UInt64(disk.f_bavail) * UInt64(disk.f_frsize) >= Self.minimumFreeSpace
        else {
            return false
        }
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard posix_fallocate(descriptor, 0, off_t(Self.size)) == 0 else {
            unlink(path)
            return false
        }
        return true
    }

    /// Gives the room back.
    ///
    /// - Returns: whether there was any.
    func release() -> Bool { unlink(path) == 0 }
}

extension String {
    /// The directory that a path lies in.
    var parentDirectory: String { lastIndex(of: "/").map { $0 == startIndex ? "/" : String(self[..<$0]) } ?? "." }
    /// Its last part.
    var fileName: String { lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self }
}

/// Which file a name stands for.
struct FileIdentity: Hashable {
    private let device: UInt64
    private let inode: UInt64

    /// Looks at the name only: opening and closing the file would drop SQLite's locks on it (fcntl(2)).
    init?(_ path: String) {
        var file = stat()
        guard lstat(path, &file) == 0 else { return nil }
        device = UInt64(file.st_dev)
        inode = UInt64(file.st_ino)
    }
}

internal import Foundation

/// A file that reserves disk space.
///
/// It is deleted when the disk is full, so that important changes can be written (guarantee DB-6).
struct ReserveFile {
    /// The size of the file, in bytes.
    static let size: Int64 = 4 << 20
    /// The free space that must remain besides the file before it is created, in bytes.
    static let minimumFreeSpace: UInt64 = 16 << 20

    /// The path of the file.
    let path: String

    /// The reserve file of a database.
    init(forDatabase database: String) { path = database.parentDirectory + "/heroproc.reserve" }

    /// Whether the file exists.
    var exists: Bool { access(path, F_OK) == 0 }

    /// Creates the file, if there is enough free space.
    ///
    /// - Returns: Whether it exists now.
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

    /// Deletes the file.
    ///
    /// - Returns: Whether it existed.
    func release() -> Bool { unlink(path) == 0 }
}

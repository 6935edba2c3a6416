internal import Foundation

extension String {
    /// The directory part of a path.
    var parentDirectory: String { lastIndex(of: "/").map { $0 == startIndex ? "/" : String(self[..<$0]) } ?? "." }
    /// The last component of a path.
    var fileName: String { lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self }
}

/// The identity of the file at a path.
struct FileIdentity: Hashable {
    private let device: UInt64
    private let inode: UInt64

    /// Uses lstat(2), because opening and closing the file would release SQLite's locks on it (fcntl(2)).
    init?(_ path: String) {
        var file = stat()
        guard lstat(path, &file) == 0 else { return nil }
        device = UInt64(file.st_dev)
        inode = UInt64(file.st_ino)
    }
}

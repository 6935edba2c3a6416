import CHeroLinux
import Glibc
public import HeroModel

/// Inspects the write-ahead log of a state database.
///
/// SQLite marks an open read transaction with a POSIX lock on one of five bytes of the shared-memory file, so
/// `/proc/locks` names the process without opening any file of the database.
public enum DatabaseLog {
    /// The bytes of the shared-memory file that readers lock (the WAL-index format of SQLite).
    private static let readerBytes: ClosedRange<Int64> = 123...127
    private static let reportedReaders = 5

    /// Inspects the log of the database at a path; nil if it has none.
    public static func inspect(database path: String) -> DatabaseLogFacts? {
        var log = stat()
        guard lstat(path + "-wal", &log) == 0 else { return nil }
        let bytes = Int64(log.st_size)
        guard bytes >= DatabaseLogFacts.reportedSize else { return DatabaseLogFacts(bytes: bytes, readers: []) }
        var index = stat()
        guard lstat(path + "-shm", &index) == 0, let locks = readText("/proc/locks", limit: 4 << 20) else {
            return DatabaseLogFacts(bytes: bytes, readers: [])
        }
        let own = getpid()
        let pids = readers(in: locks, device: UInt64(index.st_dev), inode: UInt64(index.st_ino)).filter { $0 != own }
        return DatabaseLogFacts(bytes: bytes, readers: pids.prefix(reportedReaders).map(describe))
    }

    /// Returns the processes that hold a read lock of a shared-memory file, from the text of `/proc/locks`.
    static func readers(in locks: String, device: UInt64, inode: UInt64) -> [Int32] {
        var found: Set<Int32> = []
        for line in locks.split(separator: "\n") {
            // `1: POSIX  ADVISORY  READ 412 00:1a:5678 123 123`
            let fields = line.split(separator: " ")
            guard fields.count >= 8, fields[1] == "POSIX", fields[3] == "READ", let pid = Int32(fields[4]), pid > 0,
                let first = Int64(fields[6]), let last = Int64(fields[7]), readerBytes.contains(first),
                readerBytes.contains(last)
            else { continue }
            let file = fields[5].split(separator: ":")
            guard file.count == 3, UInt64(file[2]) == inode, let major = UInt64(file[0], radix: 16),
                let minor = UInt64(file[1], radix: 16),
                (major << 20) | minor == UInt64(hl_kernel_device(UInt(device)))
            else { continue }
            found.insert(pid)
        }
        return found.sorted()
    }

    private static func describe(_ pid: Int32) -> String {
        "pid \(pid) (\(readText("/proc/\(pid)/comm", limit: 64)?.trimmed ?? "?"))"
    }
}

import CHeroLinux
import Glibc

/// A fact about another process whose reading may block for ever.
///
/// The kernel locks the memory of a process to read its command line and its environment. A process can hold that lock
/// for ever, for example with a mapping of a file on a FUSE mount that does not respond. A stat of an open file asks
/// the file system of that file. `ProcessReader` reads these facts in a helper process.
enum ProcessFact: Hashable, Sendable {
    /// The first arguments of its command line, each with a NUL.
    case arguments(Int32)
    /// Whether its initial environment has this entry; see `EntryState`.
    case entry(Int32, String)
    /// The same for an entry that begins with this text.
    case entryPrefix(Int32, String)
    /// Device and inode of its program, and of the file that has the path of that program now.
    case program(Int32)
    /// Device and inode of an open file.
    case file(Int32, descriptor: Int32)

    /// The result of `entry`.
    enum EntryState: UInt8 {
        /// The environment has the entry.
        case present = 1
        /// The environment does not have the entry.
        case absent = 2
        /// The environment is empty, as for a moment during execve(2).
        case empty = 3
    }

    /// The PID of the process.
    var pid: Int32 {
        switch self {
        case .arguments(let pid), .entry(let pid, _), .entryPrefix(let pid, _), .program(let pid), .file(let pid, _):
            pid
        }
    }

    /// The largest part of a command line that is read, in bytes.
    private static let argumentsSize = 8192

    /// The argument of the helper program for this fact.
    var text: String {
        switch self {
        case .arguments(let pid): "a\(pid)"
        case .entry(let pid, let entry): "e\(pid) \(entry)"
        case .entryPrefix(let pid, let prefix): "b\(pid) \(prefix)"
        case .program(let pid): "p\(pid)"
        case .file(let pid, let descriptor): "f\(pid) \(descriptor)"
        }
    }

    /// Parses an argument of the helper program.
    init?(_ text: String) {
        let parts = text.dropFirst().split(separator: " ", maxSplits: 1)
        guard let pid = parts.first.flatMap({ Int32($0) }), pid > 0 else { return nil }
        switch text.first {
        case "a": self = .arguments(pid)
        case "e" where parts.count == 2: self = .entry(pid, String(parts[1]))
        case "b" where parts.count == 2: self = .entryPrefix(pid, String(parts[1]))
        case "p": self = .program(pid)
        case "f":
            guard parts.count == 2, let descriptor = Int32(parts[1]) else { return nil }
            self = .file(pid, descriptor: descriptor)
        default: return nil
        }
    }

    /// Reads the fact; returns nil if it cannot be read.
    ///
    /// The call may block for ever.
    func read() -> [UInt8]? {
        switch self {
        case .arguments(let pid): return readFile("/proc/\(pid)/cmdline", limit: Self.argumentsSize)
        case .entry(let pid, let entry):
            return Self.readEntryState(pid) { $0.elementsEqual(entry.utf8) }
        case .entryPrefix(let pid, let prefix):
            return Self.readEntryState(pid) { $0.starts(with: prefix.utf8) }
        case .program(let pid):
            guard let executed = Self.fileID("/proc/\(pid)/exe") else { return nil }
            let current = ProcessInspector.programPath(of: pid).flatMap(Self.fileID)
            return Array("\(executed) \(current ?? "-")".utf8)
        case .file(let pid, let descriptor):
            return Self.fileID("/proc/\(pid)/fd/\(descriptor)").map { Array($0.utf8) }
        }
    }

    private static func readEntryState(_ pid: Int32, _ isWanted: (ArraySlice<UInt8>) -> Bool) -> [UInt8]? {
        guard let bytes = readFile("/proc/\(pid)/environ", limit: 1 << 20) else { return nil }
        let isPresent = bytes.split(separator: 0).contains(where: isWanted)
        let state: EntryState = bytes.isEmpty ? .empty : isPresent ? .present : .absent
        return [state.rawValue]
    }

    /// Returns `DEVICE:INODE` of a file.
    static func fileID(_ path: String) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        return "\(UInt64(file.st_dev)):\(UInt64(file.st_ino))"
    }
}

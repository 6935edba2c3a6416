public import Foundation
import Glibc

/// All of a file, also of one whose size is not known before it is read: of those in `/proc`, Foundation takes one page.
public func fileContents(_ path: String) -> Data {
    // Nor does it wait for the writer of a pipe that a test has put there.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return Data() }
    defer { close(file) }
    var (data, buffer) = (Data(), [UInt8](repeating: 0, count: 65_536))
    while case let count = read(file, &buffer, buffer.count), count > 0 { data.append(contentsOf: buffer[..<count]) }
    return data
}

/// All pids there are, as a mounted `/proc` shows them.
public func processIDs(in proc: String = "/proc") -> [pid_t] {
    ((try? FileManager.default.contentsOfDirectory(atPath: proc)) ?? []).compactMap { pid_t($0) }
}

// MARK: /proc/PID/stat

/// The fields of a process's `stat` line from the state on (proc_pid_stat(5)); empty when it is gone.
public func statFields(of pid: pid_t, in proc: String = "/proc") -> [Substring] {
    guard let text = try? String(contentsOfFile: "\(proc)/\(pid)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
    else { return [] }
    return text[text.index(after: end)...].split(separator: " ")
}

/// Whether a process lives; a zombie does not.
public func isAlive(_ pid: pid_t) -> Bool { isAlive(pid, in: "/proc") }

/// The same in another pid namespace, by what is mounted there.
public func isAlive(_ pid: pid_t, in proc: String) -> Bool {
    statFields(of: pid, in: proc).first.map { $0 != "Z" && $0 != "X" } ?? false
}

/// Whether a process has ended and nobody has reaped it.
public func isZombie(_ pid: pid_t) -> Bool { statFields(of: pid).first == "Z" }

/// Whether a process stands still after SIGSTOP.
public func isStopped(_ pid: pid_t) -> Bool { statFields(of: pid).first == "T" }

/// The parent of a process; 0 when it is gone.
public func parent(of pid: pid_t) -> pid_t { statFields(of: pid).dropFirst().first.flatMap { pid_t($0) } ?? 0 }

/// The children of a process.
public func children(of pid: pid_t) -> [pid_t] {
    let text = String(decoding: fileContents("/proc/\(pid)/task/\(pid)/children"), as: UTF8.self)
    return text.split(separator: " ").compactMap { pid_t($0) }
}

// MARK: Shims

/// Whether a process is a shim that holds a job, and no keeper.
public func isShim(_ pid: pid_t) -> Bool {
    guard (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "hpshim\n" else { return false }
    let words = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
    return !words.hasPrefix("hpshim\0keep\0")
}

/// The shim of a program: its parent; nil when the program has lost it.
public func parentShim(_ pid: pid_t) -> pid_t? {
    let parent = parent(of: pid)
    return isShim(parent) ? parent : nil
}

// MARK: What a process has

/// A number of `/proc/PID/status`, in the unit of that line: `VmRSS` in KiB, `Threads`; nil when it is not there.
public func statusValue(_ name: String, of pid: pid_t) -> Int? {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
}

/// How many descriptors a process has open.
public func descriptorCount(of pid: pid_t) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
}

/// What the descriptors of a process lead to: paths, and names such as `anon_inode:inotify`.
public func openFiles(of pid: pid_t) -> [String] {
    let folder = "/proc/\(pid)/fd"
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
    }
}

public import Foundation
import Glibc

/// Reads a complete file, also one of unknown size.
///
/// Foundation reads only one page of a file in `/proc`.
public func fileContents(_ path: String) -> Data {
    // O_NONBLOCK: a test may have put a pipe without a writer in the place of a file.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return Data() }
    defer { close(file) }
    var (data, buffer) = (Data(), [UInt8](repeating: 0, count: 65_536))
    while case let count = read(file, &buffer, buffer.count), count > 0 { data.append(contentsOf: buffer[..<count]) }
    return data
}

/// All PIDs in a mounted `/proc`.
public func processIDs(in proc: String = "/proc") -> [pid_t] {
    ((try? FileManager.default.contentsOfDirectory(atPath: proc)) ?? []).compactMap { pid_t($0) }
}

// MARK: /proc/PID/stat

/// The fields of the `stat` line of a process, starting with the state (proc_pid_stat(5)); empty when it is gone.
public func statFields(of pid: pid_t, in proc: String = "/proc") -> [Substring] {
    guard let text = try? String(contentsOfFile: "\(proc)/\(pid)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
    else { return [] }
    return text[text.index(after: end)...].split(separator: " ")
}

/// Whether a process is running; a zombie is not.
public func isAlive(_ pid: pid_t) -> Bool { isAlive(pid, in: "/proc") }

/// Whether a process in another PID namespace is running, according to its mounted `/proc`.
public func isAlive(_ pid: pid_t, in proc: String) -> Bool {
    statFields(of: pid, in: proc).first.map { $0 != "Z" && $0 != "X" } ?? false
}

/// Whether a process has ended and is not reaped.
public func isZombie(_ pid: pid_t) -> Bool { statFields(of: pid).first == "Z" }

/// Whether a process is stopped by SIGSTOP.
public func isStopped(_ pid: pid_t) -> Bool { statFields(of: pid).first == "T" }

/// The parent of a process; 0 when it is gone.
public func parent(of pid: pid_t) -> pid_t { statFields(of: pid).dropFirst().first.flatMap { pid_t($0) } ?? 0 }

/// The children of a process.
public func children(of pid: pid_t) -> [pid_t] {
    let text = String(decoding: fileContents("/proc/\(pid)/task/\(pid)/children"), as: UTF8.self)
    return text.split(separator: " ").compactMap { pid_t($0) }
}

// MARK: Shims

/// Whether a process is the shim of a job, and not a monitor or a fork server.
public func isShim(_ pid: pid_t) -> Bool {
    guard (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "hpshim\n" else { return false }
    let arguments = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
    return !arguments.hasPrefix("hpshim\0keep\0") && !isForkServer(pid)
}

/// Whether a process forks shims, or has just been forked by that process.
public func isForkServer(_ pid: pid_t) -> Bool {
    let arguments = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
    return arguments.hasPrefix("hpshim\0fork-server\0")
}

/// The shim of a program, which is its parent; nil when the shim is gone.
public func parentShim(_ pid: pid_t) -> pid_t? {
    let parent = parent(of: pid)
    return isShim(parent) ? parent : nil
}

// MARK: Resources

/// A number in `/proc/PID/status` in the unit of its line, such as `VmRSS` in KiB; nil when it does not exist.
public func statusValue(_ name: String, of pid: pid_t) -> Int? {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
}

/// The number of open descriptors of a process.
public func descriptorCount(of pid: pid_t) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
}

/// The targets of the descriptors of a process: paths, and names such as `anon_inode:inotify`.
public func openFiles(of pid: pid_t) -> [String] {
    let folder = "/proc/\(pid)/fd"
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
    }
}

/// An I/O counter of a process from `/proc/PID/io` (proc(5)); 0 if it cannot be read.
public func ioCounter(_ name: String, of pid: pid_t) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/io", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("\(name): ") }
    return line.flatMap { Int($0.dropFirst(name.count + 2)) } ?? 0
}

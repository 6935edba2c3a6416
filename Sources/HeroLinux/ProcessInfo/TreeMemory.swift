import Glibc

/// The helper program that adds up the memory of processes: the proportional set size (proc_pid_smaps(5)), so that
/// shared memory counts once.
///
/// The kernel locks the memory of a process to read it, which may block for ever, so this runs in a child process.
public enum TreeMemory {
    /// The first argument that makes heroproc act as this helper program.
    public static let subcommand = "read-memory"

    /// Writes the sum for the PIDs that the arguments name to standard output, or nothing if one of them cannot be read.
    ///
    /// - Returns: The exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        var total: Int64 = 0
        for argument in arguments {
            guard let pid = Int32(argument), pid > 0 else { return 64 }
            guard let bytes = proportionalBytes(of: pid) else {
                // An ended process uses nothing.
                guard ProcStat(of: pid)?.isDead ?? true else { return 1 }
                continue
            }
            total = total.addingReportingOverflow(bytes).overflow ? .max : total &+ bytes
        }
        let text = Array("\(total)\n".utf8)
        return text.withUnsafeBytes { write(1, $0.baseAddress, $0.count) } == text.count ? 0 : 1
    }

    /// Returns the memory of one process; nil if it cannot be read.
    static func proportionalBytes(of pid: Int32) -> Int64? {
        guard let text = readText("/proc/\(pid)/smaps_rollup") else { return nil }
        return parse(text)
    }

    /// Returns the bytes of the line `Pss:`; nil if there is none.
    static func parse(_ rollup: String) -> Int64? {
        for line in rollup.split(separator: "\n") where line.hasPrefix("Pss:") {
            let parts = line.split(separator: " ")
            guard parts.count >= 2, let number = Int64(parts[1]), number < 1 << 50 else { return nil }
            return number << 10
        }
        return nil
    }

    /// Decodes the reply; nil if the memory is unknown.
    static func decode(_ bytes: [UInt8]) -> Int64? {
        Int64(String(decoding: bytes, as: UTF8.self).trimmed)
    }
}

import CHeroLinux
import Foundation

/// Signals, through pidfds: what is signalled is what was looked at.
enum SignalSender {
    /// Sends a signal.
    ///
    /// - Returns: whether there was such a process, a zombie included.
    @discardableResult
    static func send(_ signal: Int32, to pid: pid_t) -> Bool {
        let pidfd = hl_pidfd_open(pid)
        guard pidfd >= 0 else { return false }
        defer { close(pidfd) }
        return hl_pidfd_send_signal(pidfd, signal) == 0
    }
}

/// A process that is there, with what the kernel says about it.
struct MeasuredProcess {
    /// Its process id, true for the moment.
    let pid: pid_t
    /// The file name of the program it runs.
    let program: String

    /// Whether it is the program that is supervised, not a supervisor.
    var isWorkload: Bool { program == "hpbenchload" }

    /// All processes that run a program from a directory or have their working directory there, except ourselves.
    static func all(in directory: String) -> [MeasuredProcess] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), pid != getpid(), let program = target("/proc/\(name)/exe") else { return nil }
            let isOurs =
                program.hasPrefix(directory + "/")
                || (target("/proc/\(name)/cwd").map { ($0 + "/").hasPrefix(directory + "/") } ?? false)
            return isOurs ? MeasuredProcess(pid: pid, program: String(program.split(separator: "/").last ?? "")) : nil
        }
    }

    /// Its proportional share of memory, in KiB.
    var proportionalMemory: Int { number("smaps_rollup", "Pss:") }

    /// Its resident memory, in KiB.
    var residentMemory: Int { number("status", "VmRSS:") }

    /// How often its threads left a processor since they began.
    var contextSwitches: Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return tasks.reduce(0) { sum, task in
            sum + number("task/\(task)/status", "voluntary_ctxt_switches:")
                + number("task/\(task)/status", "nonvoluntary_ctxt_switches:")
        }
    }

    /// The number behind a word at the beginning of a line.
    private func number(_ file: String, _ key: String) -> Int {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(file)") else { return 0 }
        for line in data.split(separator: UInt8(ascii: "\n")) where line.starts(with: key.utf8) {
            return Int(String(decoding: line, as: UTF8.self).split { !$0.isNumber }.first ?? "0") ?? 0
        }
        return 0
    }

    private static func target(_ link: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: link)
    }
}

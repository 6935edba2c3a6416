import Foundation

/// A running process with values from `/proc`.
struct MeasuredProcess {
    /// The process ID.
    let pid: pid_t
    /// The file name of its program.
    let program: String

    /// Whether it is the supervised program, not a supervisor.
    var isWorkload: Bool { program == "hpbenchload" }

    /// All other processes that run a program from a directory or have their working directory there.
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

    /// The proportional set size, in KiB.
    var proportionalMemory: Int { number("smaps_rollup", "Pss:") }

    /// The resident set size, in KiB.
    var residentMemory: Int { number("status", "VmRSS:") }

    /// The number of context switches of all threads since their start.
    var contextSwitches: Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return tasks.reduce(0) { sum, task in
            sum + number("task/\(task)/status", "voluntary_ctxt_switches:")
                + number("task/\(task)/status", "nonvoluntary_ctxt_switches:")
        }
    }

    /// The number after a key at the beginning of a line.
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

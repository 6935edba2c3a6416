import Foundation

/// The description of the machine.
enum MachineInfo {
    static var date: String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyy-MM-dd"
        return format.string(from: Date())
    }

    static var description: String {
        let memory = ProcessInfo.processInfo.physicalMemory / (1 << 30)
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let virtual = line("/proc/cpuinfo", "flags").contains(" hypervisor") ? ", virtual machine" : ""
        return "\(line("/proc/cpuinfo", "model name")), \(cores) cores, \(memory) GiB\(virtual); "
            + "\(line("/etc/os-release", "PRETTY_NAME")), Linux \(kernel)"
    }

    private static var kernel: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The value after a key and `:` or `=`.
    private static func line(_ path: String, _ key: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(key) } ?? ""
        let value = line.split(maxSplits: 1) { $0 == ":" || $0 == "=" }.dropFirst().first ?? ""
        return value.trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
    }
}

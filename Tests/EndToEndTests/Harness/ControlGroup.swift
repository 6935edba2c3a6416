import Foundation
import Glibc

/// A group of a cgroup v1 controller with the name of a test host.
///
/// Its processes move to the parent group at the end.
final class ControlGroup {
    let directory: String
    private let parent: String

    /// Whether the machine has this controller and the test may write to it.
    static func isControllerAvailable(_ controller: String) -> Bool {
        geteuid() == 0 && access("/sys/fs/cgroup/\(controller)/cgroup.procs", W_OK) == 0
    }

    init(_ controller: String, _ host: TestHost) throws {
        parent = "/sys/fs/cgroup/\(controller)"
        directory = "\(parent)/\(URL(fileURLWithPath: host.root).lastPathComponent)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    /// Writes to a file of the group in one call, as the kernel requires.
    func write(_ text: String, _ file: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(directory)/\(file)"))
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func read(_ file: String) -> String {
        (try? String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)) ?? ""
    }

    /// The command that runs a program in the group.
    var entryCommand: [String] { ["sh", "-c", "echo $$ > \(directory)/cgroup.procs && exec \"$@\"", "sh"] }

    deinit {
        for pid in read("cgroup.procs").split(separator: "\n") {
            try? Data(pid.utf8).write(to: URL(fileURLWithPath: "\(parent)/cgroup.procs"))
        }
        for _ in 0..<200 where rmdir(directory) != 0 && errno == EBUSY { usleep(10_000) }
    }
}

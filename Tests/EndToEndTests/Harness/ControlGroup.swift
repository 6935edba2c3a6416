import Foundation
import Glibc

/// A group of a cgroup v1 controller, named after a world; whoever is left in it leaves with its parent.
final class ControlGroup {
    let directory: String
    private let parent: String

    /// Whether this machine has such a controller that we may write to.
    static func isControllerAvailable(_ controller: String) -> Bool {
        geteuid() == 0 && access("/sys/fs/cgroup/\(controller)/cgroup.procs", W_OK) == 0
    }

    init(_ controller: String, _ world: TestHost) throws {
        parent = "/sys/fs/cgroup/\(controller)"
        directory = "\(parent)/\(URL(fileURLWithPath: world.root).lastPathComponent)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    /// Writes to one of its files, as the kernel wants it: in one piece.
    func write(_ text: String, _ file: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(directory)/\(file)"))
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func read(_ file: String) -> String {
        (try? String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)) ?? ""
    }

    /// What leads a program into it.
    var entryCommand: [String] { ["sh", "-c", "echo $$ > \(directory)/cgroup.procs && exec \"$@\"", "sh"] }

    deinit {
        for pid in read("cgroup.procs").split(separator: "\n") {
            try? Data(pid.utf8).write(to: URL(fileURLWithPath: "\(parent)/cgroup.procs"))
        }
        for _ in 0..<200 where rmdir(directory) != 0 && errno == EBUSY { usleep(10_000) }
    }
}

import Foundation
import Glibc

/// A group of a cgroup v1 controller, named after a world; whoever is left in it leaves with its parent.
final class ControlGroup {
    let folder: String
    private let parent: String

    /// Whether this machine has such a controller that we may write to.
    static func has(_ controller: String) -> Bool {
        geteuid() == 0 && access("/sys/fs/cgroup/\(controller)/cgroup.procs", W_OK) == 0
    }

    init(_ controller: String, _ world: World) throws {
        parent = "/sys/fs/cgroup/\(controller)"
        folder = "\(parent)/\(URL(fileURLWithPath: world.root).lastPathComponent)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    }

    /// Writes to one of its files, as the kernel wants it: in one piece.
    func put(_ text: String, _ file: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(file)"))
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func text(_ file: String) -> String {
        (try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)) ?? ""
    }

    /// What leads a program into it.
    var entrance: [String] { ["sh", "-c", "echo $$ > \(folder)/cgroup.procs && exec \"$@\"", "sh"] }

    deinit {
        for pid in text("cgroup.procs").split(separator: "\n") {
            try? Data(pid.utf8).write(to: URL(fileURLWithPath: "\(parent)/cgroup.procs"))
        }
        for _ in 0..<200 where rmdir(folder) != 0 && errno == EBUSY { usleep(10_000) }
    }
}

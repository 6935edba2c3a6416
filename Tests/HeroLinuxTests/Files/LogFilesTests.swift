import Foundation
import Testing

@testable import HeroLinux

@Suite("LogFiles")
struct LogFilesTests {
    @Test("Pruning keeps all log files of the newest jobs and removes only logs")
    func prune() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hplt-logs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let names = ["3.log", "3.log.1", "9.log", "9.log.2", "10.log", "10.log.1", "notes.txt", "11.logs"]
        for name in names { try Data().write(to: folder.appending(path: name)) }
        for job in [3, 10] as [Int64] {
            LogLink.store(LogLink(path: "/var/log/\(job)", rights: [1, 2, 3]), of: job, in: folder.path)
        }
        let links = LogFiles.prune(folder.path, keepingJobs: 2)
        #expect(links.map { $0.link } == [LogLink(path: "/var/log/3", rights: [1, 2, 3])])
        #expect(links.map { $0.log } == ["\(folder.path)/3.log"])
        #expect(LogLink.read(10, in: folder.path)?.path == "/var/log/10")
        LogLink.store(nil, of: 10, in: folder.path)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == ["9.log", "9.log.2", "10.log", "10.log.1", "notes.txt", "11.logs"])
    }

    /// An opened log file: its ID stays the same whatever its name is.
    private struct Opened: Identifiable {
        let id: String

        init?(_ path: String) {
            guard let text = readText(path) else { return nil }
            id = text
        }
    }

    @Test("The log files of a job are opened newest first, without files of other jobs")
    func request() throws {
        let sandbox = try Sandbox()
        for name in ["17.log", "17.log.2", "17.log.10", "17.log.1", "7.log", "17.log.x", "17.log.1.gz", "117.log"] {
            try sandbox.write("l/" + name, name)
        }
        try sandbox.write("l/17.log.20261121", "file of another program")
        let files = LogFiles.openAll(sandbox.folder + "/l/17.log", Opened.init).map(\.id)
        #expect(files == ["17.log", "17.log.1", "17.log.2", "17.log.10", "file of another program"])
        #expect(LogFiles.openAll(sandbox.folder + "/none/17.log", Opened.init).isEmpty)
    }

    @Test("All log files are opened in order while the log is rotated (LG-10)")
    func rotation() throws {
        for firstRotation in 0...7 {
            for pace in 1...9 {
                let sandbox = try Sandbox()
                let active = sandbox.folder + "/l/17.log"
                // The oldest file contains 1.
                for (number, name) in ["17.log", "17.log.1", "17.log.2"].enumerated() {
                    try sandbox.write("l/" + name, "\(3 - number)")
                }
                // The single steps of three rotations, as the shim performs them.
                var steps: [() -> Void] = []
                for count in 3...5 {
                    for number in stride(from: count, through: 1, by: -1) {
                        let former = number == 1 ? active : "\(active).\(number - 1)"
                        steps.append { rename(former, "\(active).\(number)") }
                    }
                    steps.append { try? sandbox.write("l/17.log", "\(count + 1)") }
                }
                var count = 0
                let found = LogFiles.openAll(active) { path in
                    if count >= firstRotation {
                        for step in steps.prefix(pace) { step() }
                        steps.removeFirst(min(pace, steps.count))
                    }
                    count += 1
                    return Opened(path)
                }.compactMap { Int($0.id) }
                // The newest file depends on the moment; after it every older file must follow.
                #expect(found == Array(stride(from: found.first ?? 0, through: 1, by: -1)), "\(firstRotation), \(pace)")
                #expect(found.first ?? 0 >= 2, "\(firstRotation), \(pace)")
            }
        }
    }
}

import Foundation
import Testing

@testable import HeroLinux

@Suite("The logs of an action")
struct LogFilesTests {
    @Test("keep the newest jobs with all their parts, and nothing that is not a log is touched")
    func prune() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hplt-logs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let names = ["3.log", "3.log.1", "9.log", "9.log.2", "10.log", "10.log.1", "notes.txt", "11.logs"]
        for name in names { try Data().write(to: folder.appending(path: name)) }
        LogFiles.prune(folder.path, keepingJobs: 2)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == ["9.log", "9.log.2", "10.log", "10.log.1", "notes.txt", "11.logs"])
    }

    /// An opened file of a log: it stays the one it was, whatever it is called later.
    private struct Opened: Identifiable {
        let id: String

        init?(_ path: String) {
            guard let text = readText(path) else { return nil }
            id = text
        }
    }

    @Test("are opened newest first, and nothing else is")
    func order() throws {
        let sandbox = try Sandbox()
        for name in ["17.log", "17.log.2", "17.log.10", "17.log.1", "7.log", "17.log.x", "17.log.1.gz", "117.log"] {
            try sandbox.write("l/" + name, name)
        }
        try sandbox.write("l/17.log.20261121", "put there by others")
        let files = LogFiles.openAll(sandbox.folder + "/l/17.log", Opened.init).map(\.id)
        #expect(files == ["17.log", "17.log.1", "17.log.2", "17.log.10", "put there by others"])
        #expect(LogFiles.openAll(sandbox.folder + "/none/17.log", Opened.init).isEmpty)
    }

    @Test("LG-10: none is missed and they stay in order, at whatever moment they are moved up, and however often")
    func rotation() throws {
        for begin in 0...7 {
            for pace in 1...9 {
                let sandbox = try Sandbox()
                let active = sandbox.folder + "/l/17.log"
                // The oldest says 1.
                for (number, name) in ["17.log", "17.log.1", "17.log.2"].enumerated() {
                    try sandbox.write("l/" + name, "\(3 - number)")
                }
                // Three rotations, step by step, as the shim makes them.
                var steps: [() -> Void] = []
                for count in 3...5 {
                    for number in stride(from: count, through: 1, by: -1) {
                        let former = number == 1 ? active : "\(active).\(number - 1)"
                        steps.append { rename(former, "\(active).\(number)") }
                    }
                    steps.append { try? sandbox.write("l/17.log", "\(count + 1)") }
                }
                var looks = 0
                let found = LogFiles.openAll(active) { path in
                    if looks >= begin {
                        for step in steps.prefix(pace) { step() }
                        steps.removeFirst(min(pace, steps.count))
                    }
                    looks += 1
                    return Opened(path)
                }.compactMap { Int($0.id) }
                // Which one is the newest is a matter of the moment; from there on it is each of them.
                #expect(found == Array(stride(from: found.first ?? 0, through: 1, by: -1)), "\(begin), \(pace)")
                #expect(found.first ?? 0 >= 2, "\(begin), \(pace)")
            }
        }
    }
}

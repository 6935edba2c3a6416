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
}

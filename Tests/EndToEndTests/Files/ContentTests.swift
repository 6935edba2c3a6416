import Foundation
import Glibc
import Testing

/// `files` with real processes.
@Suite("Files whose content belongs to the spec", .serialized)
struct ContentTests {
    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// The reason of the only change that `diff` shows; nil without a change.
    private func reason(_ host: TestHost) async throws -> String? {
        let diff = try await host.run("diff", "-o", "json")
        let changes = (diff.json["changes"] as? [[String: Any]] ?? []).filter { $0["action"] as? String != "keep" }
        #expect(changes.count == Int(diff.exitCode), "\(diff.output)\(diff.errorOutput)")
        return (changes.first?["reason"] as? [String: Any])?["text"] as? String
    }

    @Test("Only changed content is a restart, and its reason names the file")
    func restart() async throws {
        try await TestHost.with { host in
            let file = host.root + "/web.conf"
            try write("one", to: file)
            try host.declare("web", "files: [\(file)]")
            try host.declare("other")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 1)
            try write("one", to: file)
            #expect(try await reason(host) == nil)
            try write("two", to: file)
            #expect(try await reason(host)?.hasPrefix("\(file) has changed") == true)
            let text = try await host.run("diff")
            #expect(text.output.contains("\(file) has changed"), "\(text.output)")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
            #expect(host.instances("other").count == 1)
            #expect(try await reason(host) == nil)
        }
    }

    @Test("Files of a directory and targets of links count; a missing file is a warning")
    func directory() async throws {
        try await TestHost.with { host in
            let directory = host.root + "/certificates"
            mkdir(directory, 0o700)
            mkdir(directory + "/archive", 0o700)
            try write("a", to: directory + "/archive/1.pem")
            try #require(symlink("archive/1.pem", directory + "/live.pem") == 0)
            try host.declare("web", "files: [\(directory), \(host.root)/missing.conf]")
            try await host.apply()
            try write("a", to: directory + "/archive/2.pem")
            #expect(try await reason(host) == nil)
            let diff = try await host.run("diff")
            #expect((diff.output + diff.errorOutput).contains("missing.conf of core/web is not compared"))
            try write("b", to: directory + "/archive/1.pem")
            #expect(try await reason(host)?.hasPrefix("\(directory) has changed") == true)
            try write("a", to: directory + "/archive/1.pem")
            #expect(try await reason(host) == nil)
            try write("c", to: directory + "/new.pem")
            #expect(try await reason(host) != nil)
        }
    }

    @Test("Files over 16 MiB are compared by size and time, as the plan shows")
    func largeFile() async throws {
        try await TestHost.with { host in
            let file = host.root + "/model.bin"
            try write("", to: file)
            try #require(truncate(file, (16 << 20) + 1) == 0)
            try host.declare("web", "files: [\(file)]")
            try await host.apply()
            let diff = try await host.run("diff")
            #expect(diff.exitCode == 0)
            #expect((diff.output + diff.errorOutput).contains("only its size and time stamp are compared"))
            let times = [timespec(), timespec()]
            try #require(utimensat(AT_FDCWD, file, times, 0) == 0)
            #expect(try await reason(host) != nil)
        }
    }

    @Test("A changed file is found after the database was lost, and nothing else restarts")
    func lostDatabase() async throws {
        try await TestHost.with { host in
            let file = host.root + "/web.conf"
            try write("one", to: file)
            try host.declare("web", "files: [\(file)]")
            try host.declare("other", "files: [\(file)]", "status: start")
            try await host.apply()
            try await host.killReconciler()
            for suffix in ["", "-wal", "-shm"] { unlink(host.databasePath + suffix) }
            try await host.apply()
            #expect(host.instances("web").count == 1 && host.instances("other").count == 1)
            try write("two", to: file)
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
        }
    }
}

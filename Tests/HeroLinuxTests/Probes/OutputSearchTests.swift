import Glibc
import HeroKernel
import HeroModel
import HeroPattern
import Testing

@testable import HeroLinux

@Suite("The search for a line of output") struct OutputSearchTests {
    private func search(_ sandbox: Sandbox, _ pattern: String, since: String? = nil) throws -> OutputSearch {
        var order = ProbeRequest(
            start: StartID(job: 1, generation: 2),
            serial: 1,
            question: .probe(.log(pattern)),
            timeout: .seconds(1),
            environment: [],
            workingDirectory: "/"
        )
        order.startedAt = since.flatMap { WallTime($0) }
        return OutputSearch(order, sandbox.folder + "/1.log", pattern, try LinePattern(pattern))
    }

    private func line(_ text: String, _ second: Int = 10, stream: String = "stdout", part: String = "F") -> String {
        "2026-03-01T12:00:\(second).123456789Z \(stream) \(part) \(text)\n"
    }

    @Test("goes on where it stopped, and has found what it has found")
    func goesOn() throws {
        let sandbox = try Sandbox()
        var search = try search(sandbox, "^ready$")
        #expect(search.continueSearch() == .failed("no line of its output matches `^ready$`"), "there is no log yet")
        try sandbox.write("1.log", line("starting") + "2026-03-01T12:00:10.1Z stdout F rea")
        #expect(search.continueSearch() != .succeeded)
        let log = try #require(fopen(sandbox.folder + "/1.log", "a"))
        fputs("dy\n", log)
        fclose(log)
        #expect(search.continueSearch() == .succeeded)
        unlink(sandbox.folder + "/1.log")
        #expect(search.continueSearch() == .succeeded)
    }

    @Test("joins the parts of a long line, of each stream by itself")
    func parts() throws {
        let sandbox = try Sandbox()
        try sandbox.write(
            "1.log",
            line("is re", part: "P") + line("ready", stream: "stderr", part: "P") + line("ady")
                + line(" or not", stream: "stderr")
        )
        var whole = try search(sandbox, "^is ready$")
        #expect(whole.continueSearch() == .succeeded)
        var other = try search(sandbox, "^ready or not$")
        #expect(other.continueSearch() == .succeeded)
        var mixed = try search(sandbox, "^ready$")
        #expect(mixed.continueSearch() != .succeeded)
    }

    @Test("looks through all files of this start, and at none of an earlier one")
    func rotation() throws {
        let sandbox = try Sandbox()
        try sandbox.write("1.log.3", line("ready", 10))
        try sandbox.write("1.log.2", line("set up", 20))
        try sandbox.write("1.log.1", line("warm", 21))
        try sandbox.write("1.log", line("up", 22))
        for (text, expected) in [("ready", false), ("set up", true), ("warm", true), ("^up", true)] {
            var search = try search(sandbox, text, since: "2026-03-01T12:00:20Z")
            #expect((search.continueSearch() == .succeeded) == expected, "\(text)")
        }
    }

    @Test("loses nothing when the log is rotated between two questions")
    func rotatedMeanwhile() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/1.log"
        try sandbox.write("1.log", line("one"))
        var search = try search(sandbox, "three")
        #expect(search.continueSearch() != .succeeded)
        rename(path, path + ".2")
        try sandbox.write("1.log.1", line("three"))
        try sandbox.write("1.log", line("four"))
        #expect(search.continueSearch() == .succeeded)
    }

    @Test("LG-10: passes no file because the one before it is just being moved up")
    func movedUpMeanwhile() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/1.log"
        try sandbox.write("1.log", line("one"))
        var search = try search(sandbox, "three")
        #expect(search.continueSearch() != .succeeded)
        rename(path, path + ".3")
        try sandbox.write("1.log.2", line("three"))
        try sandbox.write("1.log", line("four"))
        #expect(search.continueSearch() == .succeeded)
    }

    @Test("reads no more than its share at once, and all of it in the end")
    func share() throws {
        let sandbox = try Sandbox()
        let noise = (0..<20_000).map { line("noise \($0)") }.joined()
        try sandbox.write("1.log", noise + line("ready"))
        var search = try search(sandbox, "ready")
        var questions = 1
        while search.continueSearch() != .succeeded, questions < 100 { questions += 1 }
        #expect((2..<20).contains(questions))
    }

    @Test("a line without an end takes no memory without end")
    func endless() throws {
        let sandbox = try Sandbox()
        try sandbox.write("1.log", "2026-03-01T12:00:10.1Z stdout F " + String(repeating: "a", count: 3_000_000))
        var search = try search(sandbox, "b")
        for _ in 0..<20 { #expect(search.continueSearch() != .succeeded) }
        let log = try #require(fopen(sandbox.folder + "/1.log", "a"))
        fputs("\n" + line("b"), log)
        fclose(log)
        #expect(search.continueSearch() == .succeeded)
    }
}

@Suite("PID files of our own") struct PIDFileWriterTests {
    private let process = ProcessIdentity(bootID: "b", pidNamespace: 1, pid: 4711, startTicks: 1, pidfsInode: 0)

    @Test("PF-4: is written whole, believed by our own rules, and removed only while it names that process")
    func life() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/a.pid"
        try PIDFileWriter.write(path, process)
        guard case .found(let file) = PIDFile.read(path, owners: [geteuid()]) else {
            Issue.record("not believed")
            return
        }
        #expect(file.pid == 4711)
        try sandbox.write("a.pid", "4712\n")
        PIDFileWriter.remove(path, process)
        #expect(readText(path) == "4712\n")
        try PIDFileWriter.write(path, process)
        PIDFileWriter.remove(path, process)
        #expect(access(path, F_OK) != 0 && access(path + ".new", F_OK) != 0)
    }

    @Test("says what stands in the way")
    func refused() throws {
        let sandbox = try Sandbox()
        #expect(throws: LinuxError.self) { try PIDFileWriter.write(sandbox.folder + "/none/a.pid", process) }
    }
}

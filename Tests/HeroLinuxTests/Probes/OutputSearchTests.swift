import Glibc
import HeroKernel
import HeroModel
import HeroPattern
import Testing

@testable import HeroLinux

@Suite("OutputSearch") struct OutputSearchTests {
    private func search(_ sandbox: Sandbox, _ pattern: String, since: String? = nil) throws -> OutputSearch {
        var request = ProbeRequest(
            start: StartID(job: 1, generation: 2),
            serial: 1,
            question: .probe(.log(pattern)),
            timeout: .seconds(1),
            environment: [],
            workingDirectory: "/"
        )
        request.startedAt = since.flatMap { WallTime($0) }
        return OutputSearch(request, sandbox.folder + "/1.log", pattern, try LinePattern(pattern))
    }

    private func line(_ text: String, _ second: Int = 10, stream: String = "stdout", part: String = "F") -> String {
        "2026-03-01T12:00:\(second).123456789Z \(stream) \(part) \(text)\n"
    }

    @Test("A search continues where it stopped, and a found line stays found")
    func continues() throws {
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

    @Test("The parts of a long line are joined for each output stream")
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

    @Test("All log files of a start are searched, and none of an earlier start")
    func files() throws {
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

    @Test("A search continues after a rotation of the log")
    func rotation() throws {
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

    @Test("A search skips no file during a rotation (LG-10)")
    func duringRotation() throws {
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

    @Test("A search reads a limited number of bytes at once and completes later")
    func limitedReads() throws {
        let sandbox = try Sandbox()
        let noise = (0..<20_000).map { line("noise \($0)") }.joined()
        try sandbox.write("1.log", noise + line("ready"))
        var search = try search(sandbox, "ready")
        var calls = 1
        while search.continueSearch() != .succeeded, calls < 100 { calls += 1 }
        #expect((2..<20).contains(calls))
    }

    @Test("A line without an end uses a limited amount of memory")
    func endlessLine() throws {
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

@Suite("PIDFileWriter") struct PIDFileWriterTests {
    private let process = ProcessIdentity(bootID: "b", pidNamespace: 1, pid: 4711, startTicks: 1, pidfsInode: 0)

    @Test("A written PID file is accepted, and removed only while it names its process (PF-4)")
    func writeAndRemove() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/a.pid"
        try PIDFileWriter.write(path, process)
        guard case .found(let file) = PIDFile.read(path, owners: [geteuid()]) else {
            Issue.record("the PID file is not accepted")
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

    @Test("A PID file in a missing folder cannot be written")
    func missingFolder() throws {
        let sandbox = try Sandbox()
        #expect(throws: LinuxError.self) { try PIDFileWriter.write(sandbox.folder + "/none/a.pid", process) }
    }
}

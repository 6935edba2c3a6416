import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// What a program writes whose shim was lost (reliability.md 2.5, SH-4).
@Suite("Draining")
struct DrainTests {
    private static let marker = LogLine(
        stream: "stderr",
        tag: "F",
        text: Array("[heroproc: the shim was lost; the reconciler saved what follows]".utf8)
    )

    /// Two pipes and a leash, and who empties them.
    private final class DrainedPipes {
        let job: TestJob
        private(set) var output: Int32 = -1
        private(set) var errors: Int32 = -1
        private var readers: [Int32] = []

        init(_ job: TestJob) throws {
            self.job = job
            try pipe(&output)
            try pipe(&errors)
        }

        deinit {
            for reader in readers { close(reader) }
            closeWriter(output)
            closeWriter(errors)
        }

        private func pipe(_ writer: inout Int32) throws {
            var reader: Int32 = -1
            try #require(harness_pipe(&reader, &writer) == 0)
            readers.append(reader)
        }

        /// Starts one with a leash of its own; each opens the pipes anew.
        func start(keep: Int = 5, size: Int = 10 << 20) throws -> (pid: Int32, leash: Int32) {
            var (given, leash): (Int32, Int32) = (-1, -1)
            try #require(harness_pipe(&given, &leash) == 0)
            let anew = readers.map { open("/proc/self/fd/\($0)", O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
            let pid = harness_drain(shimProgram, "\(keep)", "\(size)", job.spec.logPath, given, anew[0], anew[1])
            for descriptor in anew + [given] { close(descriptor) }
            try #require(pid > 0)
            return (pid, leash)
        }

        func write(_ text: String, to descriptor: Int32? = nil) {
            let bytes = Array(text.utf8)
            #expect(Foundation.write(descriptor ?? output, bytes, bytes.count) == bytes.count)
        }

        /// The program is gone.
        func closeAll() {
            for reader in readers { close(reader) }
            readers = []
            closeWriter(output)
            closeWriter(errors)
            (output, errors) = (-1, -1)
        }

        private func closeWriter(_ descriptor: Int32) {
            if descriptor >= 0 { close(descriptor) }
        }
    }

    /// A job whose shim has stored a line and was killed in the middle of the next one.
    private func jobWithPartialLine() throws -> TestJob {
        let job = try TestJob()
        try FileManager.default.createDirectory(atPath: job.path("logs/web"), withIntermediateDirectories: true)
        job.write(
            "logs/web/17.log",
            "2026-11-21T19:00:00.000000001Z stdout F first\n2026-11-21T19:00:00.000000002Z stdout F sec"
        )
        return job
    }

    @Test("SH-4: the log goes on behind its last whole line; what ends without a line feed is a part")
    func continuesLog() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        drained.write("one\ntwo\nrest")
        drained.write("trouble\n", to: drained.errors)
        let (pid, leash) = try drained.start()
        defer { close(leash) }
        #expect(job.eventually { job.lines().count >= 5 })
        drained.write(" of it")
        drained.closeAll()
        // The end of both pipes is the end of it.
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        let lines = job.lines()
        #expect(lines.prefix(2) == [LogLine(stream: "stdout", tag: "F", text: Array("first".utf8)), Self.marker])
        #expect(job.stream("stdout", from: lines) == Array("first\none\ntwo\nrest of it".utf8))
        #expect(lines.last == LogLine(stream: "stdout", tag: "P", text: Array("rest of it".utf8)))
        #expect(lines.contains(LogLine(stream: "stderr", tag: "F", text: Array("trouble".utf8))))
        #expect(job.log(1).isEmpty)
    }

    @Test("SH-4, SH-11: without its leash it takes what is in the pipes, and does not wait for their end")
    func stopsWithoutEndOfFile() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        let (pid, leash) = try drained.start()
        #expect(job.eventually { job.lines().contains(Self.marker) })
        drained.write("last words\nand a part")
        close(leash)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.stream("stdout", from: job.lines()) == Array("first\nlast words\nand a part".utf8))
    }

    @Test("SH-4: that of the next reconciler begins when that of the last one has left; nothing is torn between them")
    func waitsForPredecessor() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        let first = try drained.start()
        #expect(job.eventually { job.lines().contains(Self.marker) })
        let second = try drained.start()
        drained.write("one\nhalf ")
        #expect(job.eventually { job.stream("stdout", from: job.lines()) == Array("first\none\n".utf8) })
        #expect(job.lines().filter { $0 == Self.marker }.count == 1)
        close(first.leash)
        #expect(job.waitForExit(of: first.pid) == HERO_SHIM_DONE)
        drained.write("a line\n")
        drained.closeAll()
        #expect(job.waitForExit(of: second.pid) == HERO_SHIM_DONE)
        close(second.leash)
        #expect(job.stream("stdout", from: job.lines()) == Array("first\none\nhalf a line\n".utf8))
        #expect(job.lines().allSatisfy { $0.tag != "torn" })
        #expect(job.lines().filter { $0 == Self.marker }.count == 2)
    }

    @Test("SH-4, LG-5: the limits of the log hold")
    func keepsLogLimits() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        let (pid, leash) = try drained.start(keep: 2, size: 4096)
        defer { close(leash) }
        for number in 1...1000 { drained.write("line \(number)\n") }
        drained.closeAll()
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect((0...2).allSatisfy { job.log($0).count <= 4096 } && job.log(3).isEmpty)
        let kept = [2, 1, 0].flatMap { job.lines($0) }.map { String(decoding: $0.text, as: UTF8.self) }
        #expect(kept == (1001 - kept.count...1000).map { "line \($0)" })
    }

    @Test("SH-4, LG-6: a file that is none of ours is left alone, and a new one begins")
    func leavesForeignFile() throws {
        let job = try jobWithPartialLine()
        job.write("elsewhere", "not ours\n")
        unlink(job.spec.logPath)
        symlink(job.path("elsewhere"), job.spec.logPath)
        let drained = try DrainedPipes(job)
        drained.write("words\n")
        let (pid, leash) = try drained.start()
        close(leash)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.read("elsewhere") == "not ours\n")
        #expect(job.stream("stdout", from: job.lines()) == Array("words\n".utf8))
    }

    @Test("words that are not its own are refused")
    func refusesBadArguments() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        for (keep, size) in [(-1, 100), (100, 100), (5, -1)] {
            let (pid, leash) = try drained.start(keep: keep, size: size)
            defer { close(leash) }
            #expect(job.waitForExit(of: pid) == HERO_SHIM_BAD_SPEC)
        }
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// Drain mode: the output of a program whose shim was lost (guarantee SH-4).
@Suite("Drain mode")
struct DrainTests {
    private static let marker = LogLine(
        stream: "stderr",
        tag: "F",
        text: Array("[heroproc: the shim was lost; the reconciler saved what follows]".utf8)
    )

    /// The two output pipes of a program, and drain processes for them.
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

        /// Starts a drain process with its own stop pipe and its own descriptors of the output pipes.
        func start(keep: Int = 5, size: Int = 10 << 20) throws -> (pid: Int32, stopPipe: Int32) {
            var (passed, stopPipe): (Int32, Int32) = (-1, -1)
            try #require(harness_pipe(&passed, &stopPipe) == 0)
            let reopened = readers.map { open("/proc/self/fd/\($0)", O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
            let pid = harness_drain(
                shimProgram,
                "\(keep)",
                "\(size)",
                job.spec.logPath,
                passed,
                reopened[0],
                reopened[1]
            )
            for descriptor in reopened + [passed] { close(descriptor) }
            try #require(pid > 0)
            return (pid, stopPipe)
        }

        func write(_ text: String, to descriptor: Int32? = nil) {
            let bytes = Array(text.utf8)
            #expect(Foundation.write(descriptor ?? output, bytes, bytes.count) == bytes.count)
        }

        /// Closes all ends, as the exit of the program does.
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

    /// A job whose shim was killed while it wrote the second line of the log.
    private func jobWithPartialLine() throws -> TestJob {
        let job = try TestJob()
        try FileManager.default.createDirectory(atPath: job.path("logs/web"), withIntermediateDirectories: true)
        job.write(
            "logs/web/17.log",
            "2026-11-21T19:00:00.000000001Z stdout F first\n2026-11-21T19:00:00.000000002Z stdout F sec"
        )
        return job
    }

    @Test("Drain mode continues the log behind its last whole line (SH-4)")
    func continuesLog() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        drained.write("one\ntwo\nrest")
        drained.write("error\n", to: drained.errors)
        let (pid, stopPipe) = try drained.start()
        defer { close(stopPipe) }
        #expect(waitUntil { job.lines().count >= 5 })
        drained.write(" of it")
        drained.closeAll()
        // The end of both pipes ends drain mode.
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        let lines = job.lines()
        #expect(lines.prefix(2) == [LogLine(stream: "stdout", tag: "F", text: Array("first".utf8)), Self.marker])
        #expect(job.stream("stdout", from: lines) == Array("first\none\ntwo\nrest of it".utf8))
        #expect(lines.last == LogLine(stream: "stdout", tag: "P", text: Array("rest of it".utf8)))
        #expect(lines.contains(LogLine(stream: "stderr", tag: "F", text: Array("error".utf8))))
        #expect(job.log(1).isEmpty)
    }

    @Test("Closing the stop pipe ends drain mode before the end of the pipes (SH-4, SH-11)")
    func stopsWithoutEndOfFile() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        let (pid, stopPipe) = try drained.start()
        #expect(waitUntil { job.lines().contains(Self.marker) })
        drained.write("last words\nand a part")
        close(stopPipe)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.stream("stdout", from: job.lines()) == Array("first\nlast words\nand a part".utf8))
    }

    @Test("A second drain process waits until the first one has exited (SH-4)")
    func waitsForPredecessor() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        let first = try drained.start()
        #expect(waitUntil { job.lines().contains(Self.marker) })
        let second = try drained.start()
        drained.write("one\nhalf ")
        #expect(waitUntil { job.stream("stdout", from: job.lines()) == Array("first\none\n".utf8) })
        #expect(job.lines().filter { $0 == Self.marker }.count == 1)
        close(first.stopPipe)
        #expect(job.waitForExit(of: first.pid) == HERO_SHIM_DONE)
        drained.write("a line\n")
        drained.closeAll()
        #expect(job.waitForExit(of: second.pid) == HERO_SHIM_DONE)
        close(second.stopPipe)
        #expect(job.stream("stdout", from: job.lines()) == Array("first\none\nhalf a line\n".utf8))
        #expect(job.lines().allSatisfy { $0.tag != "torn" })
        #expect(job.lines().filter { $0 == Self.marker }.count == 2)
    }

    @Test("Drain mode keeps the limits of the log (SH-4, LG-5)")
    func keepsLogLimits() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        let (pid, stopPipe) = try drained.start(keep: 2, size: 4096)
        defer { close(stopPipe) }
        for number in 1...1000 { drained.write("line \(number)\n") }
        drained.closeAll()
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect((0...2).allSatisfy { job.log($0).count <= 4096 } && job.log(3).isEmpty)
        let kept = [2, 1, 0].flatMap { job.lines($0) }.map { String(decoding: $0.text, as: UTF8.self) }
        #expect(kept == (1001 - kept.count...1000).map { "line \($0)" })
    }

    @Test("Drain mode leaves a foreign file unchanged and starts a new log (SH-4, LG-6)")
    func leavesForeignFile() throws {
        let job = try jobWithPartialLine()
        job.write("elsewhere", "not ours\n")
        unlink(job.spec.logPath)
        symlink(job.path("elsewhere"), job.spec.logPath)
        let drained = try DrainedPipes(job)
        drained.write("words\n")
        let (pid, stopPipe) = try drained.start()
        close(stopPipe)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.read("elsewhere") == "not ours\n")
        #expect(job.stream("stdout", from: job.lines()) == Array("words\n".utf8))
    }

    @Test("Drain mode refuses invalid arguments")
    func refusesBadArguments() throws {
        let job = try jobWithPartialLine()
        let drained = try DrainedPipes(job)
        for (keep, size) in [(-1, 100), (100, 100), (5, -1)] {
            let (pid, stopPipe) = try drained.start(keep: keep, size: size)
            defer { close(stopPipe) }
            #expect(job.waitForExit(of: pid) == HERO_SHIM_BAD_SPEC)
        }
    }
}

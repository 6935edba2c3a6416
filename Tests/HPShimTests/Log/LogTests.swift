import CHeroRecord
import Foundation
import ShimHarness
import Testing

@Suite("Log")
struct LogTests {
    @Test("Each log line has its time, stream and tag as a prefix")
    func format() throws {
        let before = Date()
        let job = try TestJob(shell: "echo one; echo two >&2; echo; printf three")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.stream("stdout", from: job.lines()) == Array("one\n\nthree".utf8))
        #expect(job.stream("stderr", from: job.lines()) == Array("two\n".utf8))
        #expect(job.lines().map(\.tag).sorted() == ["F", "F", "F", "P"])

        let line = String(decoding: job.log().prefix { $0 != 10 }, as: UTF8.self)
        #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z std(out|err) [FP] .*/) != nil)
        let format = ISO8601DateFormatter()
        let written = try #require(format.date(from: String(line.prefix(19)) + "Z"))
        #expect(written >= before.addingTimeInterval(-1))
        #expect(written <= Date())
    }

    @Test("Log files have mode 0640 and their directories 0700")
    func modes() throws {
        let job = try TestJob(shell: "echo x")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(mode(job.spec.logPath) == 0o640)
        #expect(mode(job.path("logs/web")) == 0o700)
        #expect(mode(job.path("logs")) == 0o700)
        #expect(mode(job.spec.recordPath) == 0o600)
    }

    @Test("A line that is written byte by byte is stored as one line")
    func byteByByte() throws {
        let job = try TestJob(shell: "for c in a b c d e; do printf $c; printf - >&2; sleep 0.01; done; echo f")
        #expect(try job.run() == HERO_SHIM_DONE)
        let lines = job.lines()
        #expect(lines.count == 2)
        #expect(lines.contains(LogLine(stream: "stdout", tag: "F", text: Array("abcdef".utf8))))
        #expect(lines.contains(LogLine(stream: "stderr", tag: "P", text: Array("-----".utf8))))
    }

    @Test("A line longer than 16 KiB is stored in parts", arguments: [16383, 16384, 16385, 32768, 40000, 1_000_000])
    func longLine(_ length: Int) throws {
        let job = try TestJob(shell: "head -c \(length) /dev/zero | tr '\\0' x; echo; echo after")
        #expect(try job.run() == HERO_SHIM_DONE)
        let lines = job.lines()
        let parts = (length - 1) / 16384
        #expect(lines.map(\.tag) == Array(repeating: "P", count: parts) + ["F", "F"])
        #expect(lines.allSatisfy { $0.text.count <= 16384 })
        let expected = Array(repeating: UInt8(ascii: "x"), count: length) + Array("\nafter\n".utf8)
        #expect(job.stream("stdout", from: lines) == expected)
    }

    @Test("The log stores all bytes unchanged (LG-4)")
    func binary() throws {
        let job = try TestJob()
        job.spec.arguments = [
            "sh", "-c", "head -c 3000000 /dev/urandom > \(job.path("bytes")); cat \(job.path("bytes"))",
        ]
        #expect(try job.run() == HERO_SHIM_DONE)
        let written = FileManager.default.contents(atPath: job.path("bytes")).map { Array($0) }
        let stored = job.stream("stdout", from: job.lines())
        #expect(stored.count == 3_000_000)
        #expect(stored == written)
    }

    @Test("Two concurrent streams are stored completely and in order (LG-1)")
    func interleaved() throws {
        let job = try TestJob(shell: "seq 1 20000 & seq 100001 120000 >&2; wait")
        #expect(try job.run() == HERO_SHIM_DONE)
        let lines = job.lines()
        #expect(lines.allSatisfy { $0.tag == "F" })
        #expect(lines.filter { $0.stream == "stdout" }.map { number($0) } == Array(1...20000))
        #expect(lines.filter { $0.stream == "stderr" }.map { number($0) } == Array(100_001...120_000))
        #expect(job.exit?.dropped_bytes == 0)
    }

    @Test("The log rotates at its maximum size without losing lines (LG-5)")
    func rotation() throws {
        let job = try TestJob(shell: "seq 1 30000")
        job.spec.logMaxSize = 65536
        job.spec.logKeep = 99
        #expect(try job.run() == HERO_SHIM_DONE)
        var lines: [LogLine] = []
        let count = files(job)
        #expect(count > 10)
        for file in (0..<count).reversed() {
            #expect(job.log(file).count <= 65536)
            lines += job.lines(file)
        }
        #expect(lines.map { number($0) } == Array(1...30000))
    }

    @Test("The log keeps the configured number of earlier files (LG-5)", arguments: [0, 1, 3])
    func keepsRequestedFiles(_ keep: Int) throws {
        let job = try TestJob(shell: "seq 1 30000")
        job.spec.logMaxSize = 65536
        job.spec.logKeep = UInt32(keep)
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(files(job) == keep + 1)
        let numbers = (0...keep).reversed().flatMap { file in job.lines(file).map { number($0) } }
        #expect(numbers.last == 30000)
        #expect(numbers == Array((numbers.first ?? 0)...30000))
    }

    @Test("Each line longer than the maximum size gets its own file")
    func tinyLimit() throws {
        let job = try TestJob(shell: "echo 1; echo 2; echo 3")
        job.spec.logMaxSize = 1
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect((0...2).reversed().map { job.lines($0).map { number($0) } } == [[1], [2], [3]])
    }

    @Test("Each start opens a new log file and renames the earlier ones (LG-7)")
    func everyStart() throws {
        let job = try TestJob(shell: "exit 0")
        job.spec.logKeep = 2
        for generation in 1...5 {
            job.spec.generation = UInt32(generation)
            job.spec.arguments = ["sh", "-c", "echo run \(generation)"]
            #expect(try job.run() == HERO_SHIM_DONE)
        }
        #expect(files(job) == 3)
        #expect(
            (0...2).map { job.lines($0).map { String(decoding: $0.text, as: UTF8.self) } } == [
                ["run 5"], ["run 4"], ["run 3"],
            ]
        )
        // A smaller number of files at a later start.
        job.spec.generation = 6
        job.spec.logKeep = 1
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(files(job) == 2)
    }

    private func number(_ line: LogLine) -> Int { Int(String(decoding: line.text, as: UTF8.self)) ?? -1 }

    private func files(_ job: TestJob) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: job.path("logs/web")))?.count ?? 0
    }

    private func mode(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.posixPermissions] as? Int) ?? 0
    }
}

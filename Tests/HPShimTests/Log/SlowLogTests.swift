import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// A disk that takes its time for each write, at a failpoint: the same for root and everybody else.
@Suite("Log on a slow disk")
struct SlowLogTests {
    /// A service that writes numbers as fast as it can, a hundred bytes each.
    private func job(_ numbers: Int, pause: String, drops: Bool, then rest: String = "exit 5") throws -> TestJob {
        let job = try TestJob(shell: "seq -f %099.0f 1 \(numbers); \(rest)")
        job.failpoints = "FP-LG-2=sleep:\(pause)"
        job.spec.logMaxSize = 1 << 30
        job.spec.logWhenSlow = drops ? HERO_WHEN_SLOW_DROP : HERO_WHEN_SLOW_BLOCK
        return job
    }

    /// How long the service lived, in ms.
    private func runTime(_ job: TestJob) throws -> Int64 {
        let end = try #require(job.exit)
        return (end.ended_boottime - (try #require(job.proc)).started_boottime) / 1_000_000
    }

    @Test("LG-3: a service that blocks is paced by its disk, and nothing is lost, the last of it neither")
    func blocksService() throws {
        // What pipe and shim hold is far less than all, and takes longer than the service lives.
        let job = try job(40_000, pause: "100ms", drops: false)
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 5)
        #expect(job.exit?.dropped_bytes == 0)
        #expect(try runTime(job) > 300)
        #expect(job.texts.map { Int($0) } == Array(1...40_000))
    }

    @Test("LG-3: one that drops never waits for its disk; each byte is stored, or counted where it is missing")
    func dropsLines() throws {
        let job = try job(100_000, pause: "1s", drops: true)
        let shim = try job.start()
        _ = try job.awaitMainPID()
        // SH-11: its end is on record while the disk is still busy; one that blocks would need half a minute.
        #expect(job.eventually { job.exit?.kind == HERO_EXIT_EXITED.rawValue })
        #expect(try runTime(job) < 8000)
        #expect(job.exit?.status == 5)
        #expect(harness_signal(shim, 0) == 0, "it stores what it has taken")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)

        let dropped = Int(try #require(job.exit).dropped_bytes)
        var (next, stored, marked) = (1, 0, 0)
        for line in job.lines() {
            let text = String(decoding: line.text, as: UTF8.self)
            if let marker = text.wholeMatch(of: /\[heroproc: dropped (\d+) bytes, disk too slow, \d+\.\d s\]/) {
                let bytes = try #require(Int(marker.1))
                #expect(line.stream == "stderr" && line.tag == "F")
                marked += bytes
                // As many lines as are missing here, and not half a one.
                #expect(bytes % 100 == 0)
                next += bytes / 100
            } else {
                #expect(line.stream == "stdout" && line.tag == "F")
                try #require(Int(text) == next, "what is missing stands elsewhere")
                stored += line.text.count + 1
                next += 1
            }
        }
        #expect(next == 100_001)
        #expect(marked > 0 && marked == dropped)
        #expect(stored + dropped == 10_000_000)
    }

    @Test(
        "LG-3: where the disk is quick enough, nothing is dropped, and the log is the same",
        arguments: [0, 1] as [UInt32]
    )
    func fastDisk(_ way: UInt32) throws {
        let job = try TestJob(shell: "seq 1 2000; echo; head -c 40000 /dev/zero | tr '\\0' x; exit 6")
        job.spec.logWhenSlow = hero_when_slow(way)
        job.spec.logMaxSize = 65536
        job.spec.logKeep = 99
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 6 && job.exit?.dropped_bytes == 0)
        let files = (try FileManager.default.contentsOfDirectory(atPath: job.path("logs/web"))).count
        #expect(files > 1)
        let lines = (0..<files).reversed().flatMap { job.lines($0) }
        let expected = (1...2000).map { "\($0)\n" }.joined() + "\n" + String(repeating: "x", count: 40000)
        #expect(job.stream("stdout", from: lines) == Array(expected.utf8))
    }

    @Test("LG-3: what is missing is said as soon as there is room, though nothing more is written")
    func reportsGapPromptly() throws {
        let job = try job(40_000, pause: "200ms", drops: true, then: "until [ -e \"$0\" ]; do sleep 0.02; done")
        job.spec.arguments.append(job.path("go"))
        let shim = try job.start()
        #expect(job.eventually { job.texts.last?.contains("bytes, disk too slow, ") == true })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        let markers = job.texts.compactMap { $0.firstMatch(of: /dropped (\d+) bytes/).flatMap { Int64($0.1) } }
        #expect(markers.reduce(0, +) == job.exit?.dropped_bytes)
    }

    @Test("LG-3: a second thread is there where lines may be dropped, and nowhere else; it goes with its shim")
    func threads() throws {
        for way in [HERO_WHEN_SLOW_BLOCK, HERO_WHEN_SLOW_DROP] {
            let job = try TestJob(shell: "echo one; exec sleep 600")
            job.failpoints = "FP-LG-2=sleep:600s"
            job.spec.logWhenSlow = way
            let shim = try job.start()
            let program = try job.awaitMainPID()
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(shim)/task")
            #expect(threads.count == (way == HERO_WHEN_SLOW_BLOCK ? 1 : 2))
            #expect(harness_signal(shim, SIGKILL) == 0)
            #expect(job.waitForExit(of: shim) == -SIGKILL)
            #expect(harness_signal(program, SIGKILL) == 0)
            #expect(harness_wait_gone(program, 5000) == 1)
        }
    }

    @Test("LG-7: a program that cannot be executed begins a new log, whatever a slow disk means to it")
    func failedStart() throws {
        let job = try TestJob(shell: "echo one")
        job.spec.logWhenSlow = HERO_WHEN_SLOW_DROP
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["one"])
        job.spec.generation = 2
        job.spec.candidates = ["/nowhere"]
        _ = try job.run()
        #expect(job.exit?.kind == HERO_EXIT_FAILED.rawValue)
        #expect(job.texts.isEmpty)
        #expect(job.lines(1).count == 1)
    }
}

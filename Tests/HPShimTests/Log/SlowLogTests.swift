import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// A failpoint delays each write to the log, which works without root.
@Suite("Log on a slow disk")
struct SlowLogTests {
    /// A service that writes numbers as fast as possible, 100 bytes each.
    private func job(_ count: Int, delay: String, drops: Bool, then rest: String = "exit 5") throws -> TestJob {
        let job = try TestJob(shell: "seq -f %099.0f 1 \(count); \(rest)")
        job.failpoints = "FP-LG-2=sleep:\(delay)"
        job.spec.logMaxSize = 1 << 30
        job.spec.logWhenSlow = drops ? HERO_WHEN_SLOW_DROP : HERO_WHEN_SLOW_BLOCK
        return job
    }

    /// The run time of the service, in ms.
    private func runTime(_ job: TestJob) throws -> Int64 {
        let end = try #require(job.exit)
        return (end.ended_boottime - (try #require(job.proc)).started_boottime) / 1_000_000
    }

    @Test("A blocking service waits for a slow disk and loses no line (LG-3)")
    func blocksService() throws {
        // Much more output than pipe and buffers hold, so that writing takes longer than the service.
        let job = try job(40_000, delay: "100ms", drops: false)
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 5)
        #expect(job.exit?.dropped_bytes == 0)
        #expect(try runTime(job) > 300)
        #expect(job.texts.map { Int($0) } == Array(1...40_000))
    }

    @Test("A dropping service never waits, and each byte is stored or counted (LG-3)")
    func dropsLines() throws {
        let job = try job(100_000, delay: "1s", drops: true)
        let shim = try job.start()
        _ = try job.awaitMainPID()
        // SH-11: the exit is recorded while the disk is still busy; a blocking service would need half a minute.
        #expect(waitUntil { job.exit?.kind == HERO_EXIT_EXITED.rawValue })
        #expect(try runTime(job) < 8000)
        #expect(job.exit?.status == 5)
        #expect(harness_signal(shim, 0) == 0, "the shim still stores its buffers")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)

        let dropped = Int(try #require(job.exit).dropped_bytes)
        var (next, stored, marked) = (1, 0, 0)
        for line in job.lines() {
            let text = String(decoding: line.text, as: UTF8.self)
            if let marker = text.wholeMatch(of: /\[heroproc: dropped (\d+) bytes, disk too slow, \d+\.\d s\]/) {
                let bytes = try #require(Int(marker.1))
                #expect(line.stream == "stderr" && line.tag == "F")
                marked += bytes
                // Whole lines are missing here.
                #expect(bytes % 100 == 0)
                next += bytes / 100
            } else {
                #expect(line.stream == "stdout" && line.tag == "F")
                try #require(Int(text) == next, "the marker is not where the lines are missing")
                stored += line.text.count + 1
                next += 1
            }
        }
        #expect(next == 100_001)
        #expect(marked > 0 && marked == dropped)
        #expect(stored + dropped == 10_000_000)
    }

    @Test(
        "Both policies store the same log on a fast disk (LG-3)",
        arguments: [0, 1] as [UInt32]
    )
    func fastDisk(_ policy: UInt32) throws {
        let job = try TestJob(shell: "seq 1 2000; echo; head -c 40000 /dev/zero | tr '\\0' x; exit 6")
        job.spec.logWhenSlow = hero_when_slow(policy)
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

    @Test("The drop marker is written without further output of the service (LG-3)")
    func reportsGapPromptly() throws {
        let job = try job(40_000, delay: "200ms", drops: true, then: "until [ -e \"$0\" ]; do sleep 0.02; done")
        job.spec.arguments.append(job.path("go"))
        let shim = try job.start()
        #expect(waitUntil { job.texts.last?.contains("bytes, disk too slow, ") == true })
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        let markers = job.texts.compactMap { $0.firstMatch(of: /dropped (\d+) bytes/).flatMap { Int64($0.1) } }
        #expect(markers.reduce(0, +) == job.exit?.dropped_bytes)
    }

    @Test("Only shims that may drop lines have a second thread (LG-3)")
    func threads() throws {
        for policy in [HERO_WHEN_SLOW_BLOCK, HERO_WHEN_SLOW_DROP] {
            let job = try TestJob(shell: "echo one; exec sleep 600")
            job.failpoints = "FP-LG-2=sleep:600s"
            job.spec.logWhenSlow = policy
            let shim = try job.start()
            let program = try job.awaitMainPID()
            let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(shim)/task")
            #expect(threads.count == (policy == HERO_WHEN_SLOW_BLOCK ? 1 : 2))
            #expect(harness_signal(shim, SIGKILL) == 0)
            #expect(job.waitForExit(of: shim) == -SIGKILL)
            #expect(harness_signal(program, SIGKILL) == 0)
            #expect(harness_wait_gone(program, 5000) == 1)
        }
    }

    @Test("A failed start opens a new log with both policies (LG-7)")
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

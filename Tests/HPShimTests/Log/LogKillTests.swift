import CHeroRecord
import Foundation
import HeroRandom
import ShimHarness
import TestSupport
import Testing

@Suite("Log of a killed shim")
struct LogKillTests {
    @Test("The files of a shim killed during a rotation contain the complete stream (LG-5)")
    func killedDuringRotation() throws {
        let job = try TestJob()
        job.spec.logMaxSize = 8192
        job.spec.logKeep = 30
        var generator = SeededGenerator(4711)
        var rotations = 0
        for generation in 1...12 {
            job.spec.generation = UInt32(generation)
            job.spec.arguments = ["sh", "-c", "exec seq \(generation)00000001 \(generation)99999999"]
            let shim = try job.start()
            try #require(waitUntil { job.proc?.generation == UInt32(generation) })
            let program = try job.awaitMainPID()
            // The delay is random, because the kill must happen at any step of a rotation.
            usleep(UInt32(generator.number(below: 6000)))
            try #require(harness_signal(shim, SIGKILL) == 0)
            _ = job.waitForExit(of: shim)
            _ = harness_signal(program, SIGKILL)
            #expect(harness_wait_gone(program, 5000) == 1)

            let (files, numbers) = readLogFiles(job)
            rotations = max(rotations, files)
            #expect(files <= 31)
            for number in Set(numbers.map { $0 / 100_000_000 }) {
                let own = numbers.filter { $0 / 100_000_000 == number }
                #expect(own == Array((own.first ?? 0)...(own.last ?? 0)), "generation \(number)")
            }
            #expect(numbers == numbers.sorted(), "generation \(generation)")
        }
        #expect(rotations > 10)
    }

    /// The number of files and the numbers in all of them, oldest first.
    ///
    /// A kill may leave a partial line.
    private func readLogFiles(_ job: TestJob) -> (files: Int, numbers: [Int]) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: job.path("logs/web"))) ?? []
        let ages = names.map { Int($0.dropFirst("17.log.".count)) ?? 0 }.sorted(by: >)
        var numbers: [Int] = []
        for age in ages {
            var lines = job.lines(age)
            #expect(job.log(age).count <= 8192)
            if lines.last?.tag == "torn" { lines.removeLast() }
            for line in lines {
                guard line.tag == "F", let number = Int(String(decoding: line.text, as: UTF8.self)) else {
                    Issue.record("\(age): \(line)")
                    continue
                }
                numbers.append(number)
            }
        }
        return (names.count, numbers)
    }

    @Test("Logging continues when the names of earlier files are occupied (LG-6)", arguments: [1, 2])
    func occupiedNames(_ keep: Int) throws {
        let job = try TestJob(shell: "seq 1 5000")
        job.spec.logMaxSize = 16384
        job.spec.logKeep = UInt32(keep)
        for folder in ["logs", "logs/web", "logs/web/17.log.1"] { mkdir(job.path(folder), 0o700) }
        job.write("logs/web/17.log.1/inside", "mine")
        symlink(job.path("victim"), job.path("logs/web/17.log.2"))
        job.write("victim", "untouched")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.read("victim") == "untouched")
        #expect(job.exit?.dropped_bytes == 0)
        #expect(job.texts.last == "5000")
    }
}

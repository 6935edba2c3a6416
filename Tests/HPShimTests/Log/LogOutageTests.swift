import CHeroRecord
import Foundation
import ShimHarness
import Testing

@Suite("Log in trouble")
struct LogOutageTests {
    enum FileChange: CaseIterable {
        case removed, moved, truncated, replacedByLink, replacedByPipe, replacedByDirectory
    }

    @Test("LG-6: logging goes on after an outsider has touched the file", arguments: FileChange.allCases)
    func continuesAfterFileChange(_ mischief: FileChange) throws {
        let job = try TestJob()
        job.spec.arguments = [
            "sh", "-c", "i=0; until [ -e \(job.path("stop")) ]; do i=$((i+1)); echo line $i; sleep 0.02; done",
        ]
        let pid = try job.start()
        #expect(job.eventually { job.lines().count >= 3 })
        let log = job.spec.logPath
        job.write("victim", "untouched")
        switch mischief {
        case .removed: unlink(log)
        case .moved: rename(log, job.path("elsewhere"))
        case .truncated: truncate(log, 0)
        case .replacedByLink:
            unlink(log)
            symlink(job.path("victim"), log)
        case .replacedByPipe:
            unlink(log)
            mkfifo(log, 0o600)
        case .replacedByDirectory:
            unlink(log)
            mkdir(log, 0o700)
        }
        #expect(job.eventually { isFile(log) && job.lines().count >= 3 }, "logging does not go on")
        #expect(job.read("victim") == "untouched")
        job.write("stop", "")
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.lines().allSatisfy { $0.tag == "F" })
        #expect(job.exit?.dropped_bytes == 0)
    }

    /// What a service gets to feel of its log: both ways count what is missing alike.
    private static let slowPolicies = [HERO_WHEN_SLOW_BLOCK, HERO_WHEN_SLOW_DROP]

    @Test("LG-2: a log that cannot be opened keeps no service down; what it wrote is counted", arguments: slowPolicies)
    func unavailableLog(_ way: hero_when_slow) throws {
        let job = try TestJob(shell: "echo 12345; printf 678 >&2; exit 3")
        job.spec.logWhenSlow = way
        job.write("file", "")
        job.spec.logPath = job.path("file/17.log")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 3)
        #expect(job.exit?.dropped_bytes == 9)
    }

    @Test("LG-2: as soon as the log can be opened, it says what is missing", arguments: slowPolicies)
    func logAvailableLater(_ way: hero_when_slow) throws {
        let job = try TestJob()
        job.spec.logWhenSlow = way
        job.write("file", "")
        job.spec.logPath = job.path("file/17.log")
        job.spec.arguments = [
            "sh", "-c", "seq 1 1000; until [ -e \(job.path("stop")) ]; do sleep 0.02; done; echo after",
        ]
        let pid = try job.start()
        _ = try job.awaitMainPID()
        unlink(job.path("file"))
        #expect(job.eventually { !job.lines().isEmpty })
        job.write("stop", "")
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.texts.first?.wholeMatch(of: /\[heroproc: dropped 3893 bytes, ENOTDIR, \d+\.\d s\]/) != nil)
        #expect(job.lines().first?.stream == "stderr")
        #expect(job.texts.dropFirst() == ["after"])
        #expect(job.exit?.dropped_bytes == 3893)
    }

    @Test(
        "LG-2, SH-9: on a full disk the service goes on, its end is recorded, and every byte is stored or counted",
        .enabled(if: geteuid() == 0, "mounting a small file system needs root"),
        arguments: slowPolicies
    )
    func fullDisk(_ way: hero_when_slow) throws {
        let job = try TestJob()
        job.spec.logWhenSlow = way
        mkdir(job.path("small"), 0o700)
        try #require(harness_mount_tmpfs(job.path("small"), "size=256k") == 0)
        defer { _ = harness_unmount(job.path("small")) }
        job.spec.logPath = job.path("small/logs/17.log")
        // The record lives on the full disk as well.
        job.spec.recordPath = job.path("small/17")
        job.write("small/ballast", String(repeating: "x", count: 150_000))
        job.spec.arguments = [
            "sh", "-c",
            "seq 1 100000; touch \(job.path("filled")); until [ -e \(job.path("go")) ]; do sleep 0.02; done; echo after; exit 8",
        ]
        let pid = try job.start()
        #expect(
            job.eventually { FileManager.default.fileExists(atPath: job.path("filled")) },
            "the service stands still"
        )
        unlink(job.path("small/ballast"))
        #expect(job.eventually { job.texts.contains { $0.hasPrefix("[heroproc: dropped") } })
        job.write("go", "")
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 8)

        let lines = job.lines()
        #expect(lines.allSatisfy { $0.tag == "F" }, "a torn line")
        let stored = job.stream("stdout", from: lines).count
        let total = (1...100_000).reduce(0) { $0 + String($1).count + 1 } + 6
        let dropped = Int(try #require(job.exit).dropped_bytes)
        #expect(stored + dropped == total)
        let reason = /dropped (\d+) bytes, (?:ENOSPC|disk nearly full|disk too slow),/
        let marked = job.texts.compactMap { $0.firstMatch(of: reason).flatMap { Int($0.1) } }
        #expect(marked.reduce(0, +) == dropped)
        #expect(job.texts.last == "after")
    }

    private func isFile(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.type] as? FileAttributeType == .typeRegular
    }
}

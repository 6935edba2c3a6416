import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

@Suite("Log outages")
struct LogOutageTests {
    enum FileChange: CaseIterable {
        case removed, moved, truncated, replacedByLink, replacedByPipe, replacedByDirectory
    }

    @Test("Logging continues after another program changed the log file (LG-6)", arguments: FileChange.allCases)
    func continuesAfterFileChange(_ change: FileChange) throws {
        let job = try TestJob()
        job.spec.arguments = [
            "sh", "-c", "i=0; until [ -e \(job.path("stop")) ]; do i=$((i+1)); echo line $i; sleep 0.02; done",
        ]
        let pid = try job.start()
        #expect(waitUntil { job.lines().count >= 3 })
        let log = job.spec.logPath
        job.write("victim", "untouched")
        switch change {
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
        #expect(waitUntil { isFile(log) && job.lines().count >= 3 }, "logging does not continue")
        #expect(job.read("victim") == "untouched")
        job.write("stop", "")
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.lines().allSatisfy { $0.tag == "F" })
        #expect(job.exit?.dropped_bytes == 0)
    }

    /// Both policies for a slow log count dropped bytes in the same way.
    private static let slowPolicies = [HERO_WHEN_SLOW_BLOCK, HERO_WHEN_SLOW_DROP]

    @Test("A log that cannot be opened does not prevent the start (LG-2)", arguments: slowPolicies)
    func unavailableLog(_ policy: hero_when_slow) throws {
        let job = try TestJob(shell: "echo 12345; printf 678 >&2; exit 3")
        job.spec.logWhenSlow = policy
        job.write("file", "")
        job.spec.logPath = job.path("file/17.log")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 3)
        #expect(job.exit?.dropped_bytes == 9)
    }

    @Test("The log gets a drop marker as soon as it can be opened (LG-2)", arguments: slowPolicies)
    func logAvailableLater(_ policy: hero_when_slow) throws {
        let job = try TestJob()
        job.spec.logWhenSlow = policy
        job.write("file", "")
        job.spec.logPath = job.path("file/17.log")
        job.spec.arguments = [
            "sh", "-c", "seq 1 1000; until [ -e \(job.path("stop")) ]; do sleep 0.02; done; echo after",
        ]
        let pid = try job.start()
        _ = try job.awaitMainPID()
        unlink(job.path("file"))
        #expect(waitUntil { !job.lines().isEmpty })
        job.write("stop", "")
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.texts.first?.wholeMatch(of: /\[heroproc: dropped 3893 bytes, ENOTDIR, \d+\.\d s\]/) != nil)
        #expect(job.lines().first?.stream == "stderr")
        #expect(job.texts.dropFirst() == ["after"])
        #expect(job.exit?.dropped_bytes == 3893)
    }

    @Test(
        "On a full disk the service continues and each byte is stored or counted (LG-2, SH-9)",
        .enabled(if: geteuid() == 0, "needs root to mount a small file system"),
        arguments: slowPolicies
    )
    func fullDisk(_ policy: hero_when_slow) throws {
        let job = try TestJob()
        job.spec.logWhenSlow = policy
        mkdir(job.path("small"), 0o700)
        try #require(harness_mount_tmpfs(job.path("small"), "size=256k") == 0)
        defer { _ = harness_unmount(job.path("small")) }
        job.spec.logPath = job.path("small/logs/17.log")
        // The record is on the full disk as well.
        job.spec.recordPath = job.path("small/17")
        job.write("small/ballast", String(repeating: "x", count: 150_000))
        job.spec.arguments = [
            "sh", "-c",
            "seq 1 100000; touch \(job.path("filled")); until [ -e \(job.path("go")) ]; do sleep 0.02; done; "
                + "echo after; exit 8",
        ]
        let pid = try job.start()
        #expect(
            waitUntil { FileManager.default.fileExists(atPath: job.path("filled")) },
            "the service is blocked"
        )
        unlink(job.path("small/ballast"))
        #expect(waitUntil { job.texts.contains { $0.hasPrefix("[heroproc: dropped") } })
        job.write("go", "")
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 8)

        let lines = job.lines()
        #expect(lines.allSatisfy { $0.tag == "F" }, "a partial line")
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

import Foundation
import GRDB
import HeroModel
import Synchronization
import Testing

@testable import HeroStore

@_silgen_name("unshare") private func unshare(_ flags: Int32) -> Int32

/// A file system of its own in a file, in a mount namespace of its own: its power can be cut.
private struct Disk: Codable, Sendable {
    let folder: String
    var image: String { folder + "/image" }
    var root: String { folder + "/root" }
    var database: String { root + "/heroproc.db" }
    /// Outside of that file system: what was acknowledged, and what was found.
    var acknowledged: String { folder + "/acknowledged" }
    var verdict: String { folder + "/verdict" }

    init(_ directory: Directory) throws {
        folder = directory.path
        mkdir(folder + "/root", 0o700)
        try #require(Self.shell("truncate -s 64M \(folder)/image && mkfs.ext4 -q -F \(folder)/image") == 0)
    }

    static func shell(_ text: String) -> Int32 {
        var pid: pid_t = 0
        let words: [String] = ["sh", "-c", "{ \(text); } >/dev/null 2>&1"]
        let argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        guard posix_spawn(&pid, "/bin/sh", nil, nil, argv, environ) == 0 else { return -1 }
        var status: Int32 = 0
        return waitpid(pid, &status, 0) == pid ? status : -1
    }

    /// Mounts it for the calling thread, and for nobody else: it is gone with this process.
    func mount() -> Bool {
        let mountNamespace: Int32 = 0x0002_0000
        guard unshare(mountNamespace) == 0 else { return false }
        return Self.shell("mount --make-rprivate / && mount -o loop \(image) \(root)") == 0
    }

    /// Cuts the power: what is not on the disk by now never will be (EXT4_IOC_SHUTDOWN, without a flush of the journal).
    static func cutPower(_ descriptor: Int32) {
        var flags: UInt32 = 2
        _ = ioctl(descriptor, 0x8004_587D, &flags)
    }

    /// Waits until the image is attached to no loop device any more: the last process has gone with its mounts.
    func detach() async throws {
        for _ in 0..<1000 {
            if Self.shell("test -z \"$(losetup -j \(image))\"") == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(image) is still attached")
    }
}

/// Whether this machine lets us mount a file, which needs root and a loop device.
private let canMountLoop: Bool = {
    guard geteuid() == 0, access("/dev/loop-control", R_OK) == 0, let directory = try? Directory(),
        let disk = try? Disk(directory)
    else { return false }
    return Disk.shell("unshare -m sh -c 'mount -o loop \(disk.image) \(disk.root)'") == 0
}()

/// Writes until the power is cut; what was acknowledged before that moment stands in a file outside.
///
/// What is acknowledged while the power goes does not count: of a real machine nobody would have heard it.
private func writeUntilCut(_ disk: Disk, microseconds: UInt32, isSafe: Bool) {
    onThread {
        guard disk.mount(), let store = try? StateStore.open(path: disk.database, at: now) else { exit(9) }
        if !isSafe { try? store.queue.inDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL") } }
        let device = open(disk.root, O_RDONLY | O_DIRECTORY)
        guard device >= 0, let first = try? store.load().lastJob else { exit(9) }
        let acknowledged = Mutex(first)
        Thread.detachNewThread {
            usleep(microseconds)
            let text = "\(acknowledged.withLock { $0 })"
            guard (try? Data(text.utf8).write(to: URL(fileURLWithPath: disk.acknowledged))) != nil else { exit(9) }
            Disk.cutPower(device)
        }
        var number = first
        while true {
            number += 1
            let start = StartRecord(job: number, generation: 1, startedAt: now, endedAt: now, outcome: .exited(3))
            var batch: [StoreChange] = [.job(job(number, phase: .running)), .start(start), .event(event("\(number)"))]
            if number % 10 == 0 { batch.append(.revision(revision(number), files: [], documents: [])) }
            guard (try? store.commit(batch)) != nil else { break }
            acknowledged.withLock { $0 = number }
        }
        exit(0)
    }
}

/// Looks at what is there after the power is back: the last number and the revision, or what is wrong.
private func examine(_ disk: Disk) {
    onThread {
        guard disk.mount() else { exit(9) }
        var text: String
        do {
            let store = try StateStore.open(path: disk.database, at: now)
            let state = try store.load()
            let verdict = try store.queue.inDatabase { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
            let whole = state.jobs.allSatisfy { (try? store.reader.starts(of: $0.id).count) == 1 }
            text = "\(state.lastJob) \(state.revision?.number ?? 0) \(state.jobs.count) \(verdict ?? "") \(whole)"
            if let quarantine = store.quarantine { text = "quarantined: \(quarantine.reason)" }
        } catch {
            text = "\(error)"
        }
        try? Data(text.utf8).write(to: URL(fileURLWithPath: disk.verdict))
        exit(0)
    }
}

/// Works on a thread that is known to stay the same one, as its mounts are its own.
private func onThread(_ body: @escaping @Sendable () -> Void) -> Never {
    Thread.detachNewThread(body)
    while true { sleep(60) }
}

@Suite("Power loss", .serialized, .enabled(if: canMountLoop, "needs root, ext4 and a loop device"))
struct PowerLossTests {
    private static let rounds = ProcessInfo.processInfo.environment["HP_TORTURE"].flatMap { Int($0) } ?? 3

    /// One cut: how many acknowledged batches were lost, and what is there.
    private func round(_ disk: Disk, microseconds: UInt32, isSafe: Bool) async throws -> Int64 {
        await #expect(processExitsWith: .exitCode(0)) {
            [disk = disk as Disk, microseconds = microseconds as UInt32, isSafe = isSafe as Bool] in
            writeUntilCut(disk, microseconds: microseconds, isSafe: isSafe)
        }
        try await disk.detach()
        await #expect(processExitsWith: .exitCode(0)) { [disk = disk as Disk] in examine(disk) }
        try await disk.detach()
        let note = try String(contentsOfFile: disk.acknowledged, encoding: .utf8)
        let acknowledged = try #require(Int64(note))
        let verdict = try String(contentsOfFile: disk.verdict, encoding: .utf8)
        let words = verdict.split(separator: " ").map(String.init)
        guard words.count == 5, let last = Int64(words[0]), let revision = Int64(words[1]) else {
            Issue.record("not a database any more: \(verdict)")
            return .max
        }
        #expect(words[2] == words[0] && words[3] == "ok" && words[4] == "true", "\(verdict)")
        if isSafe { #expect(revision >= acknowledged / 10 * 10, "a revision is lost") }
        return acknowledged - last
    }

    @Test("DB-2: no acknowledged intention, end or revision is lost with the power, and the database is whole")
    func nothingLost() async throws {
        let directory = try Directory()
        let disk = try Disk(directory)
        var random = Dice(state: 11)
        for _ in 0..<Self.rounds {
            let lost = try await round(
                disk,
                microseconds: UInt32.random(in: 20_000...400_000, using: &random),
                isSafe: true
            )
            #expect(lost <= 0)
        }
        withExtendedLifetime(directory) {}
    }

    @Test("DB-2, the control: a database that does not wait for the disk loses what it has acknowledged")
    func control() async throws {
        let directory = try Directory()
        #expect(try await round(Disk(directory), microseconds: 300_000, isSafe: false) > 0)
        withExtendedLifetime(directory) {}
    }
}

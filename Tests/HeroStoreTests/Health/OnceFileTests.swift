import Foundation
import HeroModel
import Testing

@testable import HeroStore

@Suite("The records of actions with once")
struct OnceFileTests {
    private let now = WallTime(microseconds: 1_700_000_000_000_000)

    private func record(_ digest: String, _ outcome: OnceRecord.Outcome = .succeeded) -> OnceRecord {
        let subject = OnceRecord.Subject(service: QualifiedName("web", context: "shop"), action: "migrate")
        return OnceRecord(subject, digest: digest, outcome, time: now, job: outcome == .succeeded ? 4 : nil)
    }

    @Test("A record is in the database and in the file, and no cleanup removes it")
    func copies() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        #expect(!store.wasLost)
        store.refreshOnceFile(try store.load().once)
        #expect(store.onceFile == OnceHistory())
        try store.commit([.once(record("a")), .once(record("b", .unknown)), .onceHistoryLost(true)])
        let expected = OnceHistory([record("a"), record("b", .unknown)], isLost: true)
        #expect(try store.load().once == expected)
        #expect(store.onceFile == expected)
        try store.commit([.once(record("b")), .onceHistoryLost(false), .jobsRemoved([4])])
        let later = OnceHistory([record("a"), record("b")])
        #expect(try store.reader.onceHistory() == later)
        #expect(store.onceFile == later)
    }

    @Test("A damaged file is not believed, and one that cannot be written is removed")
    func damage() throws {
        let directory = try TestDirectory()
        let store = try StateStore.open(path: directory.database, at: now)
        store.refreshOnceFile(OnceHistory([record("a")]))
        let path = directory.path + "/once.json"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[index] ^= 5
            try damaged.write(to: URL(fileURLWithPath: path))
            #expect(store.onceFile == nil)
        }
        mkdir(path + ".new", 0o700)
        try store.commit([.once(record("b"))])
        #expect(access(path, F_OK) != 0)
        rmdir(path + ".new")
        try store.commit([.once(record("b"))])
        #expect(store.onceFile?.records.count == 2, "the next record writes the whole file again")
    }

    @Test("A database in a used directory that is missing was lost")
    func traces() throws {
        for (name, isTrace) in [("applied.json", true), ("heroproc.reserve", true), ("other", false)] {
            let directory = try TestDirectory()
            try Data().write(to: URL(fileURLWithPath: directory.path + "/" + name))
            #expect(try StateStore.open(path: directory.database, at: now).wasLost == isTrace, "\(name)")
        }
    }
}

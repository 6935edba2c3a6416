import Foundation
import GRDB
import HeroModel
import Testing

@testable import HeroStore

@Suite("A database of the version before")
struct MigrationTests {
    /// Every row of the tables of version 1, as text.
    private func rows(_ directory: TestDirectory) throws -> [String: [String]] {
        let queue = try DatabaseQueue(path: directory.database)
        defer { try? queue.close() }
        return try queue.read { db in
            var result: [String: [String]] = [:]
            for table in [
                "revisions", "texts", "files", "manifests", "services", "actions", "runs", "jobs", "starts", "events",
            ] {
                result[table] = try Row.fetchAll(db, sql: "SELECT * FROM \(table)").map(\.description)
            }
            return result
        }
    }

    @Test("What was released is never edited: version 1 is made by the words it was released with")
    func versionOneIsFrozen() {
        #expect(Schema.migrations.first == VersionOneDatabase.schema)
    }

    @Test("DB-8: every old row stays as it is, and what could not be known then is still null")
    func keepsRows() throws {
        let directory = try VersionOneDatabase.make()
        let before = try rows(directory)
        let store = try StateStore(path: directory.database)
        let after = try rows(directory).mapValues { $0.map { $0.replacing(" is_healthy:NULL", with: "") } }
        #expect(after == before)
        let jobs = try store.reader.jobs()
        #expect(jobs.map(\.id) == [7, 2, 1])
        #expect(jobs.map(\.run) == [2, nil, nil])
        #expect(jobs.map(\.service) == ["web", "web", nil])
        let state = try store.load()
        #expect(state.services.map(\.spec.actions.first?.environment) == [["A": .text("b")]])
        #expect(state.services.first?.spec.replacesExistingJobs == true)
        #expect(state.standalone == [])
        #expect(state.lastJob == 7)
    }

    @Test("Tags of old jobs are found, as whole words")
    func tags() throws {
        let directory = try VersionOneDatabase.make()
        let store = try StateStore(path: directory.database)
        for (tag, expected) in [("red", [7, 2]), ("blue", [7]), ("re", []), ("[]", [])] as [(String, [JobID])] {
            #expect(try store.reader.jobs(JobFilter(tag: tag)).map(\.id) == expected)
        }
        try store.commit([.jobsRemoved([7])])
        #expect(try store.reader.jobs(JobFilter(tag: "red")).map(\.id) == [2])
    }

    @Test("A reader answers from an old database as it is, and changes no byte of it")
    func readsOld() throws {
        let directory = try VersionOneDatabase.make()
        let before = try directory.contents()
        do {
            let reader = try #require(try StateReader(path: directory.database))
            #expect(try reader.currentJobs().map(\.id) == [7])
            #expect(try reader.jobs(JobFilter(service: "web", tag: "red")).map(\.id) == [7, 2])
            #expect(try reader.standaloneSummaries() == [])
            #expect(try reader.serviceSummaries().map(\.name.name) == ["web"])
        }
        #expect(try directory.contents() == before)
    }

    @Test("Tags that are no list of texts hinder no migration")
    func damagedTags() throws {
        let directory = try VersionOneDatabase.make()
        let queue = try DatabaseQueue(path: directory.database)
        try queue.write { try $0.execute(sql: "UPDATE jobs SET tags = '[1, \"ok\"' WHERE id = 1") }
        try queue.write { try $0.execute(sql: "UPDATE jobs SET tags = '[1, \"ok\"]' WHERE id = 2") }
        try queue.close()
        let store = try StateStore(path: directory.database)
        #expect(try store.reader.jobs(JobFilter(tag: "red")).map(\.id) == [7])
        try store.commit([.jobsRemoved([1, 2])])
    }
}

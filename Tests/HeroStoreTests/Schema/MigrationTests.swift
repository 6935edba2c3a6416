import Foundation
import GRDB
import HeroModel
import Testing

@testable import HeroStore

@Suite("Migration from version 1")
struct MigrationTests {
    /// All rows of the tables of version 1, as text.
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

    @Test("The released schema of version 1 never changes")
    func versionOneIsFrozen() {
        #expect(Schema.migrations.first == VersionOneDatabase.schema)
    }

    @Test("A migration keeps all rows and sets new columns to null (DB-8)")
    func keepsRows() throws {
        let directory = try VersionOneDatabase.make()
        let before = try rows(directory)
        let store = try StateStore(path: directory.database)
        let added = [
            "is_healthy", "repository", "git_ref", "git_path", "git_author", "git_subject", "git_signer",
            "wanted", "hold", "deferred", "contents", "reload_failure", "goes_back_to",
        ]
        let after = try rows(directory).mapValues { rows in
            rows.map { row in added.reduce(row) { $0.replacing(" \($1):NULL", with: "") } }
        }
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

    @Test("Jobs of version 1 are found by whole tags")
    func tags() throws {
        let directory = try VersionOneDatabase.make()
        let store = try StateStore(path: directory.database)
        for (tag, expected) in [("red", [7, 2]), ("blue", [7]), ("re", []), ("[]", [])] as [(String, [JobID])] {
            #expect(try store.reader.jobs(JobFilter(tag: tag)).map(\.id) == expected)
        }
        try store.commit([.jobsRemoved([7])])
        #expect(try store.reader.jobs(JobFilter(tag: "red")).map(\.id) == [2])
    }

    @Test("A reader reads version 1 and changes no byte")
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

    @Test("Invalid tags do not prevent a migration")
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

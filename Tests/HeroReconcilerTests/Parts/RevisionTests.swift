import HeroManifest
import HeroModel
import Testing

@testable import HeroReconciler

@Suite("Revisions")
struct RevisionTests {
    @Test("A removed service counts as removed only after five seconds without interruption (MF-4)")
    func gracePeriod() {
        var grace = RemovalGracePeriod()
        let begin = Moment(nanoseconds: 0)
        let (web, db) = (QualifiedName("web"), QualifiedName("db"))
        #expect(grace.endsAt == nil)
        #expect(grace.update([web], at: begin) == [web])
        #expect(grace.endsAt == begin + .seconds(5))
        #expect(grace.update([db, web], at: begin + .seconds(2)) == [db])
        #expect(grace.endsAt == begin + .seconds(7), "all of them must be missing for long enough")
        #expect(grace.update([web], at: begin + .seconds(3)).isEmpty)
        #expect(grace.endsAt == begin + .seconds(5), "db is back")
        grace.cancel()
        #expect(grace.endsAt == nil)
    }

    private func request(_ files: [ManifestFile]) -> RevisionRequest {
        RevisionRequest(
            desired: DesiredState(),
            files: files,
            documents: [],
            variables: [:],
            directory: "/etc/sim",
            actor: "test"
        )
    }

    @Test("A request with the same files, directory and options needs no new revision")
    func same() {
        let files = [ManifestFile(path: "a.yaml", baseDirectory: "/etc/sim", bytes: [1])]
        var record = RevisionRecord(
            number: 1,
            time: WallTime(microseconds: 0),
            directory: "/etc/sim",
            actor: "someone",
            summary: ""
        )
        var same = request(files)
        #expect(same.isSame(as: record, files: files))
        #expect(!same.isSame(as: nil, files: files))
        #expect(!same.isSame(as: record, files: []))
        same.only = [QualifiedName("web")]
        #expect(!same.isSame(as: record, files: files))
        record.isDown = true
        #expect(!request(files).isSame(as: record, files: files), "after a down everything is applied again")
    }

    @Test("The summary of a revision names its services, its limits and the revision it restores")
    func summary() {
        var request = request([])
        #expect(request.summary == "0 services declared")
        request.only = [QualifiedName("web")]
        request.rollbackOf = 3
        #expect(request.summary == "back to revision 3: 0 services declared, only core/web applied")
    }
}

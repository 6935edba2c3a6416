import HeroModel
import HeroStore
import Testing

@testable import HeroReconciler

@Suite("Rows and deadlines")
struct LoopTests {
    @Test("The deadline queue returns due elements in the order of their deadlines")
    func deadlines() {
        var queue = DeadlineQueue<JobID>()
        let moments: [Int64] = [50, 10, 30, 20, 40, 10]
        for (job, moment) in moments.enumerated() { queue.add(JobID(job), at: Moment(nanoseconds: moment)) }
        #expect(queue.next == Moment(nanoseconds: 10))
        var due: [JobID] = []
        while let job = queue.popDue(Moment(nanoseconds: 30)) { due.append(job) }
        #expect(Set(due.prefix(2)) == [1, 5])
        #expect(Array(due.dropFirst(2)) == [3, 2])
        #expect(queue.next == Moment(nanoseconds: 40))
    }

    @Test("A row batch keeps only the last row of a job or of a state")
    func rows() {
        var batch = RowBatch()
        let name = QualifiedName("web")
        func job(_ attempt: Int) -> StoreChange {
            var record = JobRecord.sample
            record.attempt = attempt
            return .job(record)
        }
        func state(_ state: ServiceState) -> StoreChange {
            .serviceState(name, state, since: WallTime(microseconds: 0), blockedBy: [], isStartRequested: true)
        }
        batch.append(job(1))
        batch.append(state(.starting))
        batch.append(job(2))
        batch.append(state(.running))
        #expect(batch.changes.count == 2)
        let spec = ServiceSpec(name, actions: [ActionSpec("a", .exec(["a"]))])
        let record = ServiceRecord(
            spec: spec,
            canonical: CanonicalSpec(spec),
            state: .running,
            since: WallTime(microseconds: 0),
            run: nil,
            revision: 1,
            isStartRequested: true
        )
        batch.append(.service(record))
        batch.append(state(.stopping))
        guard case .serviceState(_, .stopping, since: _, blockedBy: _, isStartRequested: _) = batch.changes.last else {
            Issue.record("the last state is not the last row")
            return
        }
        guard case .job(let stored) = batch.changes[0] else {
            Issue.record("the row of the job is missing")
            return
        }
        #expect(stored.attempt == 2)
    }
}

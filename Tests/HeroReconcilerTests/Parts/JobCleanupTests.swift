import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

@Suite("The job cleanup")
struct JobCleanupTests {
    @Test("A cleanup without a rule, or during a store outage, is refused")
    func refused() throws {
        let parts = try ReconcilerParts()
        let request = ControlRequest(.cleanup, directory: "/etc/sim", actor: "test")
        parts.cleanup.start(request, RequestID(number: 1))
        #expect(parts.cleanup.isIdle)
        guard case .refused(let text, diagnostics: _)? = parts.takeReplies().first else {
            Issue.record("the cleanup was not refused")
            return
        }
        #expect(text.hasPrefix("cannot clean up jobs"))
    }

    @Test("A cleanup removes ended jobs, one batch a turn, and then reports the result")
    func removes() throws {
        let parts = try ReconcilerParts()
        for id in 1...3 {
            var job = JobRecord(
                id: JobID(id),
                context: "core",
                service: nil,
                action: "backup",
                run: nil,
                revision: 1,
                tags: [],
                createdAt: parts.kernel.wallTime()
            )
            job.phase = id == 3 ? .running : .succeeded
            job.finishedAt = id == 3 ? nil : parts.kernel.wallTime()
            parts.journal.rows.append(.job(job))
        }
        #expect(parts.storeHealth.commitTurn())
        var request = ControlRequest(.cleanup, directory: "/etc/sim", actor: "test")
        request.cleanup = CleanupRule(phases: [.succeeded])
        parts.cleanup.start(request, RequestID(number: 1))
        #expect(!parts.cleanup.isIdle)
        parts.cleanup.removeNextBatch()
        #expect(parts.storeHealth.commitTurn())
        #expect(try parts.store.reader.jobs(JobFilter()).map(\.id) == [3])
        parts.cleanup.removeNextBatch()
        #expect(parts.cleanup.isIdle)
        #expect(parts.events == ["cleanup by test: removed 2 ended jobs"])
    }
}

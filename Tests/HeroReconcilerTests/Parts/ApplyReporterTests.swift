import HeroKernel
import HeroModel
import Testing

@testable import HeroReconciler

@Suite("The apply reporter")
struct ApplyReporterTests {
    @Test("A new revision sends the final reply to the clients of the earlier one")
    func replaced() throws {
        let parts = try ReconcilerParts()
        parts.reporter.observe(RequestID(number: 1), revision: 1, [])
        parts.reporter.observe(RequestID(number: 2), revision: 2, [])
        let replies = parts.takeReplies()
        guard case .done(let result)? = replies.first, replies.count == 1 else {
            Issue.record("not one final reply: \(replies)")
            return
        }
        #expect(result.revision == 1 && !result.isConverged)
        #expect(parts.reporter.observers?.revision == 2)
    }

    @Test("Two clients that apply the same revision get the same replies until they leave")
    func joined() throws {
        let parts = try ReconcilerParts()
        parts.reporter.observe(RequestID(number: 1), revision: 1, [])
        parts.reporter.observe(RequestID(number: 2), revision: 1, [])
        let web = parts.addService("web", state: .running)
        parts.reporter.reportProgress(web)
        #expect(parts.takeReplies().count == 2)
        parts.reporter.observers?.removeClient(RequestID(number: 1))
        parts.reporter.reportProgress(web)
        #expect(parts.takeReplies().count == 1)
    }

    @Test("The reporter sends replies of an apply of this process to its callback")
    func local() throws {
        let parts = try ReconcilerParts()
        var count = 0
        parts.reporter.onReply = { _ in count += 1 }
        parts.reporter.observe(nil, revision: 1, [])
        parts.reporter.reportProgress(parts.addService("web", state: .running))
        #expect(count == 1 && parts.takeReplies().isEmpty)
    }

    @Test("An apply is settled when no operation is open and no service is changing")
    func settled() throws {
        let parts = try ReconcilerParts()
        let web = parts.addService("web", state: .starting)
        func check(_ open: Set<QualifiedName> = []) -> ConvergenceCheck {
            ConvergenceCheck(
                state: parts.state,
                openOperations: open,
                openStops: [],
                planViolation: nil,
                outage: nil
            )
        }
        #expect(!check().isSettled())
        web.record.state = .running
        #expect(check().isSettled() && !check([web.name]).isSettled())
        parts.state.needsPlan = true
        #expect(!check().isSettled())
    }

    @Test("The result of an apply names every service that differs from its manifest")
    func problems() throws {
        let parts = try ReconcilerParts()
        for (name, state) in [("a", ServiceState.running), ("b", .failed), ("c", .blocked), ("d", .starting)] {
            let service = parts.addService(name, state: state)
            parts.state.desired.services[service.name] = Declared(
                service.record.spec,
                at: ManifestLocation(file: "a.yaml", line: 1, column: 1)
            )
        }
        let check = ConvergenceCheck(
            state: parts.state,
            openOperations: [],
            openStops: [],
            planViolation: nil,
            outage: nil
        )
        let observers = ApplyObservers(nil, revision: 1, stability: StabilityCheck(earlier: []))
        let result = check.result(of: observers, isOverTime: false)
        #expect(result.errors.map { $0.prefix(6) } == ["core/b", "core/d"])
        #expect(!result.isConverged && result.services.count == 4)
    }
}

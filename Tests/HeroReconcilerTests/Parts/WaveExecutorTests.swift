import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore
import Testing

@testable import HeroReconciler

@Suite("The wave executor")
struct WaveExecutorTests {
    @Test("A chain of 20,000 ended services stops in order without deep recursion")
    func longStopChain() throws {
        let parts = try ReconcilerParts()
        let count = 20_000
        for index in 0..<count {
            let service = parts.addService(
                "s\(index)",
                requires: index == 0 ? [] : ["s\(index - 1)"],
                state: .exited
            )
            service.operation = .stop
            service.stopWave = count - index
        }
        parts.waves.buildGates()
        #expect(parts.waves.openStops.count == count)
        parts.waves.openGates()
        #expect(parts.waves.openStops.isEmpty && parts.waves.openOperations.isEmpty)
        #expect(parts.state.needsPlan)
        let stopped = parts.journal.rows.changes.compactMap { change -> String? in
            guard case .event(let event) = change, event.text == "stopped" else { return nil }
            return event.subject
        }
        #expect(stopped == (0..<count).reversed().map { "core/s\($0)" })
    }

    @Test("A missing service blocks a chain of 20,000 services without deep recursion")
    func longBlockedChain() throws {
        let parts = try ReconcilerParts()
        let count = 20_000
        for index in 0..<count {
            let required = index == 0 ? "missing" : "s\(index - 1)"
            let service = parts.addService("s\(index)", requires: [required], state: .stopped)
            let declared = Declared(service.record.spec, at: ManifestLocation(file: "a.yaml", line: 1, column: 1))
            parts.state.desired.services[service.name] = declared
            service.operation = .start(declared)
            service.startWave = index
        }
        parts.waves.buildGates()
        parts.waves.openGates()
        #expect(parts.waves.openOperations.isEmpty)
        #expect(parts.waves.blockedServices.count == count)
        #expect(parts.state.services.values.allSatisfy { $0.record.state == .blocked })
    }

    @Test("A service starts only after every stop of the plan has finished")
    func startsWaitForStops() throws {
        let parts = try ReconcilerParts()
        let old = parts.addService("old", state: .running)
        old.jobs = [parts.jobs.makeJob(old.record.spec.actions[0], for: .service(old))]
        parts.waves.advance(old)
        old.operation = .stop
        let new = parts.addService("new", state: .stopped)
        new.operation = .start(Declared(new.record.spec, at: ManifestLocation(file: "a.yaml", line: 1, column: 1)))
        parts.waves.buildGates()
        parts.waves.openGates()
        #expect(old.hasBegunStop && old.record.state == .stopping)
        #expect(new.jobs.isEmpty, "the stop of `old` is not finished")

        let start = StartID(job: old.jobs[0].id, generation: old.jobs[0].lifecycle.record.generation)
        parts.jobs.deliver(start, .launchCancelled(generation: start.generation))
        #expect(parts.state.services[old.name] == nil, "`old` is not declared and is down")
        #expect(new.jobs.count == 1 && new.record.state == .starting)
        #expect(parts.waves.openOperations.isEmpty && parts.state.needsPlan)
    }

    /// A service that waits for two others, `b` and `a`, which are starting.
    private func waitingService(_ parts: ReconcilerParts) -> (waiting: ServiceEntry, a: ServiceEntry, b: ServiceEntry) {
        let (a, b) = (parts.addService("a", state: .starting), parts.addService("b", state: .starting))
        let waiting = parts.addService("waiting", requires: ["b", "a"], state: .stopped)
        let place = ManifestLocation(file: "a.yaml", line: 1, column: 1)
        for service in [a, b, waiting] {
            parts.state.desired.services[service.name] = Declared(service.record.spec, at: place)
        }
        waiting.operation = .start(Declared(waiting.record.spec, at: place))
        parts.waves.buildGates()
        parts.waves.openGates()
        #expect(waiting.record.blockedBy == [b.name, a.name])
        return (waiting, a, b)
    }

    @Test("What a service waits for is recorded later, and its start is not delayed")
    func outdatedBlockers() throws {
        let parts = try ReconcilerParts()
        let (waiting, a, b) = waitingService(parts)
        let rows = parts.journal.rows.changes.count
        parts.waves.setState(b, .running)
        #expect(parts.journal.rows.changes.count == rows + 1, "only the row of `b` is written")
        let due = try #require(parts.waves.outdatedBlockers.dueAt)
        parts.waves.handleDueDeadlines(due)
        #expect(waiting.record.blockedBy == [a.name] && parts.waves.outdatedBlockers.dueAt == nil)
        parts.waves.setState(a, .running)
        #expect(waiting.record.state == .starting)
    }

    @Test("A start is given up at once when a requirement fails while others are starting")
    func failedRequirement() throws {
        let parts = try ReconcilerParts()
        let (waiting, a, b) = waitingService(parts)
        parts.waves.setState(b, .failed)
        #expect(parts.waves.openOperations.isEmpty && waiting.record.blockedBy == [b.name, a.name])
        #expect(parts.waves.blockedServices.isBlocking(a.name))
    }

    @Test("No run begins during a store outage")
    func outage() throws {
        let parts = try ReconcilerParts()
        let web = parts.addService("web", state: .stopped)
        web.operation = .start(Declared(web.record.spec, at: ManifestLocation(file: "a.yaml", line: 1, column: 1)))
        parts.store.injectedError = StoreError(.full, "the disk is full")
        parts.journal.recordEvent(.info, "", "a row")
        #expect(!parts.storeHealth.commitTurn())
        parts.waves.buildGates()
        parts.waves.openGates()
        #expect(web.jobs.isEmpty && web.record.state == .stopped)
    }
}

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

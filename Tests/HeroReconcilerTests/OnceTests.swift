import HeroKernel
import HeroModel
import HeroSim
import HeroStore
import Testing

@testable import HeroReconciler

/// One-shots with `once` on a simulated machine.
@Suite("Actions with once")
struct OnceTests {
    private static func set(_ fields: String = "", program: String = "job", server: String = "steady") -> String {
        """
        kind: Service
        name: web
        \(fields)
        actions:
          - {name: migrate, exec: [sim, \(program)], once: true}
          - {name: run, exec: [sim, \(server)], is_process: true}
        """
    }

    private let label = "core/web.migrate"

    @Test("A success stands through restarts, down and new reconcilers")
    func successStands() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set(), then: .seconds(3))
        #expect(harness.executions(label) == 1)
        for server in ["other", "steady"] {
            let result = try #require(try harness.apply(Self.set(server: server), then: .seconds(3)))
            #expect(result.isConverged)
        }
        try harness.down(then: .seconds(3))
        try harness.crashReconciler()
        try harness.apply(Self.set(), then: .seconds(3))
        #expect(harness.executions(label) == 1)
        #expect(try harness.state("web") == .running)
        let job = try #require(try harness.jobs("migrate").last)
        #expect(job.phase == .succeeded && job.executions == 0 && job.startedAt == nil)
        let record = try #require(try harness.store.reader.onceHistory().records.first)
        #expect(job.finishedAt == record.time, "the job shows when it ran")
    }

    @Test("A changed spec and a raised generation run it again; a former spec does not")
    func changes() throws {
        let harness = try ReconcilerHarness()
        var expected = 0
        let steps: [(set: String, runs: Bool)] = [
            (Self.set(), true), (Self.set(program: "job, again"), true), (Self.set(), false),
            (Self.set("env: {A: b}"), true), (Self.set("generation: 1"), true), (Self.set("tags: [x]"), false),
        ]
        for (set, runs) in steps {
            try harness.apply(set, then: .seconds(3))
            expected += runs ? 1 : 0
            #expect(harness.executions(label) == expected, "\(set)")
        }
    }

    @Test("The success of a running service counts when once is added")
    func addedLater() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set().replacing(", once: true", with: ""), then: .seconds(3))
        try harness.apply(Self.set(), then: .seconds(3))
        try harness.apply(Self.set(server: "other"), then: .seconds(3))
        #expect(harness.executions(label) == 1)
        try harness.apply(Self.set().replacing(", once: true", with: ""), then: .seconds(3))
        #expect(harness.executions(label) == 2)
    }

    @Test("A failed action with once runs again")
    func failure() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set(program: "exit3"), then: .seconds(3))
        #expect(try harness.store.reader.onceHistory().isEmpty)
        #expect(try harness.state("web") == .failed)
        try harness.apply(Self.set(program: "exit3") + "\n# again", then: .seconds(3))
        #expect(harness.executions(label) == 2)
    }

    @Test("A reconciler that is killed at any step runs it only once")
    func killedAnywhere() throws {
        for steps in 1..<60 {
            let harness = try ReconcilerHarness()
            try harness.postApply(Self.set())
            try harness.runSteps(steps)
            try harness.crashReconciler(for: .seconds(2))
            try harness.apply(Self.set(), then: .seconds(4))
            try harness.down(then: .seconds(3))
            try harness.apply(Self.set(), then: .seconds(4))
            let successes = try harness.store.reader.onceHistory().records.filter { $0.outcome == .succeeded }
            #expect(successes.count == 1 && harness.executions(label) == 1, "killed after \(steps) steps")
        }
    }

    @Test("Nothing that follows starts during a store outage before the success is recorded")
    func storeOutage() throws {
        let harness = try ReconcilerHarness()
        try harness.postApply(Self.set())
        while harness.executions(label) == 0 { try harness.advance(.milliseconds(1)) }
        harness.failStore(.full)
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.run") == 0)
        harness.failStore(nil)
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.run") == 1)
        #expect(try harness.store.reader.onceHistory().records.count == 1)
    }

    @Test("A service is blocked after a loss of all records until its generation is raised")
    func lostRecords() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set(), then: .seconds(3))
        try harness.down(then: .seconds(3))
        // Another service keeps running, so other state exists.
        let other = "\n---\nkind: Service\nname: other\nexec: [sim, steady]"
        try harness.apply("kind: Service\nname: other\nexec: [sim, steady]", then: .seconds(3))
        try harness.crashWithoutDatabase()
        try harness.apply(Self.set() + other, then: .seconds(3))
        #expect(try harness.state("web") == .blocked)
        #expect(try harness.events("core/web.migrate").contains { $0.contains("raise its `generation`") })
        try harness.crashReconciler()
        try harness.advance(.seconds(3))
        #expect(try harness.state("web") == .blocked)
        #expect(harness.executions(label) == 1)
        try harness.apply(Self.set("generation: 1") + other, then: .seconds(3))
        #expect(harness.executions(label) == 2)
        #expect(try harness.state("web") == .running)
    }

    @Test("A running service proves after the loss of the database that its action has run")
    func lostDatabase() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(Self.set(), then: .seconds(3))
        try harness.crashWithoutDatabase()
        try harness.apply(Self.set(server: "other"), then: .seconds(3))
        #expect(harness.executions(label) == 1)
        #expect(try harness.state("web") == .running)
    }
}

import HeroModel
import HeroReconciler
import HeroSim
import Testing

@Suite("The convergence of an apply")
struct ConvergenceTests {
    private func service(_ name: String, _ kind: String, _ keys: String = "", _ fields: String = "") -> String {
        """
        ---
        kind: Service
        name: \(name)
        \(fields)
        actions: [{name: run, exec: [sim, \(kind)], is_process: true, stop: {timeout: 200ms}\(keys)}]

        """
    }

    @Test("An apply has converged when its services have stayed up for the settle time")
    func settle() throws {
        let harness = try ReconcilerHarness()
        harness.settle = "2s"
        #expect(try harness.apply(service("web", "steady"), then: .milliseconds(1900)) == nil)
        try harness.advance(.milliseconds(300))
        #expect(try harness.result()?.isConverged == true)
        // Nothing is started, so nothing has to settle.
        #expect(try harness.apply(service("web", "steady"), then: .milliseconds(20))?.isConverged == true)
    }

    @Test("A new start begins the settle time again")
    func newStart() throws {
        let harness = try ReconcilerHarness()
        harness.settle = "2s"
        let text = service("web", "steady", ", retry: {delay: 0s}")
        #expect(try harness.apply(text, then: .milliseconds(1500)) == nil)
        let process = try #require(try harness.jobs("run").first?.process)
        harness.killProgram(process)
        #expect(try harness.state("web") == .running)
        try harness.advance(.milliseconds(1500))
        #expect(try harness.result() == nil)
        try harness.advance(.seconds(1))
        #expect(try harness.result()?.isConverged == true)
    }

    @Test("An apply ends after the third failure in a row", arguments: ["0s", "500ms"])
    func thirdFailure(delay: String) throws {
        let harness = try ReconcilerHarness()
        harness.settle = "1s"
        let text = service("web", "exit3", ", retry: {delay: \(delay), jitter: 0}")
        let result = try #require(try harness.apply(text, then: .seconds(20)))
        #expect(!result.isConverged)
        #expect(result.failedActions == [ApplyResult.FailedAction(owner: QualifiedName("web"), action: "run")])
        #expect(result.errors.count == 1)
        #expect(result.errors.first?.hasPrefix("core/web has failed 3 times in a row: ") == true, "\(result.errors)")
    }

    @Test("A service that keeps failing does not end a down that stops it")
    func failingWhileDown() throws {
        let harness = try ReconcilerHarness()
        let text =
            service("db", "exit3", ", retry: {delay: 10ms, max_delay: 10ms, jitter: 0}")
            + service("web", "steady", "", "after: [db]")
        try harness.apply(text.replacing("sim, steady", with: "sim, stubborn"), then: .seconds(2))
        let result = try #require(try harness.down(then: .seconds(5)))
        #expect(result.isConverged, "\(result.errors)")
    }

    @Test("A requirement that starts and fails within one turn does not start its dependents")
    func failsWithinTurn() throws {
        let harness = try ReconcilerHarness()
        let text =
            service("db", "exit3", ", retry: {delay: 1s, jitter: 0}") + service("web", "steady", "", "requires: [db]")
        try harness.postApply(text)
        try harness.advance(.zero)
        // The reconciler does not run while the program starts and ends.
        harness.machine.advanceTime(.milliseconds(100))
        try harness.advance(.milliseconds(400))
        #expect(try harness.state("db") == .backingOff)
        #expect(harness.executions("core/web.run") == 0)
    }

    @Test("Failures before an apply do not count for it")
    func earlierFailures() throws {
        let harness = try ReconcilerHarness()
        harness.settle = "1s"
        let text = service("web", "exit3", ", retry: {delay: 2s, factor: 1, jitter: 0}")
        _ = try #require(try harness.apply(text, then: .seconds(30)))
        let before = harness.executions("core/web.run")
        try harness.postApply(text)
        while try harness.result() == nil { try harness.advance(.milliseconds(100)) }
        #expect(harness.executions("core/web.run") - before >= 3)
    }

    @Test("A narrowed apply does not wait for a service that was not selected")
    func narrowed() throws {
        let harness = try ReconcilerHarness()
        let text = service("a", "steady") + service("b", "exit3", ", retry: {delay: 5s, jitter: 0}")
        _ = try harness.apply(text, then: .milliseconds(100))
        let changed = text.replacing("name: a\n", with: "name: a\ndescription: changed\n")
        let result = try #require(try harness.apply(changed, only: ["a"]))
        #expect(result.isConverged, "\(result.errors)")
        #expect(result.services.map(\.name.name) == ["a"])
    }

    @Test("What a starting service waits for is reported as progress, once")
    func reportedWait() throws {
        let harness = try ReconcilerHarness()
        harness.machine.addForeignListener(to: 2011)
        try harness.apply(service("web", "port", ", tcp_ports: [2011]"), then: .seconds(30))
        #expect(harness.progress.filter { $0.contains("2011") }.count == 1, "\(harness.progress)")
        #expect(try harness.result()?.isConverged == true)

        let quick = try ReconcilerHarness()
        try quick.apply(service("web", "slow-notifier", ", ready: {tcp: 2012, interval: 50ms}"), then: .seconds(30))
        #expect(quick.executions("core/web.run") == 1)
        #expect(quick.progress.filter { !$0.isEmpty } == [], "it came up within a second")
    }

    @Test("A one-shot that has not ended after 5 seconds is reported as progress")
    func unendedOneShot() throws {
        let harness = try ReconcilerHarness()
        let text = service("web", "steady").replacing("is_process: true, ", with: "")
        _ = try harness.apply(text, then: .seconds(4))
        #expect(!harness.progress.contains { $0.contains("is_process: true") })
        try harness.advance(.seconds(2))
        #expect(harness.progress.filter { $0.contains("`run` is a one-shot that has not ended") }.count == 1)
    }

    @Test("A one-shot that ends in time is not reported")
    func endedOneShot() throws {
        let harness = try ReconcilerHarness()
        let text = service("web", "job").replacing("is_process: true, ", with: "") + service("slow", "slow")
        _ = try harness.apply(text, then: .seconds(7))
        #expect(!harness.progress.contains { $0.contains("is_process: true") })
    }

    @Test("A one-shot with status ignore is not stopped by its timeout")
    func ignoredOneShot() throws {
        let harness = try ReconcilerHarness()
        let text = service("web", "steady", ", timeout: 2s").replacing("is_process: true, ", with: "")
        try harness.apply(text)
        try harness.apply(text.replacing("name: web", with: "name: web\nstatus: ignore"))
        try harness.advance(.seconds(5))
        #expect(try harness.jobs("run").first?.phase == .running)
    }

    @Test("A service that has ended well stays ended with status ignore")
    func ignoredAfterEnd() throws {
        let harness = try ReconcilerHarness()
        let text = service("web", "job").replacing("is_process: true, ", with: "")
        try harness.apply(text)
        #expect(try harness.state("web") == .exited)
        try harness.apply(text.replacing("name: web", with: "name: web\nstatus: ignore"))
        #expect(try harness.state("web") == .exited)
    }

    @Test("A service that is set to status ignore is not healed any more", arguments: [false, true])
    func ignored(isReplaced: Bool) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", "steady", ", retry: {delay: 0s}"))
        try harness.apply(service("web", "steady", ", retry: {delay: 0s}", "status: ignore"))
        if isReplaced { try harness.crashReconciler() }
        harness.killProgram(try #require(try harness.jobs("run").first?.process))
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.run") == 1)
        #expect(try harness.state("web") == .failed)
        // Declared with status start again, it starts.
        #expect(try harness.apply(service("web", "steady", ", retry: {delay: 0s}"))?.isConverged == true)
        #expect(harness.executions("core/web.run") == 2)
    }

    @Test("A process that has exited while it was ignored starts again when it is wanted", arguments: [false, true])
    func wantedAfterIgnoredExit(isReplaced: Bool) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", "long", ", retry: {delay: 0s}"))
        try harness.apply(service("web", "long", ", retry: {delay: 0s}", "status: ignore"))
        try harness.advance(.seconds(5))
        if isReplaced { try harness.crashReconciler() }
        let executions = harness.executions("core/web.run")
        try harness.advance(.seconds(5))
        #expect(harness.executions("core/web.run") == executions)
        #expect(try harness.state("web") == .stopped)
        try harness.apply(service("web", "long", ", retry: {delay: 0s}"))
        #expect(harness.executions("core/web.run") > executions)
    }

    @Test("A service that waits for its next try is not tried again with status ignore", arguments: [false, true])
    func ignoredWhileWaiting(isReplaced: Bool) throws {
        let harness = try ReconcilerHarness()
        let keys = ", retry: {delay: 2s, factor: 1, jitter: 0}"
        try harness.apply(service("web", "exit3", keys))
        #expect(try harness.state("web") == .backingOff)
        try harness.apply(service("web", "exit3", keys, "status: ignore"))
        if isReplaced { try harness.crashReconciler() }
        try harness.advance(.seconds(10))
        #expect(harness.executions("core/web.run") == 1)
        #expect(try harness.state("web") == .stopped)
    }
}

import HeroJSON
import HeroModel
import HeroView
import Testing

@Suite("Why of a standalone action")
struct ActionWhyTests {
    private static let name = QualifiedName("backup")

    /// The time a number of seconds after the report.
    private static func later(_ seconds: Int64) -> WallTime {
        WallTime(microseconds: now.microseconds + seconds * 1_000_000)
    }

    private static func report(
        _ status: StandaloneStatus?,
        _ change: (inout ActionSpec) -> Void = { $0.schedule = Schedule(.every(.seconds(300))) }
    ) -> ActionWhyReport {
        var spec = ActionSpec(name.name, .exec(["backup"]))
        change(&spec)
        let place = ManifestLocation(file: "services.d/backup.yaml", line: 2, column: 7)
        return ActionWhyReport(
            name: name,
            declared: Declared(spec, at: place),
            status: status,
            finishedAt: Self.later(-60),
            reconciler: nil,
            revision: nil,
            now: now
        )
    }

    private static func status(_ phase: JobPhase?, nextRunAt: WallTime? = nil) -> StandaloneStatus {
        var action = ActionStatus(name: name.name)
        if phase != nil { action.job = 7 }
        action.phase = phase
        if phase == .failed || phase == .retrying { action.outcome = .exited(3) }
        if phase == .running { action.pid = 412 }
        return StandaloneStatus(name: name, action: action, nextRunAt: nextRunAt)
    }

    @Test("The answer says how the last run ended and when the next one is due")
    func scheduled() {
        let next = Self.later(90)
        let done = Self.report(Self.status(.succeeded, nextRunAt: next))
        #expect(done.answer == "has completed; next run in 1m30s")
        let texts = done.findings.map { "\($0.topic): \($0.text)" }
        #expect(texts[0] == "declared: it runs every 5m (services.d/backup.yaml:2)")
        #expect(texts[1] == "last run: job 7 has completed, 1m ago")
        #expect(texts[2].hasPrefix("next run: in 1m30s, at "))
        #expect(texts[3].hasPrefix("reconciler: none is running"))
        #expect(Self.report(Self.status(nil, nextRunAt: next)).answer == "has not run yet; next run in 1m30s")
        let failed = Self.report(Self.status(.failed, nextRunAt: next))
        #expect(failed.answer == "has failed: it ended with exit code 3; next run in 1m30s")
        #expect(failed.hasProblem && !done.hasProblem)
        var paused = Self.status(.succeeded)
        paused.isPaused = true
        #expect(Self.report(paused).answer.hasSuffix("its schedule is paused by `down`, and the next apply resumes it"))
        let late = Self.report(Self.status(.succeeded, nextRunAt: Self.later(-5)))
        #expect(late.answer == "has completed; its next run is due, but no reconciler is running")
        #expect(Self.report(Self.status(.running, nextRunAt: next)).answer.hasPrefix("runs as pid 412"))
    }

    @Test("An action of an apply runs again only for another spec or generation")
    func runOnApply() {
        let report = Self.report(Self.status(.succeeded)) { $0.runOn = .apply }
        #expect(report.answer == "has completed; it runs again when its spec changes or its `generation` rises")
        #expect(report.findings[0].text.hasPrefix("it runs once for each changed spec or raised `generation`"))
    }

    @Test("An action without schedule and run_on names the services that run it")
    func partOfService() {
        var report = Self.report(nil) { _ in }
        #expect(report.answer == "never runs: it has neither `schedule` nor `run_on`, and no service lists it")
        report.users = [QualifiedName("web")]
        #expect(report.answer == "runs as a part of core/web")
        report.declared = nil
        #expect(report.answer == "runs no more: no manifest declares it as a standalone action")
    }

    @Test("The JSON of an action has its state in `standalone`")
    func json() {
        let value = WhyView.json(Self.report(Self.status(.failed)))
        #expect(value["schema"] == .string("heroproc/why/v1"))
        #expect(value["service"] == JSONValue.null && value["state"] == JSONValue.null)
        #expect(value["standalone"]?["phase"] == .string("failed"))
        #expect(keys(value).last == "standalone")
    }

    @Test("A number of restarts is counted in the singular and the plural")
    func countsRestarts() {
        func text(_ restarts: Int) -> String {
            var action = ActionStatus(name: "run")
            action.phase = .running
            action.pid = 1
            action.restartCount = restarts
            var status = ServiceStatus(name: Self.name, wanted: .start, state: .running)
            status.actions = [action]
            let report = WhyReport(
                name: Self.name,
                declared: nil,
                status: status,
                reconciler: nil,
                revision: nil,
                now: now
            )
            return report.findings.map(\.text).joined(separator: "\n")
        }
        #expect(text(1).contains("restarted 1 time") && !text(1).contains("1 times"))
        #expect(text(2).contains("restarted 2 times"))
    }
}

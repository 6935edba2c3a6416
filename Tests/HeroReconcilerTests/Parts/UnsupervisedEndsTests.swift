import HeroModel
import Testing

@testable import HeroReconciler

@Suite("Ends without a reconciler")
struct UnsupervisedEndsTests {
    private static let process = ProcessIdentity(bootID: "b", pidNamespace: 1, pid: 7, startTicks: 5, pidfsInode: 9)

    private static func job(_ phase: JobPhase, isStopping: Bool = false, action: String = "run") -> JobRecord {
        var job = JobRecord.sample
        job.action = action
        job.phase = phase
        job.isStopping = isStopping
        job.process = phase == .running ? process : nil
        return job
    }

    /// A job that is recorded as running without a process.
    private static var jobWithoutProcess: JobRecord {
        var job = job(.running)
        job.process = nil
        return job
    }

    private static func action(_ name: String = "run", _ restart: RestartPolicy? = nil, isProcess: Bool = true)
        -> ActionSpec
    {
        var action = ActionSpec(name, .exec(["sim"]), isProcess: isProcess)
        if let restart { action.restart = restart }
        return action
    }

    private static func service(_ actions: [ActionSpec], _ status: DesiredStatus = .start) -> ServiceSpec {
        var spec = ServiceSpec(QualifiedName("web"), actions: actions)
        spec.status = status
        return spec
    }

    /// One service with the jobs of its current run.
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var spec: ServiceSpec
        var state = ServiceState.running
        var jobs: [JobRecord]
        var isAlive = false
        var outcome: Outcome?
        var isStarting = false
        var isRunning = false
        /// A part of the text; nil if nothing starts again.
        var expected: String?
    }

    static let rows = [
        Row(testDescription: "alive", spec: service([action()]), jobs: [job(.running)], isAlive: true),
        Row(testDescription: "dead, no record", spec: service([action()]), jobs: [job(.running)], expected: "is gone"),
        Row(
            testDescription: "a daemon that waits for its PID file",
            spec: service([action()]),
            state: .starting,
            jobs: [job(.running)],
            isStarting: true
        ),
        Row(
            testDescription: "dead with its exit code",
            spec: service([action()]),
            jobs: [job(.running)],
            outcome: .exited(3),
            expected: "process 7 is gone (exit code 3), and no reconciler is running"
        ),
        // The machine has no answer about a job without a process, which must not count as alive.
        Row(
            testDescription: "no process in the row and in the record",
            spec: service([action()]),
            jobs: [jobWithoutProcess],
            isAlive: true,
            expected: "run has no recorded process, and no reconciler is running"
        ),
        Row(
            testDescription: "no process in the row, and a running one in the record",
            spec: service([action()]),
            jobs: [jobWithoutProcess],
            isRunning: true
        ),
        Row(
            testDescription: "a process that always restarts, after a success",
            spec: service([action()]),
            jobs: [job(.running)],
            outcome: .exited(0),
            expected: "is gone"
        ),
        Row(
            testDescription: "a process that restarts only on failure, after a success",
            spec: service([action("run", .onFailure)]),
            jobs: [job(.running)],
            outcome: .exited(0)
        ),
        Row(
            testDescription: "a one-shot that succeeded",
            spec: service([action(isProcess: false)]),
            state: .starting,
            jobs: [job(.running)],
            outcome: .exited(0)
        ),
        Row(
            testDescription: "a one-shot that failed",
            spec: service([action(isProcess: false)]),
            state: .starting,
            jobs: [job(.running)],
            outcome: .exited(1),
            expected: "exit code 1"
        ),
        Row(
            testDescription: "a retry that is due later",
            spec: service([action()]),
            state: .backingOff,
            jobs: [job(.retrying)],
            expected: "run waits for its next try"
        ),
        Row(
            testDescription: "a start that waits for a port",
            spec: service([action()]),
            state: .starting,
            jobs: [job(.waiting)],
            expected: "run has not started yet"
        ),
        Row(
            testDescription: "an action whose start was not ordered",
            spec: service([action(isProcess: false), action("main")]),
            state: .starting,
            jobs: [job(.succeeded)],
            expected: "its start was interrupted"
        ),
        Row(testDescription: "a stop", spec: service([action()]), jobs: [job(.running, isStopping: true)]),
        Row(testDescription: "status stop", spec: service([action()], .stop), jobs: [job(.running)]),
        Row(testDescription: "status ignore", spec: service([action()], .ignore), jobs: [job(.running)]),
    ]

    @Test("Without a reconciler only an end that starts again is a change", arguments: rows)
    func ends(_ row: Row) {
        let ends = UnsupervisedEnds(of: row.spec, state: row.state, jobs: row.jobs)
        let text = ends.text(isAlive: { _ in row.isAlive }) { _ in
            row.isStarting ? .isStarting : row.isRunning ? .isRunning : .ended(row.outcome)
        }
        #expect((text == nil) == (row.expected == nil), "\(text ?? "nothing")")
        if let expected = row.expected { #expect(text?.contains(expected) ?? false, "\(text ?? "nothing")") }
    }
}

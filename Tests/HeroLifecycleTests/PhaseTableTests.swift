import Foundation
import HeroLifecycle
import HeroModel
import Testing

/// `docs/contributing/phases.md` is rendered from the state machine, so that it cannot become outdated.
@Suite("Phase table")
struct PhaseTableTests {
    @Test("The phase page matches the state machine (RECORD_GOLDENS=1 writes it)")
    func phasePage() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/contributing/phases.md").standardized
        let rendered = Self.page
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try rendered.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("docs/contributing/phases.md was written; read it, and run the tests again")
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(committed == rendered, "docs/contributing/phases.md does not match the state machine")
    }

    private static var page: String {
        var text = """
            # Phases of a job

            This page lists the transitions of the job lifecycle. The tests of the module HeroLifecycle render it from
            the state machine. Set `RECORD_GOLDENS=1` to write it again.

            A section describes one phase. An event without a row is ignored in that phase, because it arrived late or
            twice. A section ends with the texts that its transitions record for the user. `starting`, `ready` and
            `stopping` are shown for a process that declares a port; a process without a port and without a probe is
            ready as soon as it executes. The one-shots also succeed with exit code 3.

            An impossible event is neither listed nor ignored. The lifecycle then records the warning `unexpected EVENT
            in phase PHASE` and changes nothing.


            """
        for phase in PhaseFixtures.phases { text += section(phase) }
        return text + adoptions
    }

    private static func section(_ phase: PhaseFixtures.Phase) -> String {
        var rows = ""
        var texts: [String] = []
        for (name, event) in PhaseFixtures.events(generation: phase.job.lifecycle.record.generation) {
            var job = phase.job
            if event == .deadlineReached { job.now = job.lifecycle.deadline ?? job.now }
            let before = job.lifecycle
            let effects = job.handle(event)
            let isUnchanged = job.lifecycle.phase == before.phase && job.lifecycle.record == before.record
            guard !effects.contains(where: isUnexpected), !isUnchanged || !effects.isEmpty else { continue }
            rows += row(name, isUnchanged ? "unchanged" : Self.name(job.lifecycle.phase), effects)
            texts += recordedTexts(name, effects)
        }
        return "## \(phase.name)\n\n" + table("event", rows) + list(texts)
    }

    // MARK: Adoption

    /// The stored record of a job when its reconciler is killed.
    private static let records: [(name: String, change: @Sendable (inout JobRecord) -> Void)] = [
        ("pending", { $0.phase = .pending }),
        ("launched, not seen", { $0.executions = 0 }),
        ("launched again, not seen", { _ in }),
        ("running", { $0.process = JobTestDriver.identity(101) }),
        (
            "ready",
            {
                $0.process = JobTestDriver.identity(101)
                $0.isReady = true
            }
        ),
        (
            "stopping",
            {
                $0.process = JobTestDriver.identity(101)
                $0.isStopping = true
            }
        ),
        ("backing off", { $0.phase = .retrying }),
        ("succeeded", { $0.phase = .succeeded }),
        ("failed", { $0.phase = .failed }),
        ("cancelled", { $0.phase = .cancelled }),
    ]

    private static let recoveredStarts: [(name: String, start: RecoveredStart)] = [
        (
            "its program runs",
            .supervised(generation: 2, process: JobTestDriver.identity(101), at: moment, time: time)
        ),
        ("its shim has not executed it yet", .supervised(generation: 2, process: nil, at: moment, time: time)),
        (
            "its program runs without its shim",
            .shimLost(generation: 2, process: JobTestDriver.identity(101), at: moment, time: time)
        ),
        ("exited with code 0", .ended(generation: 2, .exited(0), executed: true, time: time)),
        ("exited with code 1", .ended(generation: 2, .exited(1), executed: true, time: time)),
        ("only an earlier start", .ended(generation: 1, .exited(0), executed: true, time: time)),
        ("nothing", .notFound),
    ]

    private static let moment = Moment(nanoseconds: 1_000_000_000)
    private static let time = WallTime(microseconds: 0)

    private static var adoptions: String {
        var text = """
            # Adoption by a new reconciler

            These tables show the result of an adoption, for each stored record and each state of its start. The job
            belongs to a service and declares a port. The last two tables are after a reboot of the machine.


            """
        for (name, change) in records {
            var rows = ""
            var texts: [String] = []
            for (found, start) in recoveredStarts {
                let result = adopt(PhaseFixtures.process, start, on: "b", change)
                rows += row(found, Self.name(result.lifecycle.phase), result.effects)
                texts += recordedTexts(found, result.effects)
            }
            text += "## Stored as \(name)\n\n" + table("found", rows) + list(texts)
        }
        for (title, service) in [("a service", "web" as String?), ("a standalone action", nil)] {
            var rows = ""
            var texts: [String] = []
            for (name, change) in records {
                let result = adopt(PhaseFixtures.oneShot(), .notFound, on: "an earlier boot") {
                    change(&$0)
                    $0.service = service
                    $0.run = service == nil ? nil : 3
                    $0.process?.bootID = "an earlier boot"
                }
                rows += row(name, Self.name(result.lifecycle.phase), result.effects)
                texts += recordedTexts(name, result.effects)
            }
            text += "## One-shot of \(title) after a reboot\n\n" + table("stored as", rows) + list(texts)
        }
        return String(text.dropLast())
    }

    private static func adopt(
        _ action: ActionSpec,
        _ found: RecoveredStart,
        on boot: String,
        _ change: (inout JobRecord) -> Void
    ) -> (lifecycle: JobLifecycle, effects: [JobEffect]) {
        var record = JobTestDriver.record()
        record.phase = .running
        record.generation = 2
        record.executions = 1
        record.attempt = 1
        record.deadline = .init(moment: Moment(nanoseconds: 5_000_000_000), bootID: boot)
        change(&record)
        return JobLifecycle.adopt(record, found, JobTestDriver(action).context)
    }

    // MARK: Markdown

    private static func table(_ title: String, _ rows: String) -> String {
        "| \(title) | next phase | effects |\n|---|---|---|\n\(rows)\n"
    }

    private static func row(_ title: String, _ phase: String, _ effects: [JobEffect]) -> String {
        let names = effects.map(Self.name).joined(separator: ", ")
        return "| \(title) | \(phase) | \(names.isEmpty ? "none" : names) |\n"
    }

    private static func recordedTexts(_ title: String, _ effects: [JobEffect]) -> [String] {
        effects.compactMap {
            guard case .recordEvent(let level, let text) = $0 else { return nil }
            return "- \(title) (\(level)): \(text)"
        }
    }

    /// The items, with lines of at most 120 characters.
    private static func list(_ items: [String]) -> String {
        guard !items.isEmpty else { return "" }
        return items.map(wrapped).joined(separator: "\n") + "\n\n"
    }

    private static func wrapped(_ item: String) -> String {
        var lines: [String] = []
        var line = ""
        for word in item.split(separator: " ") {
            if line.count + word.count + 1 > 120 {
                lines.append(line)
                line = "  \(word)"
            } else {
                line += line.isEmpty ? String(word) : " \(word)"
            }
        }
        return (lines + [line]).joined(separator: "\n")
    }

    // MARK: Names

    private static func isUnexpected(_ effect: JobEffect) -> Bool {
        if case .recordEvent(_, let text) = effect { text.hasPrefix("unexpected ") } else { false }
    }

    private static func name(_ phase: JobLifecycle.Phase) -> String {
        switch phase {
        case .pending: "pending"
        case .preparing: "preparing"
        case .launching: "launching"
        case .starting: "starting"
        case .ready: "ready"
        case .runningOnce: "running once"
        case .stopping(let stopping):
            switch stopping.nextStep {
            case .finish: "stopping"
            case .retry: "stopping, before a retry"
            case .conclude: "stopping, after the end of main"
            }
        case .backingOff: "backing off"
        case .finished(.succeeded): "finished: succeeded"
        case .finished(.failed): "finished: failed"
        case .finished(.cancelled): "finished: cancelled"
        }
    }

    private static func name(_ effect: JobEffect) -> String {
        switch effect {
        case .launch: "launch"
        case .removeSocket: "remove the socket"
        case .removePIDFile: "remove the PID file"
        case .signal(_, let signal): "send \(signal)"
        case .signalTree(_, _, let signal): "send \(signal) to the process tree"
        case .signalReload(_, _, let signal): "send \(signal) for a reload"
        case .killTree: "kill the process tree"
        case .startProbe: "start a probe"
        case .stopProbe: "stop the probe"
        case .removeRuntimeFiles: "remove the runtime files"
        case .recordEvent: "record an event"
        }
    }
}

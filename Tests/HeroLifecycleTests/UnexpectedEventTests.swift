import HeroLifecycle
import HeroModel
import Testing

@Suite("Unexpected events")
struct UnexpectedEventTests {
    /// The phases in which an event cannot occur, by the name of the event.
    ///
    /// An event without an entry is ignored by every phase that has no use for it.
    private static let impossible: [String: Set<String>] = [
        "startRequested": [
            "preparing", "launching", "starting", "ready", "runningOnce", "stopping", "backingOff", "finished",
        ],
        "launchCancelled": ["pending", "launching", "starting", "ready", "runningOnce"],
        "survivedKill": ["pending", "launching", "starting", "ready", "runningOnce"],
        "probeSucceeded": ["pending", "launching", "runningOnce"],
        "probeFailed": ["pending", "launching", "runningOnce"],
        "probeSkipped": ["pending", "launching", "runningOnce"],
    ]

    @Test("An impossible event records a warning and changes nothing", arguments: PhaseFixtures.phases.indices)
    func impossibleEvents(index: Int) {
        let fixture = PhaseFixtures.phases[index]
        let generation = fixture.job.lifecycle.record.generation
        for (title, event) in PhaseFixtures.events(generation: generation) {
            var job = fixture.job
            if event == .deadlineReached { job.now = job.lifecycle.deadline ?? job.now }
            let before = job.lifecycle
            let (event, name) = (event, Self.name(event))
            let phase = Self.name(before.phase)
            // A blocker check is reported only while the job needs one.
            let isImpossible =
                name == "blockersChecked"
                ? !before.needsBlockerCheck : Self.impossible[name]?.contains(phase) ?? false
            let isStale = title == "end of an earlier start"
            let effects = job.handle(event)
            if isImpossible {
                #expect(
                    effects == [.recordEvent(.warning, "unexpected \(name) in phase \(phase)")],
                    "\(title) in \(fixture.name)"
                )
                #expect(job.lifecycle == before, "\(title) in \(fixture.name)")
            } else {
                #expect(!effects.contains(where: Self.isWarning), "\(title) in \(fixture.name)")
                if isStale { #expect(effects == [] && job.lifecycle == before, "\(fixture.name)") }
            }
        }
    }

    @Test(
        "A late event of another generation is ignored in every phase (RS-5)",
        arguments: PhaseFixtures.phases.indices
    )
    func lateEvents(index: Int) {
        let fixture = PhaseFixtures.phases[index]
        let generation = fixture.job.lifecycle.record.generation
        for (title, event) in PhaseFixtures.events(generation: generation &- 1) where Self.isAboutOneStart(event) {
            var job = fixture.job
            let before = job.lifecycle
            #expect(job.handle(event) == [] && job.lifecycle == before, "\(title) in \(fixture.name)")
        }
    }

    private static func isWarning(_ effect: JobEffect) -> Bool {
        if case .recordEvent(_, let text) = effect { text.hasPrefix("unexpected ") } else { false }
    }

    private static func isAboutOneStart(_ event: JobEvent) -> Bool {
        switch event {
        case .startRequested, .stopRequested, .blockersChecked, .specChanged, .reloadRequested, .machineSlept,
            .retryRequested, .deadlineReached:
            false
        case .launchCancelled, .start, .survivedKill, .reloadSignalSent:
            true
        }
    }

    private static func name(_ event: JobEvent) -> String {
        switch event {
        case .startRequested: "startRequested"
        case .stopRequested: "stopRequested"
        case .blockersChecked: "blockersChecked"
        case .launchCancelled: "launchCancelled"
        case .start(generation: _, .started): "started"
        case .start(generation: _, .mainProcessReplaced): "mainProcessReplaced"
        case .start(generation: _, .successorAwaited): "successorAwaited"
        case .start(generation: _, .mainEnded): "mainEnded"
        case .start(generation: _, .notified): "notified"
        case .start(generation: _, .ended): "ended"
        case .start(generation: _, .shimLost): "shimLost"
        case .start(generation: _, .probeFinished(serial: _, .succeeded)): "probeSucceeded"
        case .start(generation: _, .probeFinished(serial: _, .failed)): "probeFailed"
        case .start(generation: _, .probeFinished(serial: _, .skipped)): "probeSkipped"
        case .survivedKill: "survivedKill"
        case .specChanged: "specChanged"
        case .reloadRequested: "reloadRequested"
        case .reloadSignalSent: "reloadSignalSent"
        case .machineSlept: "machineSlept"
        case .retryRequested: "retryRequested"
        case .deadlineReached: "deadlineReached"
        }
    }

    private static func name(_ phase: JobLifecycle.Phase) -> String {
        switch phase {
        case .pending: "pending"
        case .preparing: "preparing"
        case .launching: "launching"
        case .starting: "starting"
        case .ready: "ready"
        case .runningOnce: "runningOnce"
        case .stopping: "stopping"
        case .backingOff: "backingOff"
        case .finished: "finished"
        }
    }
}

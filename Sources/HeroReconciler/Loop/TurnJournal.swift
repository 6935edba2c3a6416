import HeroKernel
import HeroModel
import HeroStore

/// What one turn of the loop has produced: rows to commit, and effects to perform after the commit.
final class TurnJournal {
    /// Rows that are not committed yet.
    var rows = RowBatch()
    /// Effects that are not performed yet, oldest first.
    var effects = EffectQueue()
    /// Receives every recorded event, for the log of the program.
    var log: (EventRecord) -> Void = { _ in }

    private let clock: any HostClock

    init(clock: any HostClock) {
        self.clock = clock
    }

    /// Records an event in the database and in the log.
    func recordEvent(_ level: EventRecord.Level, _ subject: String, _ text: String, source: String = "reconciler") {
        let event = makeEvent(level, subject, text, source: source)
        rows.append(.event(event))
        log(event)
    }

    /// Writes an event to the log only.
    func logEvent(_ level: EventRecord.Level, _ subject: String, _ text: String) {
        log(makeEvent(level, subject, text, source: "reconciler"))
    }

    /// Refuses a request of a client.
    func refuse(_ request: RequestID, _ text: String, _ diagnostics: [Diagnostic] = []) {
        effects.append(.reply(request, .refused(text, diagnostics: diagnostics), isLast: true))
    }

    private func makeEvent(
        _ level: EventRecord.Level,
        _ subject: String,
        _ text: String,
        source: String
    ) -> EventRecord {
        EventRecord(time: clock.wallTime(), level: level, source: source, subject: subject, text: text)
    }
}

import HeroModel

/// At most one timer for each event source; the earliest comes first.
///
/// A cancelled or changed timer stays in the queue until its old deadline is due, and is ignored then.
struct TimerQueue {
    private var queue = DeadlineQueue<EventSource>()
    private var deadlines: [EventSource: Moment] = [:]

    /// The deadline of the next timer.
    var next: Moment? {
        mutating get {
            while let first = queue.first, deadlines[first.element] != first.deadline { queue.removeFirst() }
            return queue.next
        }
    }

    /// Sets the timer of a source, replacing its earlier one.
    mutating func set(_ source: EventSource, at deadline: Moment) {
        deadlines[source] = deadline
        queue.add(source, at: deadline)
    }

    /// Cancels the timer of a source, if it has one.
    mutating func cancel(_ source: EventSource) { deadlines[source] = nil }

    /// Removes and returns the sources whose timers are due, in the order of their deadlines.
    mutating func takeDue(_ now: Moment) -> [EventSource] {
        var due: [EventSource] = []
        while let deadline = next, deadline <= now, let source = queue.removeFirst() {
            deadlines[source] = nil
            due.append(source)
        }
        return due
    }
}

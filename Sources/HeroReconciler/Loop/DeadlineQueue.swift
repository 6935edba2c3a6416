import HeroModel

/// When which job, or which schedule, must be woken: a heap of moments.
///
/// An entry is never taken back. A sleeper that has moved on since simply has another deadline when its old one comes up, so each
/// change costs one push and a wake-up is checked against the sleeper itself.
struct DeadlineQueue<Element> {
    private struct Entry {
        var moment: Moment
        var element: Element
    }

    private var heap: [Entry] = []

    /// The next moment somebody may have to be woken.
    var next: Moment? { heap.first?.moment }

    /// Notes that a sleeper must be looked at then.
    mutating func add(_ moment: Moment, _ sleeper: Element) {
        heap.append(Entry(moment: moment, element: sleeper))
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].moment < heap[parent].moment else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the next one whose moment has come.
    mutating func popDue(_ now: Moment) -> Element? {
        guard let first = heap.first, first.moment <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.element }
        heap[0] = last
        var index = 0
        while true {
            let left = 2 * index + 1
            let right = left + 1
            var smallest = index
            if left < heap.count, heap[left].moment < heap[smallest].moment { smallest = left }
            if right < heap.count, heap[right].moment < heap[smallest].moment { smallest = right }
            guard smallest != index else { return first.element }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}

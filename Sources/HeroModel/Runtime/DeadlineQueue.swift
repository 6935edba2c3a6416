/// A priority queue of deadlines: the earliest comes first.
///
/// An element may have several deadlines, and a deadline cannot be removed before it is due. An element whose deadline
/// has changed is added again; the caller compares a due element with the element's current deadline and ignores an
/// outdated one.
public struct DeadlineQueue<Element> {
    /// An element and the moment at which it is due.
    public struct Entry {
        /// When the element is due.
        public var deadline: Moment
        /// The element.
        public var element: Element
    }

    /// A binary heap: no entry is due before its parent, which is at half its index.
    private var heap: [Entry] = []

    /// Creates an empty queue.
    public init() {}

    /// The entry with the earliest deadline; nil when the queue is empty.
    public var first: Entry? { heap.first }

    /// The earliest deadline; nil when the queue is empty.
    public var next: Moment? { heap.first?.deadline }

    /// Adds a deadline of an element, in O(log n).
    public mutating func add(_ element: Element, at deadline: Moment) {
        heap.append(Entry(deadline: deadline, element: element))
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].deadline < heap[parent].deadline else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    /// Removes and returns the element with the earliest deadline if that deadline is not after `now`, in O(log n).
    public mutating func popDue(_ now: Moment) -> Element? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        return removeFirst()
    }

    /// Removes and returns the element with the earliest deadline, due or not; nil when the queue is empty.
    @discardableResult
    public mutating func removeFirst() -> Element? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first.element }
        heap[0] = last
        var index = 0
        while true {
            var earliest = index
            for child in [2 * index + 1, 2 * index + 2]
            where child < heap.count && heap[child].deadline < heap[earliest].deadline { earliest = child }
            guard earliest != index else { return first.element }
            heap.swapAt(index, earliest)
            index = earliest
        }
    }
}

extension DeadlineQueue: Sendable where Element: Sendable {}
extension DeadlineQueue.Entry: Sendable where Element: Sendable {}

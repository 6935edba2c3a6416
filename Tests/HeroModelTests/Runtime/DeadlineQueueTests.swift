import HeroModel
import Testing

@Suite("DeadlineQueue")
struct DeadlineQueueTests {
    private func moment(_ nanoseconds: Int64) -> Moment { Moment(nanoseconds: nanoseconds) }

    @Test("A deadline queue returns due elements in the order of their deadlines, and no others")
    func order() {
        var queue = DeadlineQueue<Int>()
        for (element, deadline) in ([50, 10, 30, 20, 40, 10] as [Int64]).enumerated() {
            queue.add(element, at: moment(deadline))
        }
        #expect(queue.next == moment(10))
        var due: [Int] = []
        while let element = queue.popDue(moment(30)) { due.append(element) }
        #expect(Set(due.prefix(2)) == [1, 5])
        #expect(Array(due.dropFirst(2)) == [3, 2])
        #expect(queue.next == moment(40))
    }

    @Test("An element in a deadline queue may have several deadlines, each of which is returned")
    func severalDeadlines() {
        var queue = DeadlineQueue<String>()
        for deadline in [20, 10, 30] as [Int64] { queue.add("job", at: moment(deadline)) }
        #expect(queue.popDue(moment(10)) == "job")
        #expect(queue.popDue(moment(10)) == nil)
        #expect(queue.first?.deadline == moment(20) && queue.first?.element == "job")
        #expect(queue.removeFirst() == "job" && queue.removeFirst() == "job")
        #expect(queue.removeFirst() == nil && queue.next == nil)
    }

    @Test("A deadline queue sorts a thousand deadlines, whatever order they are added in")
    func sorted() {
        var generator = SystemRandomNumberGenerator()
        for count in [0, 1, 2, 3, 10, 1000] {
            let deadlines = (0..<count).map { _ in Int64.random(in: 0..<500, using: &generator) }
            var queue = DeadlineQueue<Int64>()
            for deadline in deadlines { queue.add(deadline, at: moment(deadline)) }
            var found: [Int64] = []
            while let next = queue.removeFirst() { found.append(next) }
            #expect(found == deadlines.sorted())
        }
    }
}

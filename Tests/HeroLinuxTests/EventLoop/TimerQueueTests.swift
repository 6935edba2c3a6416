import HeroModel
import Testing

@testable import HeroLinux

@Suite("TimerQueue")
struct TimerQueueTests {
    private let first = EventSource(.shim, 1)
    private let second = EventSource(.shim, 2)

    private func moment(_ nanoseconds: Int64) -> Moment { Moment(nanoseconds: nanoseconds) }

    @Test("A timer that is set again replaces the earlier one")
    func replaced() {
        for deadline in [5, 50] as [Int64] {
            var timers = TimerQueue()
            timers.set(first, at: moment(20))
            timers.set(first, at: moment(deadline))
            #expect(timers.next == moment(deadline))
            #expect(timers.takeDue(moment(deadline - 1)) == [])
            #expect(timers.takeDue(moment(100)) == [first])
            #expect(timers.next == nil && timers.takeDue(moment(100)) == [])
        }
    }

    @Test("A cancelled timer is never due, and the timer of another source is")
    func cancelled() {
        var timers = TimerQueue()
        timers.set(first, at: moment(10))
        timers.set(second, at: moment(20))
        timers.cancel(first)
        timers.cancel(EventSource(.orphan, 1))
        #expect(timers.next == moment(20))
        #expect(timers.takeDue(moment(30)) == [second])
    }

    @Test("A timer that is set twice for one deadline is due once")
    func setTwice() {
        var timers = TimerQueue()
        timers.set(first, at: moment(10))
        timers.set(first, at: moment(10))
        timers.set(second, at: moment(10))
        #expect(Set(timers.takeDue(moment(10))) == [first, second])
        #expect(timers.takeDue(moment(10)) == [])
    }
}

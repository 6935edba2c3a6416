import HeroModel
import Testing

@Suite("Durations of reconciliations")
struct ReconcileDurationsTests {
    @Test("A reconciliation lasts from the first plan with work to the plan without work")
    func measures() {
        var durations = ReconcileDurations()
        let plans: [(work: Bool, second: Int64, ends: Bool)] = [
            (false, 1, false), (true, 2, false), (true, 3, false), (false, 5, true), (false, 6, false),
            (true, 10, false), (false, 11, true),
        ]
        for plan in plans {
            let moment = Moment(nanoseconds: plan.second * 1_000_000_000)
            #expect(durations.add(planWithWork: plan.work, at: moment) == plan.ends)
        }
        #expect(durations.count == 2)
        #expect(durations.totalMicroseconds == 4_000_000)
    }

    @Test("The text of durations is read back, and other texts are refused")
    func readsText() {
        var durations = ReconcileDurations()
        _ = durations.add(planWithWork: true, at: Moment(nanoseconds: 0))
        _ = durations.add(planWithWork: false, at: Moment(nanoseconds: 7000))
        #expect(ReconcileDurations(durations.description) == durations)
        for text in ["", "1", "1 x", "-1 2", "1 2 3"] { #expect(ReconcileDurations(text) == nil, "\(text)") }
    }
}

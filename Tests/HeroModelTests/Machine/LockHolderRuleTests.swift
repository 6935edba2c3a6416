import HeroModel
import Testing

@Suite("LockHolderRule")
struct LockHolderRuleTests {
    typealias Facts = LockHolderRule.Facts

    private static func facts(_ change: (inout Facts) -> Void) -> Facts {
        var facts = Facts()
        change(&facts)
        return facts
    }

    @Test(
        "An open record alone does not prove that a process belongs to the job",
        arguments: [
            (facts { _ in }, false), (facts { $0.hasInstanceTag = false }, false),
            (facts { $0.hasInstanceTag = nil }, false), (facts { $0.hasInstanceTag = true }, true),
            (facts { $0.isInJobCgroup = true }, true), (facts { $0.isBelowJob = true }, true),
            (facts { $0.isInJobSession = true }, true),
            (facts { ($0.isInJobSession, $0.hasInstanceTag) = (true, false) }, true),
        ]
    )
    func decisions(holder: Facts, belongs: Bool) {
        #expect(LockHolderRule.belongsToJob(holder) == belongs)
    }
}

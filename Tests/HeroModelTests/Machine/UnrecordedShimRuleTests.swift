import HeroModel
import Testing

@Suite("UnrecordedShimRule")
struct UnrecordedShimRuleTests {
    typealias Facts = UnrecordedShimRule.RecordFacts

    @Test(
        "A lock holder is unrecorded if no local record names a running process (FP-ST-6)",
        arguments: [
            (nil, true),
            (Facts(isFromThisMachine: true, isShimRunning: false, isMainProcessRunning: false), true),
            (Facts(isFromThisMachine: true, isShimRunning: true, isMainProcessRunning: false), false),
            (Facts(isFromThisMachine: true, isShimRunning: false, isMainProcessRunning: true), false),
            (Facts(isFromThisMachine: false, isShimRunning: false, isMainProcessRunning: false), false),
        ] as [(Facts?, Bool)]
    )
    func decisions(record: Facts?, isUnrecorded: Bool) {
        #expect(UnrecordedShimRule.mayBeUnrecorded(record, isLocked: true) == isUnrecorded)
        #expect(!UnrecordedShimRule.mayBeUnrecorded(record, isLocked: false))
        #expect(UnrecordedShimRule.decide(record) == (isUnrecorded ? .kill : .resume))
    }

    @Test("The lock is not tested if the record names a running process")
    func noTest() {
        var isTested = false
        func isLocked() -> Bool {
            isTested = true
            return true
        }
        let record = Facts(isFromThisMachine: true, isShimRunning: true, isMainProcessRunning: false)
        let mayBeUnrecorded = UnrecordedShimRule.mayBeUnrecorded(record, isLocked: isLocked())
        #expect(!mayBeUnrecorded && !isTested)
    }
}

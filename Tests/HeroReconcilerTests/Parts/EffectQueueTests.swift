import HeroKernel
import HeroModel
import Testing

@testable import HeroReconciler

@Suite("The effect queue")
struct EffectQueueTests {
    private func folder(_ effect: PendingEffect?) -> String? {
        guard case .pruneLogs(let folder, keepingJobs: _)? = effect else { return nil }
        return folder
    }

    @Test("Effects leave the queue in the order in which they were added")
    func order() {
        var queue = EffectQueue()
        for name in ["a", "b", "c"] { queue.append(.pruneLogs(name, keepingJobs: 1)) }
        #expect(folder(queue.takeFirst()) == "a" && !queue.isEmpty)
        queue.append(.pruneLogs("d", keepingJobs: 1))
        #expect((0..<3).map { _ in folder(queue.takeFirst()) } == ["b", "c", "d"])
        #expect(queue.takeFirst() == nil && queue.isEmpty)
    }

    @Test("An effect that must wait stays in the queue in front of later effects")
    func waiting() {
        var queue = EffectQueue()
        for name in ["a", "b", "c"] { queue.append(.pruneLogs(name, keepingJobs: 1)) }
        #expect(folder(queue.takeFirst()) == "a")
        #expect(folder(queue.takeFirst { folder($0) == "c" }) == "c")
        #expect(queue.takeFirst { folder($0) == "c" } == nil && !queue.isEmpty)
        #expect(folder(queue.takeFirst()) == "b" && queue.isEmpty)
    }
}

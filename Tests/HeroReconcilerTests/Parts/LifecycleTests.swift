import HeroModel
import Testing

@testable import HeroReconciler

@Suite("The lifecycle of the reconciler")
struct LifecycleTests {
    private let now = Moment(nanoseconds: 0)

    @Test("A down pauses the reconciler, and an apply resumes it")
    func pause() {
        var lifecycle = Lifecycle.running
        lifecycle.pause()
        #expect(lifecycle == .paused)
        lifecycle.resume()
        #expect(lifecycle == .running)
    }

    @Test("No request leads back from leaving, and the second request leaves at once")
    func leave() {
        var lifecycle = Lifecycle.paused
        #expect(lifecycle.leave() == true)
        lifecycle.resume()
        lifecycle.pause()
        #expect(lifecycle == .leaving(atOnce: false) && lifecycle.isLeaving)
        #expect(lifecycle.leave() == false, "only the first request counts as the first")
        #expect(lifecycle.leaveAtOnce() && !lifecycle.leaveAtOnce())
        #expect(lifecycle.leave() == false)
        #expect(lifecycle == .leaving(atOnce: true))
    }

    @Test("Safe mode is checked every two seconds and is over after ten minutes")
    func safeMode() {
        var lifecycle = Lifecycle.running
        lifecycle.enterSafeMode(now: now)
        #expect(lifecycle.nextSafeModeCheck == now + SafeMode.checkInterval)
        #expect(lifecycle.checkSafeMode(now: now + .seconds(1)) == nil)
        #expect(lifecycle.checkSafeMode(now: now + .seconds(2)) == false)
        #expect(lifecycle.nextSafeModeCheck == now + .seconds(4))
        #expect(lifecycle.checkSafeMode(now: now + .seconds(600)) == true)
        #expect(lifecycle.endSafeMode() && !lifecycle.endSafeMode())
        #expect(lifecycle == .safeModeEnded && lifecycle.nextSafeModeCheck == nil)
    }

    @Test("A moved run directory ends the reconciler unless it was asked to exit")
    func movedRunDirectory() {
        var lifecycle = Lifecycle.paused
        lifecycle.moveRunDirectory()
        #expect(lifecycle == .runDirectoryMoved && !lifecycle.isLeaving && lifecycle.nextSafeModeCheck == nil)
        lifecycle.resume()
        #expect(lifecycle == .runDirectoryMoved)
        lifecycle.leave()
        lifecycle.moveRunDirectory()
        #expect(lifecycle == .leaving(atOnce: false))
    }

    @Test("A down in safe mode does not end safe mode, and an exit does")
    func downInSafeMode() {
        var lifecycle = Lifecycle.running
        lifecycle.enterSafeMode(now: now)
        let before = lifecycle
        lifecycle.pause()
        lifecycle.resume()
        #expect(lifecycle == before)
        #expect(lifecycle.leave() && lifecycle == .leaving(atOnce: false))
        #expect(lifecycle.endSafeMode() == false)
    }
}

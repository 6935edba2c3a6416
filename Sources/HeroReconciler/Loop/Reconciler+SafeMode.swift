import HeroKernel
import HeroModel

/// The beginning and the end of safe mode.
extension Reconciler {
    /// Whether safe mode has ended, so that a reconciler without safe mode must replace this one.
    public var mustRestartNormally: Bool {
        switch state.lifecycle {
        case .safeModeEnded, .runDirectoryMoved: true
        case .running, .paused, .safeMode, .leaving: false
        }
    }

    func startSafeMode() {
        guard let safeMode = configuration.safeMode else { return }
        kernel.watchDirectory(safeMode.directory)
        state.lifecycle.enterSafeMode(now: kernel.now())
        journal.recordEvent(.error, "", safeMode.announcement)
    }

    /// Ends safe mode.
    ///
    /// A client that waits for a `down` gets its result first.
    func endSafeMode(_ cause: String) {
        guard state.lifecycle.endSafeMode() else { return }
        journal.recordEvent(.info, "", "safe mode has ended: \(cause)")
    }

    func checkSafeMode() {
        guard let isOver = state.lifecycle.checkSafeMode(now: kernel.now()) else { return }
        if isOver {
            endSafeMode("its time is over")
        } else if configuration.safeMode?.isReplaced() ?? false {
            endSafeMode("heroproc was replaced")
        }
    }
}

internal import HeroModel

/// The stop command: it runs before the stop signal, while the main program is running.
extension JobLifecycle {
    /// The number under which the end of the stop command is reported; no probe of a start reaches it.
    static let stopCommandSerial = UInt64.max

    /// Begins a stop of a program that executes: with the stop command, or with the signal if there is none.
    mutating func beginStop(
        _ stopping: Stopping,
        _ process: ProcessIdentity,
        _ context: Context
    ) -> [JobEffect] {
        var stopping = stopping
        let policy = context.action.stop
        stopping.isCommandRunning = !policy.command.isEmpty && policy.commandTimeout > .zero
        phase = .stopping(stopping)
        guard stopping.isCommandRunning else { return [stopSignal(process, context)] }
        return [.startProbe(generation: record.generation, serial: Self.stopCommandSerial, .stopCommand)]
    }

    /// The stop command has ended, or was killed after its time: the signal follows, whatever its result is.
    mutating func handleStopCommandEnded(_ result: ProbeResult, _ context: Context) -> [JobEffect] {
        guard case .stopping(var stopping) = phase, stopping.isCommandRunning else { return [] }
        stopping.isCommandRunning = false
        phase = .stopping(stopping)
        let events: [JobEffect] =
            switch result {
            case .succeeded: []
            case .failed(let reason), .skipped(let reason):
                [.recordEvent(.warning, "its stop command failed: \(reason)")]
            }
        // The program of a main end has no main process any more, and the shim signals the rest of its tree.
        guard let process = stopping.process, stopping.mainEnd == nil, stopping.killCount == 0 else { return events }
        return events + [stopSignal(process, context)]
    }
}

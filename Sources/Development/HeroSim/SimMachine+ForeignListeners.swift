import HeroKernel
import HeroModel

/// Processes that nobody ordered, on ports that an action wants.
///
/// Those on even ports may be stopped: scenarios declare `kill_others` there, and nowhere else.
extension SimMachine {
    /// A process that listens on a port.
    struct ForeignListener {
        var process: ForeignProcess
        /// Whether it ignores all but SIGKILL.
        var isStubborn: Bool
    }

    /// What is in the way now; misfortune sometimes puts something there.
    func scanStartBlockers(_ order: BlockerScanRequest) -> StartBlockers {
        var found = StartBlockers()
        for port in order.ports {
            let number = port.endpoint.port
            if foreignListeners[number] == nil, !isFaultFree, generator.chance(15) { addForeignListener(to: number) }
            if let stranger = foreignListeners[number] {
                found.holders.append(ResourceHolder(.tcp(port.endpoint), by: stranger.process, isShared: port.isShared))
            }
        }
        return found
    }

    private func addForeignListener(to port: UInt16) {
        let process = ForeignProcess(
            identity: makeIdentity(),
            program: "/bin/stranger",
            user: 0,
            protection: generator.chance(30) ? .container : nil
        )
        foreignListeners[port] = ForeignListener(process: process, isStubborn: generator.chance(30))
        // It leaves at last, so that whoever may not touch it gets its port.
        scheduleEvent(generator.milliseconds(50...3000), .foreignListenerExits(process.identity))
    }

    /// Sends a signal to a stranger.
    ///
    /// - Returns: Whether it is one.
    func signalForeignListener(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let (port, stranger) = foreignListeners.first(where: { $0.value.process.identity == process }) else {
            return false
        }
        if stranger.process.protection != nil {
            trace.violations.append("the protected holder of \(port) was signalled")
        }
        if port % 2 != 0 { trace.violations.append("the holder of \(port) was signalled, and nothing allows it") }
        if signal == .kill || !stranger.isStubborn {
            scheduleEvent(generator.milliseconds(0...100), .foreignListenerExits(process))
        }
        return true
    }

    /// A stranger is gone.
    func removeForeignListener(_ process: ProcessIdentity) {
        foreignListeners = foreignListeners.filter { $0.value.process.identity != process }
    }
}

import HeroKernel
import HeroModel

/// Processes that nobody ordered, on ports that an action wants.
///
/// Those on even ports may be stopped: scenarios declare `kill_others` there, and nowhere else.
extension SimMachine {
    /// A process that listens on a port.
    struct Stranger {
        var process: ForeignProcess
        /// Whether it ignores all but SIGKILL.
        var isStubborn: Bool
    }

    /// What is in the way now; misfortune sometimes puts something there.
    func obstacles(_ order: BlockerScanRequest) -> StartBlockers {
        var found = StartBlockers()
        for port in order.ports {
            let number = port.endpoint.port
            if strangers[number] == nil, !isCalm, seed.chance(15) { invite(to: number) }
            if let stranger = strangers[number] {
                found.holders.append(ResourceHolder(.tcp(port.endpoint), by: stranger.process, isShared: port.isShared))
            }
        }
        return found
    }

    private func invite(to port: UInt16) {
        let process = ForeignProcess(
            identity: identity(),
            program: "/bin/stranger",
            user: 0,
            protection: seed.chance(30) ? .container : nil
        )
        strangers[port] = Stranger(process: process, isStubborn: seed.chance(30))
        // It leaves at last, so that whoever may not touch it gets its port.
        at(seed.milliseconds(50...3000), .strangerLeaves(process.identity))
    }

    /// Sends a signal to a stranger.
    ///
    /// - Returns: Whether it is one.
    func signalStranger(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let (port, stranger) = strangers.first(where: { $0.value.process.identity == process }) else {
            return false
        }
        if stranger.process.protection != nil {
            trace.violations.append("the protected holder of \(port) was signalled")
        }
        if port % 2 != 0 { trace.violations.append("the holder of \(port) was signalled, and nothing allows it") }
        if signal == .kill || !stranger.isStubborn { at(seed.milliseconds(0...100), .strangerLeaves(process)) }
        return true
    }

    /// A stranger is gone.
    func strangerLeaves(_ process: ProcessIdentity) {
        strangers = strangers.filter { $0.value.process.identity != process }
    }
}

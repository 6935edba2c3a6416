import HeroKernel
import HeroModel
import HeroRandom

/// Processes that no reconciler has started, on ports that an action needs.
///
/// Only those on even ports may be stopped: scenarios declare `kill_others` for even ports only.
extension SimMachine {
    /// A process that listens on a port.
    struct ForeignListener {
        var process: ForeignProcess
        /// Whether it ignores all signals but SIGKILL.
        var isStubborn: Bool
    }

    /// The current start blockers; fault injection sometimes adds one.
    func scanStartBlockers(_ request: BlockerScanRequest) -> StartBlockers {
        var found = StartBlockers()
        for port in request.ports {
            let number = port.endpoint.port
            if foreignListeners[number] == nil, !isFaultFree, generator.chance(15) { addForeignListener(to: number) }
            if let listener = foreignListeners[number] {
                found.holders.append(ResourceHolder(.tcp(port.endpoint), by: listener.process, isShared: port.isShared))
            }
        }
        return found
    }

    /// Lets a foreign process listen on a port for a few seconds.
    public func addForeignListener(to port: UInt16) {
        let process = ForeignProcess(
            identity: makeIdentity(),
            program: "/bin/foreign-listener",
            user: 0,
            protection: generator.chance(30) ? .container : nil
        )
        foreignListeners[port] = ForeignListener(process: process, isStubborn: generator.chance(30))
        // It exits in the end, so that an action that may not stop it gets the port.
        scheduleEvent(generator.milliseconds(50...3000), .foreignListenerExits(process.identity))
    }

    /// Sends a signal to a foreign process.
    ///
    /// - Returns: whether the process is a foreign one.
    func signalForeignListener(_ process: ProcessIdentity, _ signal: Signal) -> Bool {
        guard let (port, listener) = foreignListeners.first(where: { $0.value.process.identity == process }) else {
            return false
        }
        if listener.process.protection != nil {
            trace.violations.append("the protected holder of \(port) was signalled")
        }
        if port % 2 != 0 { trace.violations.append("the holder of \(port) was signalled, and nothing allows it") }
        if signal == .kill || !listener.isStubborn {
            scheduleEvent(generator.milliseconds(0...100), .foreignListenerExits(process))
        }
        return true
    }

    /// A foreign process has exited.
    func removeForeignListener(_ process: ProcessIdentity) {
        foreignListeners = foreignListeners.filter { $0.value.process.identity != process }
    }
}

import HeroKernel

extension KernelEvent {
    /// The client whose connection has ended; nil for any other event.
    var departedClient: RequestID? {
        switch self {
        case .clientDisconnected(let client): client
        case .start, .unsafeProgram, .clockChanged, .machineSlept, .filesChanged, .runDirectoryLost,
            .requestReceived, .terminationRequested:
            nil
        }
    }
}

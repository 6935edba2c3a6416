import HeroKernel

extension KernelEvent {
    /// The client whose connection has ended; nil for any other event.
    var departedClient: RequestID? {
        switch self {
        case .clientDisconnected(let client): client
        case .start, .warning, .clockChanged, .machineSlept, .filesChanged, .contentChanged, .repositoryFetched,
            .runDirectoryLost, .requestReceived, .terminationRequested:
            nil
        }
    }

    /// Whether the event is about a start of a job.
    var isAboutStart: Bool {
        switch self {
        case .start: true
        case .warning, .clockChanged, .machineSlept, .filesChanged, .contentChanged, .repositoryFetched,
            .runDirectoryLost, .requestReceived, .clientDisconnected, .terminationRequested:
            false
        }
    }
}

extension [KernelEvent] {
    /// The events in their order: each group has consecutive events about starts, and the other event that follows.
    var groupedByStarts: [(starts: [KernelEvent], other: KernelEvent?)] {
        var groups: [(starts: [KernelEvent], other: KernelEvent?)] = []
        var starts: [KernelEvent] = []
        for event in self {
            guard !event.isAboutStart else {
                starts.append(event)
                continue
            }
            groups.append((starts, event))
            starts = []
        }
        return starts.isEmpty ? groups : groups + [(starts, nil)]
    }
}

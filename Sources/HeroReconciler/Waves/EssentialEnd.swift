import HeroLifecycle
import HeroModel

/// The end of an essential service, because of which everything is stopped.
struct EssentialEnd {
    /// The service.
    let service: QualifiedName
    /// Whether it has failed; otherwise it has ended well.
    let hasFailed: Bool
    /// How the program ended that decides the exit code; nil if that is unknown.
    let outcome: Outcome?
    /// Whether the stop of everything was requested.
    var isHandled = false

    init(_ entry: ServiceEntry) {
        service = entry.name
        hasFailed = entry.record.state == .failed
        let failed = entry.jobs.first { $0.lifecycle.phase == .finished(.failed) }
        let last = entry.jobs.max { left, right in
            (left.lifecycle.record.finishedAt ?? left.lifecycle.record.createdAt)
                < (right.lifecycle.record.finishedAt ?? right.lifecycle.record.createdAt)
        }
        outcome = (failed ?? last)?.lifecycle.record.outcome
    }

    /// The end as a sentence.
    var text: String {
        let end = outcome.map { " (\($0))" } ?? ""
        return "essential \(service) has \(hasFailed ? "failed" : "ended")\(end)"
    }

    /// The exit code of a reconciler that leaves because of it: that of the program, or 128 and the signal.
    var exitCode: Int32 {
        switch outcome {
        case .exited(let code): code
        case .signaled(let signal, coreDumped: _): 128 &+ signal.number
        case .outOfMemory: 128 &+ Signal.kill.number
        case .startFailed, .lost, nil: 1
        }
    }
}

extension WaveExecutor {
    /// Notes that an essential service has just ended for good; the next turn stops everything.
    func noteEssentialEnd(of service: ServiceEntry) {
        switch service.record.state {
        case .exited, .failed: break
        case .stopped, .blocked, .starting, .running, .degraded, .backingOff, .stopping: return
        }
        guard state.essentialEnd == nil, !state.isDown, !service.isIgnored, service.record.isStartRequested,
            let spec = state.desired.services[service.name]?.spec, spec.isEssential, spec.status == .start
        else { return }
        state.essentialEnd = EssentialEnd(service)
    }
}

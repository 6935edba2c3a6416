import CHeroFailpoints
import HeroModel

extension Reconciler {
    /// Asks whether a service may carry out its order now, and lets it.
    func checkGate(_ name: QualifiedName) {
        guard let service = services[name] else { return }
        switch service.operation {
        case .none: break
        case .stop, .restart:
            if !service.hasBegunStop, canStop(service) { beginStop(service) }
        case .start(let declared):
            checkStartGate(service, declared)
        }
    }

    /// Asks all that wait to start: the last stop is over.
    func checkStartGates() {
        let waiting = openOperations.filter { services[$0]?.mustStart ?? false }
        for service in sortedByWave(waiting, of: \.startWave) { checkGate(service.name) }
    }

    /// Services wave by wave, and by name within one: the same each time.
    func sortedByWave(_ names: Set<QualifiedName>, of wave: KeyPath<ServiceEntry, Int>) -> [ServiceEntry] {
        names.compactMap { services[$0] }.sorted { ($0[keyPath: wave], $0.name) < ($1[keyPath: wave], $1.name) }
    }

    /// Whether everything that depends on it is down: the edges are those recorded when each was started.
    private func canStop(_ service: ServiceEntry) -> Bool {
        hero_is_disabled(HERO_WAVES) != 0
            || (stopDependents[service.name] ?? []).allSatisfy { !openStops.contains($0) }
    }

    private func checkStartGate(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>) {
        // No run begins while it cannot be recorded: all is planned anew when it can.
        guard openStops.isEmpty, trouble == nil else { return }
        var missing: [QualifiedName] = []
        var isHopeless = false
        for requirement in declared.spec.requires {
            guard let other = services[requirement] else {
                missing.append(requirement)
                isHopeless = true
                continue
            }
            if case .none = other.operation, other.record.state.isUp { continue }
            missing.append(requirement)
            if other.isStuck { isHopeless = true }
            if case .none = other.operation {
                switch other.record.state {
                case .stopped, .failed, .blocked, .degraded: isHopeless = true
                case .starting, .backingOff, .stopping, .running, .exited: break
                }
            }
        }
        guard missing.isEmpty else {
            if isHopeless {
                // The order is given up; when what it waits for comes up, the loop plans again.
                service.operation = .none
                openOperations.remove(service.name)
                if openOperations.isEmpty { needsPlan = true }
            }
            setState(service, .blocked, blockedBy: missing)
            return
        }
        for predecessor in declared.spec.after + declared.spec.wants {
            guard let other = services[predecessor] else { continue }
            if other.mustStart, other.startWave < service.startWave { return }
            if case .none = other.operation, other.record.state == .starting { return }
        }
        beginRun(service, declared)
    }
}

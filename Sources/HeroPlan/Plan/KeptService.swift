public import HeroModel

/// A service whose record counts in place of its manifest.
public struct KeptService: Hashable, Sendable {
    /// The service.
    public var name: QualifiedName
    /// Whether the plan leaves it exactly as it is; otherwise it is healed with the spec that it was started with.
    public var isUntouched: Bool

    /// Makes an entry.
    public init(_ name: QualifiedName, isUntouched: Bool) {
        self.name = name
        self.isUntouched = isUntouched
    }
}

extension DesiredState {
    /// The manifests that count while these services keep what is recorded of them.
    ///
    /// A service with a record keeps its recorded spec and its last status that was not deferred. One that was never
    /// started stays down.
    public func keeping(_ names: some Sequence<QualifiedName>, _ observed: Observed) -> DesiredState {
        keeping(names) { name in
            observed.services[name].flatMap { record in
                record.spec.map { ($0, record.wanted, isStarted: record.isStarted) }
            }
        }
    }

    /// The same with the records of the reconciler.
    public func keeping(
        _ names: some Sequence<QualifiedName>,
        record: (QualifiedName) -> (spec: ServiceSpec, wanted: DesiredStatus?, isStarted: Bool)?
    ) -> DesiredState {
        var result = self
        for name in names {
            guard let (spec, wanted, isStarted) = record(name) else {
                result.services[name]?.spec.status = .stop
                continue
            }
            var kept = spec
            kept.status = wanted ?? (isStarted ? .start : .stop)
            kept.hold = services[name]?.spec.hold ?? kept.hold
            result.services[name] =
                services[name].map { Declared(kept, at: $0.location, locations: $0.locations) }
                ?? Declared(kept, at: ManifestLocation(file: "", line: 0, column: 0))
        }
        return result
    }
}

extension ServiceSpec {
    /// What of a spec two services cannot have at the same time, as text; nil if they can run together.
    func sharedResource(with other: ServiceSpec) -> String? {
        if conflicts.contains(other.name) || other.conflicts.contains(name) { return "its conflict slot" }
        for action in actions {
            for second in other.actions {
                if let path = action.sockets.first(where: second.sockets.contains) { return "its socket \(path)" }
                for port in action.tcpPorts {
                    guard second.tcpPorts.contains(where: { $0.excludes(port) }) else { continue }
                    return "its port \(port.endpoint.port)"
                }
            }
        }
        return nil
    }
}

extension BoundPort {
    /// Whether both cannot be bound at the same time; a host without a common form counts as another address.
    fileprivate func excludes(_ other: BoundPort) -> Bool {
        guard endpoint.port == other.endpoint.port, !(isShared && other.isShared) else { return false }
        let hosts = [endpoint.host, other.endpoint.host]
        return hosts[0] == hosts[1] || hosts.contains { $0 == nil || $0 == "0.0.0.0" || $0 == "::" }
    }
}

public import HeroModel

extension Observed {
    /// The state in which a set of manifests has converged: the base of a plan that compares two sets of manifests
    /// without a machine.
    ///
    /// A service with status stop or spec is stopped. A service that requires a stopped one is blocked. A service with
    /// status ignore is stopped and counts as up for its dependents.
    public init(asDeclared desired: DesiredState) {
        self.init()
        let up = Self.servicesThatCanBeUp(desired)
        for (name, declared) in desired.services {
            let spec = declared.spec
            let isUp = up.contains(name)
            let isProcess = spec.actions.contains { $0.isProcess }
            let state: ServiceState =
                switch spec.status {
                case .start: isUp ? (isProcess ? .running : .exited) : .blocked
                case .stop, .spec, .ignore: .stopped
                }
            services[name] = ObservedService(
                canonical: CanonicalSpec(spec),
                requires: spec.cascadingRequires,
                after: spec.orderingDependencies,
                conflicts: spec.conflicts,
                serviceClass: spec.serviceClass,
                state: state,
                isActive: isUp && isProcess
            )
            services[name]?.spec = spec
            services[name]?.wanted = spec.status
            services[name]?.hold = spec.hold
        }
        for (name, declared) in desired.actions where declared.spec.isStandalone {
            standalone[name] = ObservedStandalone(
                canonical: CanonicalSpec(standalone: declared.spec),
                isActive: false,
                isScheduled: declared.spec.schedule != nil
            )
        }
    }

    /// The services with status start whose direct and indirect requirements can all be up.
    private static func servicesThatCanBeUp(_ desired: DesiredState) -> Set<QualifiedName> {
        var up = Set(desired.services.filter { $0.value.spec.status == .start }.keys)
        var dependents: [QualifiedName: [QualifiedName]] = [:]
        var down: [QualifiedName] = []
        for (name, declared) in desired.services {
            for requirement in declared.spec.requires { dependents[requirement, default: []].append(name) }
            // heroproc does not manage a service with status ignore, so it counts as up for its dependents.
            let isDown = declared.spec.status == .stop || declared.spec.status == .spec
            if isDown { down.append(name) }
        }
        while let name = down.popLast() {
            for dependent in dependents[name] ?? [] where up.remove(dependent) != nil { down.append(dependent) }
        }
        return up
    }
}

import HeroManifest
import HeroModel
import HeroPlan
import HeroView

extension Workspace {
    /// The dependencies that the services directory declares, with the state of each service.
    ///
    /// - Returns: nil when the manifests have errors, which are then printed.
    func readDependencyMap(
        below name: QualifiedName?,
        _ variables: VariableOptions,
        _ output: Output
    ) throws -> DependencyMap? {
        let result = try readManifests(variables).result
        guard let desired = result.desired else {
            output.writeDiagnostics(result.diagnostics)
            return nil
        }
        let states = try StatusReader(workspace: self).serviceStates()
        // A plan without any running service has every startable service in a start wave.
        let waves = Planner.plan(desired, Observed()).startWaves
        var places: [QualifiedName: Int] = [:]
        for (index, wave) in waves.enumerated() {
            for name in wave { places[name] = index + 1 }
        }
        let map = DependencyMap(
            desired.services.map { name, service in
                DependencyMap.Node(service.spec, state: states[name], wave: places[name]) {
                    desired.services[$0] != nil
                }
            }
        )
        guard let name else { return map }
        try KnownNames(desired.services.keys.sorted()).requireKnown([name], inPlan: true)
        return map.subgraph(name)
    }
}

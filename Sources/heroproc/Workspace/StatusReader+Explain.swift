import HeroManifest
import HeroModel
import HeroView

extension StatusReader {
    /// Collects everything that explains the state of a service.
    ///
    /// - Throws: `CommandError` when neither the database nor the manifests contain the service.
    func explain(_ name: QualifiedName, _ variables: VariableOptions) throws -> WhyReport {
        let report = try report()
        let known = Dictionary(report.services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let applied = try appliedManifests()
        // A service that was never applied may be declared in the files already. Their errors do not matter here.
        let files = known[name] == nil ? try? workspace.readManifests(variables).result.desired : nil
        let declared = applied?.services[name] ?? files?.services[name]
        if known[name] == nil, declared == nil {
            let names = Set(known.keys).union(applied?.services.keys.map { $0 } ?? [])
                .union(files?.services.keys.map { $0 } ?? [])
            try KnownNames(names.sorted()).requireKnown([name])
        }
        return WhyReport(
            name: name,
            declared: declared,
            status: known[name],
            others: known,
            reconciler: report.reconciler,
            revision: report.revision,
            now: report.now
        )
    }
}

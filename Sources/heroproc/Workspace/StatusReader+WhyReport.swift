import HeroManifest
import HeroModel
import HeroStore
import HeroView

extension StatusReader {
    /// What explains a name: a service, or a standalone action.
    enum Explanation {
        case service(WhyReport)
        case action(ActionWhyReport)
    }

    /// Collects everything that explains the state of a service or of a standalone action.
    ///
    /// - Throws: `CommandError` when neither the database nor the manifests contain the name.
    func explain(_ name: QualifiedName, _ variables: VariableOptions) throws -> Explanation {
        let report = try report()
        let known = Dictionary(report.services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let applied = try appliedManifests()
        // A service that was never applied may be declared in the files already. Their errors do not matter here.
        let files = known[name] == nil ? try? workspace.readManifests(variables).result.desired : nil
        let declared = applied?.services[name] ?? files?.services[name]
        if known[name] == nil, declared == nil {
            if let explanation = try explainAction(name, report, applied, files) { return .action(explanation) }
            let names = Set(known.keys).union(report.standalone.map(\.name))
                .union(
                    [applied, files].flatMap { Array(($0?.services ?? [:]).keys) + Array(($0?.actions ?? [:]).keys) }
                )
            try KnownNames(names.sorted()).requireKnown([name])
        }
        return .service(
            WhyReport(
                name: name,
                declared: declared,
                status: known[name],
                others: known,
                reconciler: report.reconciler,
                revision: report.revision,
                now: report.now
            )
        )
    }

    /// Explains an action document; nil if there is none with this name.
    private func explainAction(
        _ name: QualifiedName,
        _ report: StatusReport,
        _ applied: DesiredState?,
        _ files: DesiredState?
    ) throws -> ActionWhyReport? {
        let status = report.standalone.first { $0.name == name }
        guard let declared = applied?.actions[name] ?? files?.actions[name] else {
            guard let status else { return nil }
            return makeActionReport(name, nil, users: [], status, report)
        }
        let services = (applied?.actions[name] == nil ? files : applied)?.services ?? [:]
        let users = services.filter { service, declaration in
            service.context == name.context && declaration.spec.actions.contains { $0.name == name.name }
        }
        var result = makeActionReport(name, declared, users: users.keys.sorted(), status, report)
        if let job = status?.action.job { result.finishedAt = try workspace.openReader()?.job(job)?.finishedAt }
        return result
    }

    private func makeActionReport(
        _ name: QualifiedName,
        _ declared: Declared<ActionSpec>?,
        users: [QualifiedName],
        _ status: StandaloneStatus?,
        _ report: StatusReport
    ) -> ActionWhyReport {
        ActionWhyReport(
            name: name,
            declared: declared,
            users: users,
            status: status,
            reconciler: report.reconciler,
            revision: report.revision,
            now: report.now
        )
    }
}

import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan

/// Files whose content belongs to the spec of a service.
///
/// The plans of the reconciler compare the content at the start with the content that was read last: when a revision
/// was applied, or when a file that is watched has changed. No other event reads a file.
extension PlanController {
    /// Reads the files of all declared services; a reconciler that syncs watches them from now on.
    func refreshContents() {
        let services = state.services.values.filter { state.declared.services[$0.name]?.spec.hasContents ?? false }
        for service in state.services.values where !service.currentContents.isEmpty { service.currentContents = [:] }
        // The watches come first, so that no change is missed.
        if configuration.mode == .sync { watchContents() }
        for service in services {
            guard let spec = state.declared.services[service.name]?.spec else { continue }
            service.currentContents = currentContents(of: spec)
        }
    }

    private func currentContents(of spec: ServiceSpec) -> [String: [RecordedContent]] {
        var contents: [String: [RecordedContent]] = [:]
        for action in spec.actions {
            let references = spec.contentReferences(of: action)
            guard !references.isEmpty else { continue }
            contents[action.name] = kernel.currentContents(of: references)
        }
        return contents
    }

    private func watchContents() {
        var services: [String: Set<QualifiedName>] = [:]
        for (name, declared) in state.declared.services where declared.spec.status == .start {
            for action in declared.spec.actions {
                for reference in declared.spec.contentReferences(of: action) {
                    services[reference.path, default: []].insert(name)
                }
            }
        }
        guard !services.isEmpty || !servicesByFile.isEmpty else { return }
        servicesByFile = services
        kernel.watchContents(services.keys.sorted())
    }

    /// Watched files may have changed: makes the changes that follow, unless they need a permission that was not given.
    func handleContentChange(_ paths: [String]) {
        guard configuration.mode == .sync, state.lifecycle == .running else { return }
        let names = Set(paths.flatMap { servicesByFile[$0] ?? [] }).sorted()
        var before: [QualifiedName: [String: [RecordedContent]]] = [:]
        for name in names {
            guard let service = state.services[name], let spec = state.declared.services[name]?.spec else { continue }
            let contents = currentContents(of: spec)
            guard contents != service.currentContents else { continue }
            before[name] = service.currentContents
            service.currentContents = contents
        }
        guard !before.isEmpty else { return }
        if let refusal = refusalOfContents() {
            for (name, contents) in before { state.services[name]?.currentContents = contents }
            let files = paths.joined(separator: ", ")
            let text = "\(files) has changed, and nothing was changed: \(refusal)"
            return journal.recordEvent(.error, "", "\(text); `heroproc apply` has options that allow it")
        }
        journal.recordEvent(.info, "", "files have changed: \(paths.joined(separator: ", "))")
        allowProofs()
        state.needsPlan = true
    }

    /// Why the changes of files are not made without a person; nil if they are.
    private func refusalOfContents() -> String? {
        var strict = options(retriesFailed: false)
        (strict.allowsProtected, strict.allowsDisruption) = (false, false)
        let plan = makePlan(state.declared, observed, strict)
        if let refusal = plan.refusals.first { return refusal.message }
        guard plan.changes.contains(where: { $0.actionNow == .restart }) else { return nil }
        // What stops must be able to start again.
        let inspected = observedWithInspection(of: state.declared, checksStarts: true)
        return makePlan(state.declared, inspected, strict).refusals.first?.message
    }

    /// Replaces the comparison of files by one with their present content, without any effect on other plans.
    func addContents(of wanted: DesiredState, to observed: inout Observed) {
        let batch = ContentBatch(wanted) { name in
            state.services[name]?.jobs.map(\.lifecycle.record) ?? []
        }
        let references = batch.references
        guard !references.isEmpty else { return }
        batch.addResults(kernel.readContents(references), to: &observed)
    }
}

extension ServiceEntry {
    /// The files of its started actions, as they were read last.
    var observedContents: [ObservedContent] {
        guard !currentContents.isEmpty else { return [] }
        return jobs.flatMap { job -> [ObservedContent] in
            let record = job.lifecycle.record
            guard record.generation > 0, let now = currentContents[job.action] else { return [] }
            return now.map { ObservedContent(action: job.action, atStart: record.contents?.matching($0), now: $0) }
        }
    }
}

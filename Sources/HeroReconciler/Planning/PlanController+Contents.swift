import HeroKernel
import HeroLifecycle
import HeroModel
import HeroPlan

/// Files whose content belongs to the spec of a service.
///
/// The plans of the reconciler compare the content at the start with the content that was read last: when a revision
/// was applied, or when a file that is watched has changed. No other event reads a file.
extension PlanController {
    /// Reads the files of all declared services.
    func refreshContents() {
        let services = state.services.values.filter { state.declared.services[$0.name]?.spec.hasContents ?? false }
        for service in state.services.values where !service.currentContents.isEmpty { service.currentContents = [:] }
        for service in services {
            guard let spec = state.declared.services[service.name]?.spec else { continue }
            for action in spec.actions {
                let references = spec.contentReferences(of: action)
                let digests = kernel.readContents(references)
                service.currentContents[action.name] = zip(references, digests).map { RecordedContent($0, $1) }
            }
        }
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

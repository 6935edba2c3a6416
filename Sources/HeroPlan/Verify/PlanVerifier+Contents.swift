import HeroModel

/// Changed files, and the reloads that they request.
extension PlanVerifier {
    /// Adds the files of a running or failed service whose content has changed.
    static func addContents(
        _ record: ObservedService,
        _ spec: ServiceSpec,
        to differences: inout [ByteText: Difference]
    ) {
        guard spec.status == .start, record.isStarted || record.state == .failed else { return }
        for content in record.contents {
            guard let before = content.before, let now = content.now, before != now else { continue }
            guard content.kind == .file else {
                // Digests of secrets are compared only if they have the same key, and are not shown.
                guard before.prefix(while: { $0 != ":" }) == now.prefix(while: { $0 != ":" }) else { continue }
                differences[ByteText(spec.contentPath(of: content))] = Difference(cost: .restart)
                continue
            }
            let isShared = spec.files.contains { CheckoutPath.withoutCommits($0) == content.path }
            let path = isShared ? "files.\(content.path)" : "actions.\(content.action).files.\(content.path)"
            guard differences[ByteText(path)] == nil else { continue }
            let isInCommit = CheckoutPath.containsCommit(content.path)
            let cost: CostOfChange = !isInCommit && hasReload(path, spec) ? .reload : .restart
            differences[ByteText(path)] = Difference(before: before, after: now, cost: cost)
        }
    }

    /// Whether every process that reads the files of a field has `reload`.
    static func hasReload(_ path: String, _ spec: ServiceSpec) -> Bool {
        let isShared = path == "files" || path.hasPrefix("files.")
        let processes = spec.actions.filter { $0.isProcess }
        let readers =
            isShared
            ? (processes.isEmpty ? spec.actions : processes)
            : spec.actions.filter { path.hasPrefix("actions.\($0.name).") }
        return !readers.isEmpty && !readers.contains { $0.reload == nil }
    }

    /// Whether exactly this reload has failed and is not tried again.
    func isFailedReload(_ record: ObservedService, _ differences: [ByteText: Difference]) -> Bool {
        guard let failure = record.reloadFailure, !options.retriesFailed else { return false }
        let sorted = differences.sorted { left, right in
            left.value.cost == right.value.cost
                ? left.key.text.utf8.lexicographicallyPrecedes(right.key.text.utf8) : left.value.cost > right.value.cost
        }
        return failure.target
            == contentDigest(sorted.map { "\($0.key.text)\t\($0.value.after ?? "")\n" }.joined().utf8)
    }
}

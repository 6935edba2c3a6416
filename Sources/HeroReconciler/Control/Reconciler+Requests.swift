import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

extension Reconciler {
    /// A message arrived on the control socket.
    func handleRequest(_ request: RequestID, _ message: [UInt8]) {
        guard let order = ControlCoding.request(message) else {
            refuse(request, "cannot understand the request: it is of another version of heroproc")
            return
        }
        switch order.verb {
        case .apply: apply(order, request)
        case .cleanup: startCleanup(order, request)
        case .examine:
            handleDamage(StoreError(.damaged, "the state database \(store.path) is damaged"))
            _ = commitTurn()
            pendingEffects.append(.reply(request, .accepted(revision: revision?.number ?? 0), isLast: true))
        case .down:
            openSession(request, revision: (revision?.number ?? 0) + 1)
            accept(request, (revision?.number ?? 0) + 1)
            takeDown(all: order.all, actor: order.actor)
        }
    }

    private func apply(_ order: ControlRequest, _ request: RequestID) {
        if let objection = refusalReason(to: order) { return refuse(request, objection) }
        let read = order.files.map { ManifestFile(path: $0.path, baseDirectory: $0.folder, bytes: Array($0.text.utf8)) }
        var options = ManifestOptions(requiresCore: order.requiresCore, variables: order.variables)
        // What was accepted once is not refused now: a zone that is gone is told where it is used.
        if order.goesBackTo == nil { options.zoneExists = configuration.zoneExists }
        let result = Manifests.read(read, options: options)
        guard let wanted = result.desired else {
            refuse(request, "cannot apply \(order.directory): its manifests have mistakes", result.diagnostics)
            return
        }
        if configuration.mode == .sync, let difference = variableDifference(of: result.variables, reading: read) {
            refuse(request, "cannot apply \(order.directory): \(difference)")
            return
        }
        if let (text, diagnostics) = refusalReason(to: order, wanted) { return refuse(request, text, diagnostics) }
        let before = revision?.number
        let trouble = acceptRevision(
            wanted,
            read,
            result.documents,
            variables: result.variables,
            directory: order.directory,
            actor: order.actor,
            gitCommit: order.gitCommit,
            prunes: order.prunes,
            only: order.only,
            goesBackTo: order.goesBackTo
        )
        if let trouble {
            return refuse(request, "cannot apply \(order.directory): \(trouble); what runs is kept running")
        }
        // Said once for each revision, and also to those who look later than the one who applied.
        if revision?.number != before {
            let limits = wanted.limitWarnings(on: kernel.capabilities) { order.only.isEmpty || order.only.contains($0) }
            recordWarnings(result.diagnostics + limits)
        }
        openSession(request)
        accept(request, revision?.number ?? 0)
        failedProofs = 0
        planAndExecute(retriesFailed: true)
    }

    /// Why manifests mean something else to who asks than to this reconciler, which syncs from them and would soon have its own
    /// way again; nil when they do not.
    private func variableDifference(of variables: [String: String], reading read: [ManifestFile]) -> String? {
        let own = Manifests.read(read, options: manifestOptions).variables
        let names = Set(own.keys).union(variables.keys).sorted()
        guard let name = names.first(where: { own[$0] != variables[$0] }) else { return nil }
        return "the live reconciler, which syncs from it, has another value of the variable `\(name)`, or none; "
            + "give both the same with `--var`, or end the reconciler"
    }

    private func accept(_ request: RequestID, _ number: RevisionNumber) {
        pendingEffects.append(.reply(request, .accepted(revision: number), isLast: false))
    }

    func refuse(_ request: RequestID, _ text: String, _ diagnostics: [Diagnostic] = []) {
        pendingEffects.append(.reply(request, .refused(text, diagnostics: diagnostics), isLast: true))
    }
}

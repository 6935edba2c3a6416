import CHeroFailpoints
import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan

/// The services directory of a reconciler that syncs, or that makes one pass.
extension RevisionController {
    /// The directory may have changed.
    func handleFileChange() {
        guard configuration.mode == .sync, state.lifecycle == .running else { return removalGrace.cancel() }
        if syncDirectory(isFirst: false) { plans.run(retriesFailed: true) }
    }

    /// Reads the directory when the grace period of removed services is over.
    func handleDueDeadlines(_ now: Moment) {
        if let due = removalGrace.endsAt, due <= now { handleFileChange() }
    }

    /// How this reconciler reads manifests itself.
    var manifestOptions: ManifestOptions {
        ManifestOptions(
            requiresCore: configuration.requiresCore,
            variables: configuration.variables,
            environment: configuration.environment,
            zoneExists: configuration.zoneExists
        )
    }

    /// Makes the directory the desired state, if its manifests are valid and no person must confirm them.
    ///
    /// - Returns: whether the directory is the desired state now, and a plan must be made.
    @discardableResult
    func syncDirectory(isFirst: Bool) -> Bool {
        guard let directory = configuration.directory else { return false }
        switch kernel.readManifests(in: directory) {
        case .unreadable(let reason):
            reject("cannot read the services directory \(directory): \(reason)")
            return false
        case .files(let files):
            return sync(files, in: directory, isFirst: isFirst)
        }
    }

    private func sync(_ files: [ManifestFile], in directory: String, isFirst: Bool) -> Bool {
        let isSame = files == state.files && !(state.revision?.isDown ?? true)
        hero_failpoint(FP_MF_1)
        // The variables of this process never change; those of a former reconciler may have been different.
        if isSame, !isFirst {
            removalGrace.cancel()
            return true
        }
        let result = Manifests.read(files, options: manifestOptions)
        if isSame, result.variables == state.revision?.variables { return configuration.mode == .once }
        guard let wanted = result.desired else {
            reject("cannot apply \(directory): its manifests have errors", result.diagnostics)
            return false
        }
        if configuration.mode == .sync, let reason = massRemovalReason(of: wanted) {
            reject("nothing was changed: \(reason); run `heroproc apply` to confirm it")
            return false
        }
        if let refusal = Planner.plan(wanted, plans.observed).refusals.first {
            reject("nothing was changed: \(refusal.message); `heroproc apply` has options that allow it")
            return false
        }
        if configuration.mode == .sync, isRemovalPending(in: wanted) { return false }
        hero_failpoint(FP_MF_2)
        let request = RevisionRequest(
            desired: wanted,
            files: files,
            documents: result.documents,
            variables: result.variables,
            directory: directory,
            actor: configuration.actor,
            gitCommit: configuration.gitCommit(directory)
        )
        if let error = accept(request) {
            reject("cannot apply \(directory): \(error); running services keep running")
            return false
        }
        recordWarnings(result.diagnostics + wanted.limitWarnings(on: kernel.capabilities))
        return true
    }

    /// Why a person must confirm the removal of many services (MF-4); nil when that is not needed.
    private func massRemovalReason(of wanted: DesiredState) -> String? {
        let declared = state.desired.services
        guard !declared.isEmpty else { return nil }
        let removed = declared.keys.filter { wanted.services[$0] == nil }.count
        if removed > 1 { hero_failpoint(FP_MF_4) }
        if wanted.services.isEmpty { return "the services directory declares no service any more" }
        guard removed >= 3, removed * 2 > declared.count else { return nil }
        return "\(removed) of \(declared.count) services were removed at once"
    }

    /// Whether something that would have to stop was removed so recently that it may come back (MF-4).
    ///
    /// Then no change of the directory is applied yet.
    private func isRemovalPending(in wanted: DesiredState) -> Bool {
        let now = kernel.now()
        let services = state.services.values.filter { service in
            state.desired.services[service.name] != nil && wanted.services[service.name] == nil
                && (service.isActive || service.record.state == .exited)
        }
        let actions = state.standalone.keys.filter { name in
            state.desired.actions[name]?.spec.isStandalone ?? false
                && !(wanted.actions[name]?.spec.isStandalone ?? false)
        }
        for name in removalGrace.update((services.map(\.name) + actions).sorted(), at: now) {
            journal.recordEvent(
                .info,
                name.description,
                "removed from the manifests; it stops unless it is declared again within 5s"
            )
        }
        guard let due = removalGrace.endsAt, due > now else {
            removalGrace.cancel()
            return false
        }
        return true
    }

    /// Keeps the desired state, and reports why: as an event, and to this process when it makes one pass.
    private func reject(_ text: String, _ diagnostics: [Diagnostic] = []) {
        removalGrace.cancel()
        var source = "reconciler"
        var message = text
        let errors = diagnostics.filter { $0.severity == .error }
        if let first = errors.first {
            if first.code == DiagnosticCode.requiredCoreMissing.rawValue { source = "hero_proc.auto_start_db" }
            message += ": " + (first.location.map { "\($0): " } ?? "") + first.message
            if errors.count > 1 { message += " (and \(errors.count - 1) more)" }
        }
        journal.recordEvent(.error, "", message, source: source)
        guard configuration.mode == .once else { return }
        let result = ApplyResult(
            revision: state.revisionNumber,
            isConverged: false,
            services: [],
            errors: [message]
        )
        reporter.refuse(text, diagnostics, result)
    }
}

import CHeroFailpoints
import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan

/// The services directory of a reconciler that syncs, or that makes one pass.
extension RevisionController {
    /// The directory may have changed.
    func handleFileChange() {
        // Whatever the result is, the next check is later.
        if waitingCheckAt != nil { waitingCheckAt = kernel.now() + Self.waitingCheckInterval }
        guard configuration.mode == .sync, state.lifecycle == .running else { return removalGrace.cancel() }
        if syncDirectory(isFirst: false) { plans.run(retriesFailed: true) }
    }

    /// Reads the directory when the grace period of removed services is over, or when waiting services are checked.
    func handleDueDeadlines(_ now: Moment) {
        if let due = [removalGrace.endsAt, waitingCheckAt].compactMap({ $0 }).min(), due <= now { handleFileChange() }
    }

    /// How this reconciler reads manifests itself.
    var manifestOptions: ManifestOptions {
        var options = ManifestOptions(
            requiresCore: configuration.requiresCore,
            variables: configuration.variables,
            environment: configuration.environment,
            zoneExists: configuration.zoneExists,
            readVariableFile: configuration.readVariableFile
        )
        options.now = kernel.wallTime()
        return options
    }

    /// Makes the directory the desired state, if its manifests are valid and no person must confirm them.
    ///
    /// - Returns: whether the directory is the desired state now, and a plan must be made.
    @discardableResult
    func syncDirectory(isFirst: Bool) -> Bool {
        if let commitOrigin { return sync(commitOrigin, isFirst: isFirst, PlanOptions()) }
        guard let directory = configuration.directory else { return false }
        let name = recordedName(of: directory)
        return sync(ManifestOrigin(directory: name), readAs: directory, isFirst: isFirst, PlanOptions())
    }

    /// Reads the manifests of an origin; a directory may have another path than its recorded one.
    func sync(_ origin: ManifestOrigin, readAs path: String? = nil, isFirst: Bool, _ options: PlanOptions) -> Bool {
        switch kernel.readManifests(in: path ?? origin.directory, namedBy: origin.directory) {
        case .unreadable(let reason):
            reject("cannot read the services directory \(path ?? origin.text): \(reason)")
            return false
        case .files(let files, let skipped):
            return sync(files, skipped, origin, isFirst: isFirst, options)
        }
    }

    /// The path with which the last revision names a directory; the directory itself if that path leads elsewhere.
    ///
    /// Another path to the same directory is no change: relative paths in the manifests keep their meaning.
    func recordedName(of directory: String) -> String {
        guard let last = state.revision?.directory, !last.isEmpty, !last.utf8.elementsEqual(directory.utf8),
            kernel.isSameDirectory(last, directory)
        else { return directory }
        return last
    }

    private func sync(
        _ files: [ManifestFile],
        _ skipped: [SkippedManifest],
        _ origin: ManifestOrigin,
        isFirst: Bool,
        _ options: PlanOptions
    ) -> Bool {
        let directory = origin.directory
        let isSame = files == state.files && !(state.revision?.isDown ?? true)
        hero_failpoint(FP_MF_1)
        // The variables of this process never change; those of a former reconciler may have been different.
        let mayEndWait = mayEndWait(isFirst: isFirst)
        if isSame, !isFirst, !mayEndWait, state.desired.settings.variableFiles.isEmpty {
            removalGrace.cancel()
            // A refused change was undone.
            clearRejection(after: origin)
            return true
        }
        let result = Manifests.read(files, skipped: skipped, options: manifestOptions)
        kernel.watchVariableFiles(result.variableFiles)
        // A recovered state has the manifests as they are recorded, without the selection of a developer.
        let isRecovered = isFirst && configuration.development != nil
        if isSame, result.variables == state.revision?.variables, !mayEndWait, !isRecovered {
            clearRejection(after: origin)
            return configuration.mode == .once
        }
        guard let wanted = result.desired.map({ configuration.development?.adjust($0) ?? $0 }) else {
            reject("cannot apply \(origin.text): its manifests have errors", result.diagnostics)
            return false
        }
        let misplaced =
            origin.checkout.map { CheckoutRule(root: $0).errors(in: wanted, configuration.fileExists) } ?? []
        guard misplaced.isEmpty else {
            reject("cannot apply \(origin.text)", misplaced)
            return false
        }
        let unread = SkippedManifest.errors(skipped, before: state.declared, now: wanted) { name in
            guard let service = state.services[name] else { return false }
            return service.isActive || service.record.state != .stopped
        }
        guard unread.isEmpty else {
            reject("nothing was changed", result.diagnostics + unread)
            return false
        }
        // A commit is complete, so the rules for directories that are being written do not apply to it.
        let isDirectory = origin.git == nil
        if configuration.mode == .sync, isDirectory, configuration.development == nil,
            let reason = massRemovalReason(of: wanted)
        {
            reject("nothing was changed: \(reason); run `heroproc apply` to confirm it")
            return false
        }
        let observed = plans.observedWithInspection(of: wanted, checksStarts: true)
        var options = options
        options.time = kernel.wallTime()
        let partial = planDirectory(wanted, observed, options)
        let plan = partial.plan
        if !partial.waiting.isEmpty, partial.only.isEmpty {
            // Nothing is left that could be applied.
            setWaitingServices(partial.waiting)
            return false
        }
        if !configuration.switchesDirectory, let problem = directorySwitchProblem(of: plan, origin) {
            reject("nothing was changed: \(problem); `--switch-dir` allows it")
            return false
        }
        if let refusal = plan.refusals.first {
            reject(
                "nothing was changed: \(refusal.message); `heroproc \(isDirectory ? "apply" : "sync")` has options that "
                    + "allow it"
            )
            return false
        }
        if isSame, !isFirst, mayEndWait, partial.waiting == waitingServices { return false }
        if configuration.mode == .sync, isDirectory, isRemovalPending(in: wanted) { return false }
        hero_failpoint(FP_MF_2)
        let request = RevisionRequest(
            desired: wanted,
            files: files,
            documents: result.documents,
            variables: result.variables,
            directory: directory,
            actor: configuration.actor,
            gitCommit: isDirectory ? configuration.gitCommit(directory) : origin.commit,
            git: origin.git,
            only: partial.only,
            waiting: partial.waiting
        )
        if let error = accept(request) {
            reject("cannot apply \(origin.text): \(error); running services keep running")
            return false
        }
        reportedRejection = nil
        configuration.development?.reportPlan(plan)
        recordWarnings(result.diagnostics + wanted.limitWarnings(on: kernel.capabilities))
        return true
    }

    /// Why a person must confirm a plan from an origin; nil if the last revision came from the same origin, or nothing
    /// would stop.
    ///
    /// A directory has its recorded name if it has one.
    func directorySwitchProblem(of plan: Plan, _ origin: ManifestOrigin) -> String? {
        guard let last = state.revision, !last.directory.isEmpty, !origin.isOrigin(of: last) else { return nil }
        return plan.directorySwitchProblem(from: last.git?.directoryText ?? last.directory, to: origin.text)
    }

    /// Why a person must confirm the removal of many services (MF-4); nil when that is not needed.
    private func massRemovalReason(of wanted: DesiredState) -> String? {
        let declared = state.declared.services
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
            state.declared.services[service.name] != nil && wanted.services[service.name] == nil
                && (service.isActive || service.record.state == .exited)
        }
        let actions = state.standalone.keys.filter { name in
            state.declared.actions[name]?.spec.isStandalone ?? false
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
}

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
        ManifestOptions(
            requiresCore: configuration.requiresCore,
            variables: configuration.variables,
            environment: configuration.environment,
            zoneExists: configuration.zoneExists,
            readVariableFile: configuration.readVariableFile
        )
    }

    /// Makes the directory the desired state, if its manifests are valid and no person must confirm them.
    ///
    /// - Returns: whether the directory is the desired state now, and a plan must be made.
    @discardableResult
    func syncDirectory(isFirst: Bool) -> Bool {
        guard let directory = configuration.directory else { return false }
        let name = recordedName(of: directory)
        switch kernel.readManifests(in: directory, namedBy: name) {
        case .unreadable(let reason):
            reject("cannot read the services directory \(directory): \(reason)")
            return false
        case .files(let files, let skipped):
            return sync(files, skipped, in: name, isFirst: isFirst)
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
        in directory: String,
        isFirst: Bool
    ) -> Bool {
        let isSame = files == state.files && !(state.revision?.isDown ?? true)
        hero_failpoint(FP_MF_1)
        // The variables of this process never change; those of a former reconciler may have been different.
        let mayEndWait = mayEndWait(isFirst: isFirst)
        if isSame, !isFirst, !mayEndWait, state.desired.settings.variableFiles.isEmpty {
            removalGrace.cancel()
            // A refused change was undone.
            kernel.publishRefusedChange(nil)
            return true
        }
        let result = Manifests.read(files, skipped: skipped, options: manifestOptions)
        kernel.watchVariableFiles(result.variableFiles)
        // A recovered state has the manifests as they are recorded, without the selection of a developer.
        let isRecovered = isFirst && configuration.development != nil
        if isSame, result.variables == state.revision?.variables, !mayEndWait, !isRecovered {
            kernel.publishRefusedChange(nil)
            return configuration.mode == .once
        }
        guard let wanted = result.desired.map({ configuration.development?.adjust($0) ?? $0 }) else {
            reject("cannot apply \(directory): its manifests have errors", result.diagnostics)
            return false
        }
        let unread = SkippedManifest.errors(skipped, before: state.desired, now: wanted) { name in
            guard let service = state.services[name] else { return false }
            return service.isActive || service.record.state != .stopped
        }
        guard unread.isEmpty else {
            reject("nothing was changed", result.diagnostics + unread)
            return false
        }
        if configuration.mode == .sync, configuration.development == nil, let reason = massRemovalReason(of: wanted) {
            reject("nothing was changed: \(reason); run `heroproc apply` to confirm it")
            return false
        }
        let observed = plans.observedWithInspection(of: wanted, checksStarts: true)
        let partial = planDirectory(wanted, observed)
        let plan = partial.plan
        if !partial.waiting.isEmpty, partial.only.isEmpty {
            // Nothing is left that could be applied.
            setWaitingServices(partial.waiting)
            return false
        }
        if !configuration.switchesDirectory, let problem = directorySwitchProblem(of: plan, from: directory) {
            reject("nothing was changed: \(problem); `--switch-dir` allows it")
            return false
        }
        if let refusal = plan.refusals.first {
            reject("nothing was changed: \(refusal.message); `heroproc apply` has options that allow it")
            return false
        }
        if isSame, !isFirst, mayEndWait, partial.waiting == waitingServices { return false }
        if configuration.mode == .sync, isRemovalPending(in: wanted) { return false }
        hero_failpoint(FP_MF_2)
        let request = RevisionRequest(
            desired: wanted,
            files: files,
            documents: result.documents,
            variables: result.variables,
            directory: directory,
            actor: configuration.actor,
            gitCommit: configuration.gitCommit(directory),
            only: partial.only,
            waiting: partial.waiting
        )
        if let error = accept(request) {
            reject("cannot apply \(directory): \(error); running services keep running")
            return false
        }
        configuration.development?.reportPlan(plan)
        recordWarnings(result.diagnostics + wanted.limitWarnings(on: kernel.capabilities))
        return true
    }

    /// Why a person must confirm a plan from a directory; nil if the last revision came from the same directory, or
    /// nothing would stop.
    ///
    /// The directory has its recorded name if it has one.
    func directorySwitchProblem(of plan: Plan, from directory: String) -> String? {
        guard let last = state.revision?.directory, !last.isEmpty, !last.utf8.elementsEqual(directory.utf8)
        else { return nil }
        return plan.directorySwitchProblem(from: last, to: directory)
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

    /// The reason of a refusal with its first error and the number of the others.
    private static func eventText(_ text: String, _ errors: [Diagnostic]) -> String {
        guard let first = errors.first else { return text }
        let others = errors.count > 1 ? " (and \(errors.count - 1) more)" : ""
        return text + ": " + (first.location.map { "\($0): " } ?? "") + first.message + others
    }

    /// The reason of a refusal with its first errors, one per line.
    private static func publishedText(_ text: String, _ errors: [Diagnostic]) -> String {
        let shown = 3
        var lines =
            [text]
            + errors.prefix(shown).map { error in
                (error.location.map { "\($0): " } ?? "") + error.message
            }
        if errors.count > shown { lines.append("and \(errors.count - shown) more; `heroproc validate` shows all") }
        return lines.joined(separator: "\n")
    }

    /// Keeps the desired state, and reports why: as an event, and to this process when it makes one pass.
    private func reject(_ text: String, _ diagnostics: [Diagnostic] = []) {
        removalGrace.cancel()
        configuration.development?.reportRefusal(text, diagnostics)
        let errors = diagnostics.filter { $0.severity == .error }
        let message = Self.eventText(text, errors)
        // A missing core manifest has an event of its own, whatever else is wrong.
        let missingCore = errors.filter { $0.code == DiagnosticCode.requiredCoreMissing.rawValue }
        let others = errors.filter { $0.code != DiagnosticCode.requiredCoreMissing.rawValue }
        if missingCore.isEmpty || !others.isEmpty {
            journal.recordEvent(.error, "", Self.eventText(text, others), source: "reconciler")
        }
        if !missingCore.isEmpty {
            journal.recordEvent(.error, "", Self.eventText(text, missingCore), source: "hero_proc.auto_start_db")
        }
        guard configuration.mode == .once else {
            return kernel.publishRefusedChange(Self.publishedText(text, errors))
        }
        let result = ApplyResult(
            revision: state.revisionNumber,
            isConverged: false,
            services: [],
            errors: [message]
        )
        reporter.refuse(text, diagnostics, result)
    }
}

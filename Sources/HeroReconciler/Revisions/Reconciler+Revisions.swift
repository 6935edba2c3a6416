import CHeroFailpoints
import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

extension Reconciler {
    /// Begins: reads the directory where there is one, and makes the first plan.
    public func start() {
        startSafeMode()
        switch configuration.mode {
        case .keep:
            needsPlan = true
            if configuration.exitsWhenDown, continuesDown { openSession(nil) }
        case .sync:
            if let directory = configuration.directory { kernel.watchDirectory(directory) }
            guard !continuesDown else {
                isPaused = true
                return planAndExecute(retriesFailed: false)
            }
            let before = revision?.number
            syncDirectory(isFirst: true)
            planAndExecute(retriesFailed: true, hurries: revision?.number != before)
        case .once:
            passDeadline = kernel.now() + configuration.timeout
            guard syncDirectory(isFirst: true) else { return }
            openSession(nil)
            planAndExecute(retriesFailed: true)
        }
    }

    /// Whether one that crashed was told to take everything down: its restart is nobody's word to bring it up again.
    private var continuesDown: Bool { configuration.isRestartAfterCrash && revision?.isDown ?? false }

    /// The directory may have changed.
    func handleFileChange() {
        guard configuration.mode == .sync, !isPaused, !isExiting else { return removalGrace.cancel() }
        if syncDirectory(isFirst: false) { planAndExecute(retriesFailed: true) }
    }

    /// Brings the desired state to what the directory says, if that is good and may be believed.
    ///
    /// - Returns: whether what the directory says is the desired state now.
    @discardableResult
    private func syncDirectory(isFirst: Bool) -> Bool {
        guard let directory = configuration.directory else { return false }
        switch kernel.readManifests(in: directory) {
        case .unreadable(let reason):
            rejectManifests("cannot read the services directory \(directory): \(reason)", [])
            return false
        case .files(let read):
            let isSame = read == files && !(revision?.isDown ?? true)
            hero_failpoint(FP_MF_1)
            // Its variables are the same as long as it lives; a former reconciler may have had others.
            if isSame, !isFirst {
                removalGrace.cancel()
                return true
            }
            let result = Manifests.read(read, options: manifestOptions)
            if isSame, result.variables == revision?.variables { return configuration.mode == .once }
            guard let wanted = result.desired else {
                rejectManifests("cannot apply \(directory): its manifests have mistakes", result.diagnostics)
                return false
            }
            if configuration.mode == .sync, let suspicion = massRemovalReason(of: wanted) {
                rejectManifests("left everything as it is: \(suspicion); `heroproc apply` settles it", [])
                return false
            }
            if let objection = refusalReason(toSync: wanted) {
                rejectManifests("left everything as it is: \(objection); `heroproc apply` can be told to do it", [])
                return false
            }
            if configuration.mode == .sync, isRemovalPending(to: wanted) { return false }
            hero_failpoint(FP_MF_2)
            let trouble = acceptRevision(
                wanted,
                read,
                result.documents,
                variables: result.variables,
                directory: directory,
                actor: configuration.actor,
                gitCommit: configuration.gitCommit(directory)
            )
            if let trouble {
                rejectManifests("cannot apply \(directory): \(trouble); what runs is kept running", [])
                return false
            }
            recordWarnings(result.diagnostics + wanted.limitWarnings(on: kernel.capabilities))
            return true
        }
    }

    /// How this reconciler reads manifests by itself.
    var manifestOptions: ManifestOptions {
        ManifestOptions(
            requiresCore: configuration.requiresCore,
            variables: configuration.variables,
            environment: configuration.environment,
            zoneExists: configuration.zoneExists
        )
    }

    /// Why a set is too poor to be believed without a person's word (reliability.md MF-4); nil when it is not.
    private func massRemovalReason(of wanted: DesiredState) -> String? {
        guard !desired.services.isEmpty else { return nil }
        let gone = desired.services.keys.filter { wanted.services[$0] == nil }
        if gone.count > 1 { hero_failpoint(FP_MF_4) }
        if wanted.services.isEmpty { return "the services directory declares no service any more" }
        guard gone.count >= 3, gone.count * 2 > desired.services.count else { return nil }
        return "\(gone.count) of \(desired.services.count) services vanished at once"
    }

    /// Whether something that would have to stop has left the files so lately that it may be on its way back
    /// (reliability.md MF-4); then the whole set waits for it.
    private func isRemovalPending(to wanted: DesiredState) -> Bool {
        let now = kernel.now()
        let gone = services.values.filter { service in
            desired.services[service.name] != nil && wanted.services[service.name] == nil
                && (service.isActive || service.record.state == .exited)
        }
        let goneAlone = standalone.keys.filter { name in
            desired.actions[name]?.spec.isStandalone ?? false && !(wanted.actions[name]?.spec.isStandalone ?? false)
        }
        for name in removalGrace.update((gone.map(\.name) + goneAlone).sorted(), at: now) {
            recordEvent(.info, name.description, "it has left the files; it stops unless it is back within 5s")
        }
        guard let due = removalGrace.endsAt, due > now else {
            removalGrace.cancel()
            return false
        }
        return true
    }

    /// Keeps the last good state and says why: as an event, and to who waits.
    private func rejectManifests(_ text: String, _ diagnostics: [Diagnostic]) {
        removalGrace.cancel()
        var source = "reconciler"
        var words = text
        if let first = diagnostics.first(where: { $0.severity == .error }) {
            if first.code == DiagnosticCode.requiredCoreMissing.rawValue { source = "hero_proc.auto_start_db" }
            words += ": " + (first.location.map { "\($0): " } ?? "") + first.message
            let others = diagnostics.filter { $0.severity == .error }.count - 1
            if others > 0 { words += " (and \(others) more)" }
        }
        recordEvent(.error, "", words, source: source)
        guard configuration.mode == .once else { return }
        result = ApplyResult(revision: revision?.number ?? 0, isConverged: false, services: [], errors: [words])
        onProgress(.refused(text, diagnostics: diagnostics))
    }

    /// Records the warnings of a set that was applied.
    func recordWarnings(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics where diagnostic.severity == .warning {
            let isCore = diagnostic.code == DiagnosticCode.requiredNotStarted.rawValue
            recordEvent(
                .warning,
                "",
                (diagnostic.location.map { "\($0): " } ?? "") + diagnostic.message,
                source: isCore ? "hero_proc.auto_start_db" : "reconciler"
            )
        }
    }

    /// Makes a checked set the desired state: one revision, recorded before anything else happens.
    ///
    /// - Returns: why it could not be recorded; then all is as it was.
    func acceptRevision(
        _ wanted: DesiredState,
        _ read: [ManifestFile],
        _ documents: [DocumentRecord],
        variables: [String: String],
        directory: String,
        actor: String,
        gitCommit: String?,
        prunes: Bool = true,
        only: [QualifiedName] = [],
        goesBackTo: RevisionNumber? = nil
    ) -> StoreError? {
        if read == files, let revision, !revision.isDown, revision.directory == directory, revision.prunes == prunes,
            revision.only == only, revision.variables == variables
        {
            desired = wanted
            isPaused = false
            removalGrace.cancel()
            for service in services.values { service.cancelledJobs = 0 }
            return nil
        }
        let count = wanted.services.count
        let declared = count == 1 ? "1 service declared" : "\(count) services declared"
        let narrowed = only.isEmpty ? "" : ", only \(only.map(\.description).joined(separator: " ")) applied"
        let record = RevisionRecord(
            number: (revision?.number ?? 0) + 1,
            time: kernel.wallTime(),
            directory: directory,
            gitCommit: gitCommit,
            actor: actor,
            summary: (goesBackTo.map { "back to revision \($0): " } ?? "") + declared + narrowed,
            prunes: prunes,
            only: only,
            variables: variables
        )
        let stored = documents.map {
            StoredDocument(kind: $0.kind, name: $0.name, file: $0.place.file, line: $0.place.line)
        }
        if let error = commit(with: .revision(record, files: read, documents: stored)) { return error }
        endOutage()
        isPaused = false
        removalGrace.cancel()
        for service in services.values { service.cancelledJobs = 0 }
        desired = wanted
        files = read
        revision = record
        recordEvent(.info, "", "revision \(record.number) applied from \(directory) by \(actor)")
        for declared in wanted.services.values.sorted(by: { $0.spec.name < $1.spec.name })
        where services[declared.spec.name] == nil {
            addService(declared)
        }
        // What left the files and has nothing that runs needs no stop: it is forgotten at once.
        for name in services.keys.sorted() where wanted.services[name] == nil {
            if let service = services[name], !service.isActive { removeService(service) }
        }
        return nil
    }

    /// Wants everything down: a revision of its own, with the same manifests.
    func takeDown(all: Bool, actor: String? = nil) {
        let record = RevisionRecord(
            number: (revision?.number ?? 0) + 1,
            time: kernel.wallTime(),
            directory: revision?.directory ?? "",
            gitCommit: revision?.gitCommit,
            actor: actor ?? configuration.actor,
            summary: all ? "down --all" : "down",
            isDown: true,
            isDownForAll: all,
            // The same manifests must mean the same when they are read again.
            variables: revision?.variables ?? [:]
        )
        for service in services.values { service.cancelledJobs = 0 }
        revision = record
        isPaused = true
        rows.append(.revision(record, files: files, documents: []))
        recordEvent(.info, "", "revision \(record.number): \(record.summary), by \(record.actor)")
        planAndExecute(retriesFailed: false)
    }

    /// A `down` that this process orders itself, when no other reconciler lives.
    public func startDown(all: Bool) {
        passDeadline = kernel.now() + configuration.timeout
        openSession(nil, revision: (revision?.number ?? 0) + 1)
        takeDown(all: all)
    }

    /// Lets somebody wait for the revision; who waited for an earlier one is told that another one came.
    func openSession(_ request: RequestID?, revision number: RevisionNumber? = nil) {
        let number = number ?? revision?.number ?? 0
        if let former = follower {
            if let request, former.revision == number { return former.addClient(request) }
            sendReply(
                former,
                .done(
                    ApplyResult(
                        revision: former.revision,
                        isConverged: false,
                        services: [],
                        errors: ["another revision was applied before this one was carried out"]
                    )
                ),
                isLast: true
            )
        }
        follower = ApplySession(request, revision: number)
    }
}

import HeroKernel
import HeroManifest
import HeroModel
import HeroPlan
import HeroStore

/// Handles the requests that arrive on the control socket.
final class RequestHandler {
    private let kernel: any HostInspection
    private let configuration: ReconcilerConfiguration
    private let state: RuntimeState
    private let journal: TurnJournal
    private let storeHealth: StoreHealth
    private let plans: PlanController
    private let revisions: RevisionController
    private let reporter: ApplyReporter
    private let cleanup: JobCleanup
    private let follower: RepositoryFollower?

    init(
        kernel: any HostInspection,
        configuration: ReconcilerConfiguration,
        state: RuntimeState,
        journal: TurnJournal,
        storeHealth: StoreHealth,
        plans: PlanController,
        revisions: RevisionController,
        reporter: ApplyReporter,
        cleanup: JobCleanup,
        follower: RepositoryFollower?
    ) {
        self.follower = follower
        self.kernel = kernel
        self.configuration = configuration
        self.state = state
        self.journal = journal
        self.storeHealth = storeHealth
        self.plans = plans
        self.revisions = revisions
        self.reporter = reporter
        self.cleanup = cleanup
    }

    /// Handles one message of a client.
    func handle(_ client: RequestID, _ message: [UInt8]) {
        guard let request = ControlCoding.request(message) else {
            journal.refuse(client, "cannot read the request: it comes from another version of heroproc")
            return
        }
        switch request.verb {
        case .apply: apply(request, client)
        case .cleanup: cleanup.start(request, client)
        case .sync: sync(request, client)
        case .examine:
            storeHealth.checkDamage()
            _ = storeHealth.commitTurn()
            journal.effects.append(.reply(client, .accepted(revision: state.revisionNumber), isLast: true))
        case .down:
            let number = state.revisionNumber + 1
            reporter.observe(client, revision: number, state.jobs.values)
            accept(client, number)
            revisions.takeDown(all: request.all, actor: request.actor)
        }
    }

    private func apply(_ request: ControlRequest, _ client: RequestID) {
        if let reason = refusalReason(of: request) { return journal.refuse(client, reason) }
        let files = request.files.map {
            ManifestFile(path: $0.path, baseDirectory: $0.folder, bytes: Array($0.text.utf8))
        }
        var options = ManifestOptions(requiresCore: request.requiresCore, variables: request.variables)
        // What was accepted once is not refused now: a missing time zone is reported where it is used.
        if request.goesBackTo == nil { options.zoneExists = configuration.zoneExists }
        let result = Manifests.read(files, options: options)
        guard let wanted = result.desired else {
            journal.refuse(client, "cannot apply \(request.directory): its manifests have errors", result.diagnostics)
            return
        }
        if configuration.mode == .sync, let difference = variableDifference(of: result.variables, reading: files) {
            journal.refuse(client, "cannot apply \(request.directory): \(difference)")
            return
        }
        if let (text, diagnostics) = refusalReason(of: request, wanted) {
            return journal.refuse(client, text, diagnostics)
        }
        let before = state.revision?.number
        let revision = RevisionRequest(
            desired: wanted,
            files: files,
            documents: result.documents,
            variables: result.variables,
            directory: request.directory,
            actor: request.actor,
            gitCommit: request.gitCommit,
            prunes: request.prunes,
            only: request.only,
            rollbackOf: request.goesBackTo
        )
        if let error = revisions.accept(revision) {
            return journal.refuse(
                client,
                "cannot apply \(request.directory): \(error); running services keep running"
            )
        }
        // Once for each revision, so that the warnings are also in the event history.
        if state.revision?.number != before {
            let limits = wanted.limitWarnings(on: kernel.capabilities) {
                request.only.isEmpty || request.only.contains($0)
            }
            revisions.recordWarnings(result.diagnostics + limits)
        }
        reporter.observe(client, revision: state.revisionNumber, state.jobs.values)
        accept(client, state.revisionNumber)
        plans.allowProofs()
        plans.run(retriesFailed: true, rerunsFailed: true)
    }

    private func sync(_ request: ControlRequest, _ client: RequestID) {
        if let safeMode = configuration.safeMode { return journal.refuse(client, safeMode.refusal(of: "a commit")) }
        guard let follower else {
            return journal.refuse(client, "the running reconciler follows no git repository")
        }
        let options = PlanOptions(
            allowsReclaims: request.kills,
            allowsProtected: request.allowsProtected,
            allowsDisruption: request.allowsDisruption
        )
        follower.sync(SyncRequest(client: client, options: options, resumes: request.resumes ?? false))
    }

    private func accept(_ client: RequestID, _ number: RevisionNumber) {
        journal.effects.append(.reply(client, .accepted(revision: number), isLast: false))
    }

    // MARK: Refusals

    /// Why this reconciler refuses a request whatever its manifests declare; nil when it does not.
    private func refusalReason(of request: ControlRequest) -> String? {
        if let safeMode = configuration.safeMode { return safeMode.refusal(of: request.directory) }
        if let repository = configuration.repository {
            return "the running reconciler follows \(repository.source.directoryText); push a commit and run "
                + "`heroproc sync`, or stop the reconciler (services keep running)"
        }
        guard configuration.mode == .sync, let own = configuration.directory else { return nil }
        if let number = request.goesBackTo {
            return "cannot go back to revision \(number): the running reconciler syncs from \(own) and would apply "
                + "that directory again at its next change; restore the files, or stop the reconciler "
                + "(services keep running)"
        }
        // The client names the directory as the last revision does.
        guard own != request.directory, revisions.recordedName(of: own) != request.directory else { return nil }
        return
            "cannot apply \(request.directory): the running reconciler syncs from \(own); "
            + "apply that directory, or stop the reconciler"
    }

    /// Why the change that a request wants is refused at this moment; nil when it is not.
    ///
    /// The client has made a plan as well, but earlier: between this plan and its execution nothing can change.
    private func refusalReason(
        of request: ControlRequest,
        _ wanted: DesiredState
    ) -> (text: String, diagnostics: [Diagnostic])? {
        var options = PlanOptions(
            prunes: request.prunes,
            only: request.only,
            allowsReclaims: request.kills,
            allowsProtected: request.allowsProtected,
            allowsDisruption: request.allowsDisruption
        )
        options.time = plans.wallTime
        options.goesBack = request.goesBackTo != nil
        // The holders of resources matter only to a plan that may not stop them.
        var observed = request.kills ? plans.observed : plans.observedWithInspection(of: wanted, checksStarts: false)
        if request.kills { plans.addContents(of: wanted, to: &observed) }
        let plan = Planner.plan(wanted, observed, options)
        if request.goesBackTo == nil, !(request.switchesDirectory ?? false),
            let problem = revisions.directorySwitchProblem(of: plan, ManifestOrigin(directory: request.directory))
        {
            return ("cannot apply \(request.directory): \(problem); `--switch-dir` allows it", [])
        }
        if let refusal = plan.refusals.first {
            return ("cannot apply \(request.directory) as it is: \(refusal.message)", plan.refusals)
        }
        return request.planExpectation?.firstDifference(in: plan).map { ("cannot apply the saved plan: \($0)", []) }
    }

    /// How the variables of a client differ from those of this reconciler, which would soon apply its own; nil when
    /// they do not.
    private func variableDifference(of variables: [String: String], reading files: [ManifestFile]) -> String? {
        let own = Manifests.read(files, options: revisions.manifestOptions).variables
        let names = Set(own.keys).union(variables.keys).sorted()
        guard let name = names.first(where: { own[$0] != variables[$0] }) else { return nil }
        return "the running reconciler, which syncs from it, has a different value of the variable `\(name)`, or none; "
            + "give both the same value with `--var`, or stop the reconciler"
    }
}

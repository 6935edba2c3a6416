import ArgumentParser
import HeroJSON
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore

/// Records a revision and brings the services to it.
struct Apply: HeroCommand {
    typealias Format = PlanFormat

    static let configuration = CommandConfiguration(
        abstract: "Apply the manifests and wait until every service has reached its declared state.",
        discussion: """
            Sends the manifests to the running reconciler and shows its progress. If no reconciler is running, `apply` \
            starts one in the background, which supervises the applied services until a `down`.

            --revision applies the manifests of a recorded revision again, as a new revision. The files in the \
            services directory do not change, and the next `apply` without --revision applies them.

            EXAMPLES:
              heroproc apply
              heroproc apply --timeout 5m && ./smoke-test
              heroproc apply --no-wait -o json
              heroproc apply --dry-run           show the same as `heroproc diff`
              heroproc apply --only web          apply only web and affected services
              heroproc diff -o json > plan.json
              heroproc apply --plan plan.json    apply exactly this plan, or nothing
              heroproc apply --revision 3        go back to the manifests of revision 3

            EXIT CODES:
              0   converged: the next diff is empty (--no-wait: accepted)
              1   applied, but a service has not reached its declared state
              2   refused; nothing was changed
              With --dry-run: 0 nothing to do, 1 something would change, 2 refused.
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var arguments: PlanArguments
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Exit as soon as the revision is recorded.")
    var noWait = false

    @Flag(help: "Show the plan as `diff` does, and change nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp("Apply a plan written by `diff -o json`, unless it would differ now.", valueName: "file")
    )
    var plan: String?

    func validate() throws {
        let requested = arguments.options
        guard plan != nil else { return }
        if requested != PlanOptions() || !arguments.only.isEmpty || arguments.revision != nil || common.dir != nil {
            throw ValidationError(
                "A plan contains its directory and options: use --dir, --revision, --only, --no-prune, --no-kill and "
                    + "--allow-... with `diff`, not with --plan."
            )
        }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let format = try resultFormat()
        if !dryRun, let refusal = workspace.followRefusal {
            return ApplySession(output, Plan(baseRevision: 0)).reportRefusal(refusal, help: Workspace.followHelp)
        }
        if let plan { return try applySavedPlan(plan, workspace, output) }
        if dryRun {
            let presenter = PlanPresenter(
                output: output,
                format: format,
                isVerbose: arguments.verbose,
                environment: workspace.environment
            )
            return try presenter.present(workspace, .runtime, arguments)
        }
        if arguments.revision == nil { try workspace.requireTrustedDirectory() }
        try workspace.repairDatabaseIfDamaged(output)
        guard format == .text || format == .json else {
            throw ValidationError("-o \(format.rawValue) requires --dry-run; the result of an apply is text or json.")
        }
        let workspace = workspace.withRecordedDirectoryName
        let prepared = try PreparedPlan(
            workspace,
            revision: arguments.revision,
            arguments.variables,
            arguments.options,
            only: arguments.only,
            output: output
        )
        return try submit(prepared, nil, workspace, output)
    }

    /// Applies a saved plan if the plan would still be the same.
    private func applySavedPlan(_ path: String, _ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let (saved, inputs) = try SavedPlan.read(path)
        var options = common
        options.dir = inputs.directory
        let givenWorkspace = Workspace(options, environment: workspace.environment)
        let planWorkspace = givenWorkspace.withRecordedDirectoryName
        let prepared = try PreparedPlan(
            planWorkspace,
            revision: inputs.revision,
            arguments.variables,
            inputs.planOptions,
            output: output
        )
        let base = try planWorkspace.openReader()?.revision()?.number ?? 0
        if !dryRun, inputs.revision == nil { try givenWorkspace.requireTrustedDirectory() }
        if let difference = saved.firstDifference(inputs, prepared, base: base) {
            let session = ApplySession(output, prepared.plan ?? Plan(baseRevision: base))
            return session.reportRefusal("cannot apply \(path): \(difference)", help: SavedPlan.remedy)
        }
        if dryRun {
            let presenter = PlanPresenter(
                output: output,
                format: try resultFormat(),
                isVerbose: arguments.verbose,
                environment: workspace.environment
            )
            presenter.show(prepared)
            return prepared.code
        }
        return try submit(prepared, saved.expectation, planWorkspace, output)
    }

    /// Sends the plan to the reconciler and shows its progress.
    private func submit(
        _ prepared: PreparedPlan,
        _ expectation: PlanExpectation?,
        _ workspace: Workspace,
        _ output: Output
    ) throws -> ExitCode {
        let manifests = prepared.manifests
        guard let plan = prepared.plan else {
            let session = ApplySession(output, Plan(baseRevision: 0))
            return session.reportInvalidManifests(in: manifests.source, manifests.result.diagnostics)
        }
        output.writeDiagnostics(manifests.result.diagnostics)
        let session = ApplySession(
            output,
            plan,
            isVerbose: arguments.verbose,
            lastOutput: { LastOutput(workspace: workspace).line(of: $0.owner, action: $0.action) }
        )
        if let refusal = plan.refusals.first {
            return session.reportRefusal("cannot apply \(manifests.source) as it is: \(refusal.message)", plan.refusals)
        }
        if manifests.revision == nil, !arguments.switchDir, let problem = try workspace.directorySwitchProblem(of: plan)
        {
            return session.reportRefusal("cannot apply \(manifests.source): \(problem)", help: Workspace.switchHelp)
        }
        session.showPlan()
        if let revision = manifests.revision {
            output.writeNote(
                "going back to revision \(revision); the files in \(manifests.directory) do not change, "
                    + "and the next `heroproc apply` applies them again"
            )
        }
        let reconciler = ReconcilerConnector(workspace: workspace, output: output)
        let request = makeRequest(prepared, expectation, workspace)
        return try reconciler.repeatingUnread {
            let client =
                try reconciler.connect(timeout: wait.timeout.duration)
                ?? reconciler.startInBackground(in: manifests.directory)
            return try session.submit(request, to: client, timeout: noWait ? nil : wait.timeout.duration)
        }
    }

    private func makeRequest(_ prepared: PreparedPlan, _ expectation: PlanExpectation?, _ workspace: Workspace)
        -> ControlRequest
    {
        let manifests = prepared.manifests
        var request = ControlRequest(
            .apply,
            directory: manifests.directory,
            files: manifests.recordedFiles.map { file in
                .init(path: file.path, folder: file.baseDirectory, text: String(decoding: file.bytes, as: UTF8.self))
            },
            actor: workspace.actor,
            gitCommit: manifests.gitCommit,
            prunes: prepared.options.prunes,
            requiresCore: manifests.requiresCore,
            variables: manifests.result.variables
        )
        request.only = prepared.options.only
        request.kills = prepared.options.allowsReclaims
        request.allowsProtected = prepared.options.allowsProtected
        request.allowsDisruption = prepared.options.allowsDisruption
        request.switchesDirectory = arguments.switchDir
        request.goesBackTo = manifests.revision
        request.planExpectation = expectation
        return request
    }
}

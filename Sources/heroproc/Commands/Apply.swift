import ArgumentParser
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore

/// Records a revision and converges to it.
struct Apply: HeroCommand {
    typealias Format = PlanFormat

    static let configuration = CommandConfiguration(
        abstract: "Make what runs what the manifests say, and wait until it stands.",
        discussion: """
            Hands the manifests to the live reconciler and follows it. Where none lives, one is started in the \
            background: it keeps what was applied until a `down`.

            --revision goes back to the manifests of a recorded revision, as a new revision; the files in the services \
            directory stay as they are, and the next `apply` without it leads forward again.

            EXAMPLES:
              heroproc apply
              heroproc apply --timeout 5m && ./smoke-test
              heroproc apply --no-wait -o json
              heroproc apply --dry-run           the same as `heroproc diff`
              heroproc apply --only web          web, and what it drags along
              heroproc diff -o json > plan.json
              heroproc apply --plan plan.json    precisely this plan, or nothing
              heroproc apply --revision 3        back to what revision 3 declared

            EXIT CODES:
              0   converged: the next diff is empty (--no-wait: accepted)
              1   applied, but not all of it stands
              2   refused: nothing was changed
              With --dry-run those of `diff`: 0 nothing to do, 1 something would change, 2 it would be refused.
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var arguments: PlanArguments
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Leave as soon as the revision is recorded.")
    var noWait = false

    @Flag(help: "Only show the plan, as `diff` does; touch nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp("Do what `diff -o json` said, or nothing if it would not be the same.", valueName: "file")
    )
    var plan: String?

    func validate() throws {
        let asked = arguments.options
        guard plan != nil else { return }
        if asked != PlanOptions() || arguments.revision != nil || common.dir != nil {
            throw ValidationError(
                "--plan says itself which manifests and what is allowed: give --dir, --revision, --only, --no-prune, "
                    + "--no-kill and --allow-... when you make it."
            )
        }
    }

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let format = try resultFormat()
        if let plan { return try applySavedPlan(plan, composition, output) }
        if dryRun {
            let showing = PlanPresenter(
                output: output,
                format: format,
                isVerbose: arguments.verbose,
                environment: composition.environment
            )
            return try showing.present(composition, .runtime, arguments)
        }
        if arguments.revision == nil { try composition.requireTrustedDirectory() }
        try composition.repairDatabaseIfDamaged(output)
        guard format == .text || format == .json else {
            throw ValidationError("-o \(format.rawValue) goes with --dry-run; what an apply came to is text or json.")
        }
        let reading = try PreparedPlan(
            composition,
            revision: arguments.revision,
            arguments.variables,
            arguments.options,
            output: output
        )
        return try submit(reading, nil, composition, output)
    }

    /// Carries out a saved plan, if it still is the plan.
    private func applySavedPlan(_ path: String, _ composition: Workspace, _ output: Output) throws -> ExitCode {
        let (saved, basis) = try SavedPlan.read(path)
        var options = common
        options.dir = basis.directory
        let there = Workspace(options, environment: composition.environment)
        let reading = try PreparedPlan(
            there,
            revision: basis.revision,
            arguments.variables,
            basis.planOptions,
            output: output
        )
        let base = try there.openReader()?.revision()?.number ?? 0
        if !dryRun, basis.revision == nil { try there.requireTrustedDirectory() }
        if let moved = saved.firstDifference(basis, reading, base: base) {
            let errand = ApplySession(output, reading.plan ?? Plan(baseRevision: base))
            return errand.reportRefusal("cannot apply \(path): \(moved)", help: SavedPlan.remedy)
        }
        if dryRun {
            let showing = PlanPresenter(
                output: output,
                format: try resultFormat(),
                isVerbose: arguments.verbose,
                environment: composition.environment
            )
            showing.show(reading)
            return reading.code
        }
        return try submit(reading, saved.expectation, there, output)
    }

    /// Orders the plan and follows it.
    private func submit(
        _ reading: PreparedPlan,
        _ promise: PlanExpectation?,
        _ composition: Workspace,
        _ output: Output
    ) throws -> ExitCode {
        let wanted = reading.wanted
        guard let plan = reading.plan else {
            let errand = ApplySession(output, Plan(baseRevision: 0))
            return errand.reportInvalidManifests(in: wanted.source, wanted.result.diagnostics)
        }
        output.writeDiagnostics(wanted.result.diagnostics)
        let errand = ApplySession(output, plan, isVerbose: arguments.verbose)
        if let refusal = plan.refusals.first {
            return errand.reportRefusal("cannot apply \(wanted.source) as it is: \(refusal.message)", plan.refusals)
        }
        errand.showPlan()
        if let revision = wanted.revision {
            output.writeNote(
                "going back to revision \(revision); the files in \(wanted.directory) stay as they are, "
                    + "and the next `heroproc apply` leads to them again"
            )
        }
        let reconciler = ReconcilerConnector(workspace: composition, output: output)
        let client =
            try reconciler.connect(timeout: wait.timeout.duration) ?? reconciler.startInBackground(in: wanted.directory)
        let request = makeRequest(reading, promise, composition)
        return try errand.submit(request, to: client, timeout: noWait ? nil : wait.timeout.duration)
    }

    private func makeRequest(_ reading: PreparedPlan, _ promise: PlanExpectation?, _ composition: Workspace)
        -> ControlRequest
    {
        let wanted = reading.wanted
        var request = ControlRequest(
            .apply,
            directory: wanted.directory,
            files: wanted.recordedFiles.map { file in
                .init(path: file.path, folder: file.baseDirectory, text: String(decoding: file.bytes, as: UTF8.self))
            },
            actor: composition.actor,
            gitCommit: wanted.gitCommit,
            prunes: reading.options.prunes,
            requiresCore: wanted.requiresCore,
            variables: wanted.result.variables
        )
        request.only = reading.options.only
        request.kills = reading.options.allowsReclaims
        request.allowsProtected = reading.options.allowsProtected
        request.allowsDisruption = reading.options.allowsDisruption
        request.goesBackTo = wanted.revision
        request.planExpectation = promise
        return request
    }
}

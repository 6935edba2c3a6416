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

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let format = try resultFormat()
        if let plan { return try perform(plan, composition, output) }
        if dryRun {
            let showing = PlanShowing(
                output: output,
                format: format,
                isVerbose: arguments.verbose,
                environment: composition.environment
            )
            return try showing.answer(composition, .runtime, arguments)
        }
        if arguments.revision == nil { try composition.requireTrustedServices() }
        try composition.mendIfDamaged(output)
        guard format == .text || format == .json else {
            throw ValidationError("-o \(format.rawValue) goes with --dry-run; what an apply came to is text or json.")
        }
        let reading = try PlanReading(
            composition,
            revision: arguments.revision,
            arguments.variables,
            arguments.options,
            output: output
        )
        return try order(reading, nil, composition, output)
    }

    /// Carries out a saved plan, if it still is the plan.
    private func perform(_ path: String, _ composition: Composition, _ output: Output) throws -> ExitCode {
        let (saved, basis) = try SavedPlan.read(path)
        var options = common
        options.dir = basis.directory
        let there = Composition(options, environment: composition.environment)
        let reading = try PlanReading(
            there,
            revision: basis.revision,
            arguments.variables,
            basis.planOptions,
            output: output
        )
        let base = try there.reader()?.revision()?.number ?? 0
        if !dryRun, basis.revision == nil { try there.requireTrustedServices() }
        if let moved = saved.whatMoved(basis, reading, base: base) {
            let errand = Errand(output, reading.plan ?? Plan(baseRevision: base))
            return errand.refuse("cannot apply \(path): \(moved)", help: SavedPlan.remedy)
        }
        if dryRun {
            let showing = PlanShowing(
                output: output,
                format: try resultFormat(),
                isVerbose: arguments.verbose,
                environment: composition.environment
            )
            showing.show(reading)
            return reading.code
        }
        return try order(reading, saved.promise, there, output)
    }

    /// Orders the plan and follows it.
    private func order(
        _ reading: PlanReading,
        _ promise: PlanExpectation?,
        _ composition: Composition,
        _ output: Output
    ) throws -> ExitCode {
        let wanted = reading.wanted
        guard let plan = reading.plan else {
            let errand = Errand(output, Plan(baseRevision: 0))
            return errand.refuse(mistaken: wanted.source, wanted.result.diagnostics)
        }
        output.diagnostics(wanted.result.diagnostics)
        let errand = Errand(output, plan, isVerbose: arguments.verbose)
        if let refusal = plan.refusals.first {
            return errand.refuse("cannot apply \(wanted.source) as it is: \(refusal.message)", plan.refusals)
        }
        errand.announce()
        if let revision = wanted.revision {
            output.note(
                "going back to revision \(revision); the files in \(wanted.directory) stay as they are, "
                    + "and the next `heroproc apply` leads to them again"
            )
        }
        let reconciler = LiveReconciler(composition: composition, output: output)
        let client = try reconciler.find(timeout: wait.timeout.duration) ?? reconciler.start(in: wanted.directory)
        let request = request(reading, promise, composition)
        return try errand.send(request, to: client, timeout: noWait ? nil : wait.timeout.duration)
    }

    private func request(_ reading: PlanReading, _ promise: PlanExpectation?, _ composition: Composition) -> ControlRequest
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

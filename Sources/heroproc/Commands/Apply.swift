import ArgumentParser
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler

/// Records a revision and converges to it.
struct Apply: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make what runs what the manifests say, and wait until it stands.",
        discussion: """
            Hands the manifests to the live reconciler and follows it. Where none lives, one is started in the \
            background: it keeps what was applied until a `down`.

            EXAMPLES:
              heroproc apply
              heroproc apply --timeout 5m && ./smoke-test
              heroproc apply --no-wait -o json

            EXIT CODES:
              0   converged: the next diff is empty (--no-wait: accepted)
              1   applied, but not all of it stands
              2   refused: nothing was changed
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Leave as soon as the revision is recorded.")
    var noWait = false

    @Flag(help: "Leave services alone that no manifest declares any more.")
    var noPrune = false

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let (files, result) = try composition.readManifests(variables)
        guard let wanted = result.desired else {
            let errand = Errand(output, Plan(baseRevision: 0))
            defer { composition.hintAtFormerVariables(result, output) }
            return errand.refuse(mistaken: composition.shownDirectory, result.diagnostics)
        }
        output.diagnostics(result.diagnostics)
        let plan = Planner.plan(wanted, try composition.observed(), PlanOptions(prunes: !noPrune))
        let errand = Errand(output, plan)
        errand.announce()
        let request = ControlRequest(
            .apply,
            directory: composition.directory,
            files: composition.recorded(files).map { file in
                .init(path: file.path, folder: file.folder, text: String(decoding: file.bytes, as: UTF8.self))
            },
            actor: composition.actor,
            gitCommit: GitCommit.of(composition.directory),
            prunes: !noPrune,
            requiresCore: composition.requiresCore,
            variables: result.variables
        )
        let reconciler = LiveReconciler(composition: composition, output: output)
        let client = try reconciler.find(timeout: wait.timeout.duration) ?? reconciler.start()
        return try errand.send(request, to: client, timeout: noWait ? nil : wait.timeout.duration)
    }
}

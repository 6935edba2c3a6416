import ArgumentParser
import HeroKernel
import HeroLinux
import HeroManifest
import HeroPlan
import HeroReconciler

/// Brings directory and runtime together: once, or for ever.
struct Reconcile: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring manifests and runtime together: one pass, or (--watch) for ever.",
        discussion: """
            At most one reconciler lives per state directory. Ending or killing it never stops a service; the next one \
            takes over what runs.

            EXAMPLES:
              heroproc reconcile                   one pass, for cron and CI
              heroproc reconcile --watch           supervise: apply and heal for ever
              heroproc reconcile --watch --down-on-exit
                                                   in a container: SIGTERM ends all

            EXIT CODES:
              0   converged; with --watch: ended by SIGTERM or SIGINT
              1   not all of it stands
              2   refused: nothing was changed, or another reconciler lives
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions
    @OptionGroup var wait: WaitOptions

    @Flag(help: "Stay: watch the directory, the processes and the clock.")
    var watch = false

    @Flag(help: "With --watch: keep what was applied, and leave the directory alone.")
    var noSync = false

    @Flag(help: "With --watch: take every service down before leaving.")
    var downOnExit = false

    @Flag(help: .private)
    var background = false

    func validate() throws {
        if !watch, noSync || downOnExit || background {
            throw ValidationError("--no-sync and --down-on-exit go with --watch.")
        }
    }

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        try watch ? stay(composition, output) : pass(composition, output)
    }

    private func pass(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let (_, result) = try composition.readManifests(variables)
        guard let wanted = result.desired else {
            let errand = Errand(output, Plan(baseRevision: 0))
            return errand.refuse(mistaken: composition.shownDirectory, result.diagnostics)
        }
        output.diagnostics(result.diagnostics)
        let plan = Planner.plan(wanted, try composition.observed())
        let errand = Errand(output, plan)
        return try OwnReconciler(composition: composition, mode: .once).with(configuration(.once, composition)) {
            errand.announce()
            return errand.run($0)
        }
    }

    private func stay(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let mode: LiveReconciler.Mode = background ? .background : noSync ? .keep : .watch
        let configuration = configuration(noSync ? .keep : .sync, composition)
        return try OwnReconciler(composition: composition, mode: mode).with(configuration) { reconciler in
            let log = EventLog(output)
            reconciler.log = log.record
            let cgroups = Cgroups.look(environment: composition.environment)
            log.say("holds process trees by \(cgroups.words)", at: composition.now)
            log.say(noSync ? "keeps what was applied" : "watches \(composition.directory)", at: composition.now)
            reconciler.run()
            return .good
        }
    }

    private func configuration(
        _ mode: ReconcilerConfiguration.Mode,
        _ composition: Composition
    ) -> ReconcilerConfiguration {
        ReconcilerConfiguration(
            mode: mode,
            directory: mode == .keep ? nil : composition.directory,
            requiresCore: composition.requiresCore,
            variables: variables.values,
            environment: composition.environment,
            leavesWhenDown: background,
            downOnExit: downOnExit,
            timeout: wait.timeout.duration,
            actor: mode == .sync ? "reconciler" : composition.actor,
            gitCommit: { GitCommit.of($0) }
        )
    }
}

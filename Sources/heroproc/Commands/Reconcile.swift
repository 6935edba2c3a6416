import ArgumentParser
import HeroGit
import HeroKernel
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore

/// Brings directory and runtime together: once, or for ever.
struct Reconcile: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring manifests and runtime together: one pass, or (--watch) for ever.",
        discussion: """
            At most one reconciler lives per state directory. Ending or killing it never stops a service; the next one \
            takes over what runs.

            --keep puts a process of a few kilobytes above it, which starts it again whenever it crashes, 0.2s later at \
            first and 5s at most, for ever. It passes SIGTERM and SIGINT on, leaves with the code of a reconciler that \
            leaves by itself, and reaps what loses its parent. A reconciler that hangs, so that nothing is heard of it for \
            60s (HEROPROC_WATCHDOG, in seconds; 0: for ever), is killed and started again. After three crashes of its own making within a minute it comes back in safe mode: it \
            keeps up what was applied and takes in nothing new, until anything changes in the directory. With --down-on-exit, the first SIGTERM or SIGINT stops \
            all services in stop waves; the second kills what is left at once.

            EXAMPLES:
              heroproc reconcile                   one pass, for cron and CI
              heroproc reconcile --watch           supervise: apply and heal for ever
              heroproc reconcile --watch --keep    and come back whenever it crashes
              heroproc reconcile --watch --keep --down-on-exit
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

    @Flag(help: "With --watch: start it again whenever it crashes.")
    var keep = false

    @Flag(help: .private)
    var background = false

    /// Set by the keeper's command line.
    @Option(
        help: .private,
        transform: { text in
            guard let news = MonitorReport(text) else { throw ValidationError("`--kept` is the keeper's.") }
            return news
        }
    )
    var kept: MonitorReport?

    func validate() throws {
        if !watch, noSync || downOnExit || keep || background || kept != nil {
            throw ValidationError("--no-sync, --down-on-exit and --keep go with --watch.")
        }
    }

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        guard watch else { return try runOnce(composition, output) }
        guard kept != nil else {
            guard keep else { return try runContinuously(composition, output) }
            let arguments = CommandLine.arguments.dropFirst() + ["--kept", "0"]
            try MonitoredReconciler.becomeMonitor(Array(arguments), environment: composition.environment)
        }
        return try runMonitored(composition, output)
    }

    /// Stays below a keeper: what may go away by itself is then no reason to leave for good.
    private func runMonitored(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        // First of all: nothing else may take its place.
        let heartbeat = Heartbeat.fromMonitor(environment: composition.environment)
        guard ReconcilerConnector(workspace: composition, output: output).awaitSinglePass() else { return .success }
        do {
            return try runContinuously(composition, output, heartbeat)
        } catch let error as StoreError {
            output.writeError(error.message)
        } catch let error as LinuxError {
            output.writeError(error.description)
        }
        throw ArgumentParser.ExitCode(MonitoredReconciler.retryLaterExitCode)
    }

    private func runOnce(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        try composition.requireTrustedDirectory()
        let (_, result) = try composition.readManifests(variables)
        guard let wanted = result.desired else {
            let errand = ApplySession(output, Plan(baseRevision: 0))
            return errand.reportInvalidManifests(in: composition.displayDirectory, result.diagnostics)
        }
        output.writeDiagnostics(result.diagnostics)
        try composition.repairDatabaseIfDamaged(output)
        let plan = try Planner.verifiedPlan(wanted, composition.observe(for: wanted))
        let errand = ApplySession(output, plan)
        return try InProcessReconciler(workspace: composition, mode: .once).withReconciler(
            makeConfiguration(.once, composition)
        ) {
            errand.showPlan()
            return errand.runLocally($0)
        }
    }

    private func runContinuously(
        _ composition: Workspace,
        _ output: Output,
        _ heartbeat: Heartbeat? = nil
    ) throws -> ExitCode {
        let safeMode = makeSafeMode(composition)
        let isSyncing = !noSync && safeMode == nil
        if isSyncing { try composition.requireOwnedDirectory() }
        let mode: ReconcilerConnector.ReconcilerMode =
            safeMode != nil ? .safe : background ? .background : noSync ? .keep : .watch
        var configuration = makeConfiguration(isSyncing ? .sync : .keep, composition)
        configuration.safeMode = safeMode
        let own = InProcessReconciler(workspace: composition, mode: mode, heartbeat: heartbeat)
        return try own.withReconciler(configuration) { reconciler in
            let log = EventLog(output)
            reconciler.log = log.record
            if let safeMode { ReconcilerStatusFile.writeSafeMode(safeMode.summary, composition.paths) }
            let cgroups = CgroupSupport.detect(environment: composition.environment)
            log.info("holds process trees by \(cgroups.summary)", at: composition.now)
            log.info(isSyncing ? "watches \(composition.directory)" : "keeps what was applied", at: composition.now)
            reconciler.run()
            if reconciler.mustRestartNormally { throw ArgumentParser.ExitCode(MonitoredReconciler.restartExitCode) }
            return .success
        }
    }

    /// Why this one must hold back; nil where it need not.
    private func makeSafeMode(_ composition: Workspace) -> SafeMode? {
        guard let kept, kept.isCrashLoop else { return nil }
        return SafeMode(
            crashes: kept.recentCrashes,
            signal: Signal(number: kept.lastSignal),
            directory: composition.directory,
            now: composition.now,
            isReplaced: MonitoredReconciler.makeReplacementCheck()
        )
    }

    private func makeConfiguration(
        _ mode: ReconcilerConfiguration.Mode,
        _ composition: Workspace
    ) -> ReconcilerConfiguration {
        ReconcilerConfiguration(
            mode: mode,
            directory: mode == .keep ? nil : composition.directory,
            requiresCore: composition.requiresCore,
            variables: variables.values,
            environment: composition.environment,
            exitsWhenDown: background,
            downOnExit: downOnExit,
            isRestartAfterCrash: kept?.followsExit ?? false,
            timeout: wait.timeout.duration,
            actor: mode == .sync ? "reconciler" : composition.actor,
            gitCommit: { GitCommit.read($0) },
            zoneExists: composition.zoneExists
        )
    }
}

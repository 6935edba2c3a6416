import ArgumentParser
import Glibc
import HeroGit
import HeroKernel
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroStore

/// Reconciles the services with the manifests, once or continuously.
struct Reconcile: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reconcile the services with the manifests: once, or continuously with --watch.",
        discussion: """
            At most one reconciler runs per state directory. Stopping or killing it never stops a service. A new \
            reconciler adopts the running services.

            --keep runs the reconciler under a small monitor process. The monitor starts the reconciler again after a \
            crash, with a delay of 0.2s that grows to 5s. It forwards SIGTERM and SIGINT, exits with the code of a \
            reconciler that exits by itself, and reaps orphaned processes. It kills and restarts a reconciler that \
            sends no heartbeat for 60s (HEROPROC_WATCHDOG in seconds; 0: never).

            A monitored reconciler that crashes three times within a minute starts in safe mode: it supervises the \
            applied services and applies no new manifests until anything in the services directory changes.

            With --down-on-exit, the first SIGTERM or SIGINT stops all services in stop waves. The second one kills \
            the remaining processes. The end of a service with `essential: true` stops all services too, and its exit \
            code (128 and the signal number after a signal) is that of the command.

            --logs writes the output of all services to standard output, with the name of the service before each \
            line; --logs=json writes one object per line. It never waits: when more than 1 MiB is not read, further \
            lines are dropped and counted. The log files have them all.

            EXAMPLES:
              heroproc reconcile                   reconcile once, for cron and CI
              heroproc reconcile --watch           apply changes and restart services
              heroproc reconcile --watch --git https://example.org/infra.git --ref main --path hosts/a
                                                   follow a git repository
              heroproc reconcile --watch --keep    also restart the reconciler after a crash
              heroproc reconcile --watch --keep --down-on-exit --logs
                                                   in a container: SIGTERM stops all

            EXIT CODES:
              0   converged; with --watch: stopped by SIGTERM or SIGINT
              1   a service has not reached its declared state
              2   refused; nothing was changed, or another reconciler is running
              other: with --down-on-exit, the exit code of an essential service that has ended
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions
    @OptionGroup var wait: WaitOptions
    @OptionGroup var repository: RepositoryOptions

    @Flag(help: "Keep running: watch the services directory, the processes and the clock.")
    var watch = false

    @Flag(help: "With --watch: supervise the applied services and ignore the services directory.")
    var noSync = false

    @Flag(help: "With --watch: stop every service before exiting.")
    var downOnExit = false

    @Flag(help: "With --watch: restart the reconciler after a crash.")
    var keep = false

    @Option(
        defaultAsFlag: LogsFormat.text,
        help: "With --watch: write the output of all services to standard output: text or json."
    )
    var logs: LogsFormat?

    @Flag(help: "Allow stops and restarts by manifests of another directory than that of the last revision.")
    var switchDir = false

    @Flag(help: .private)
    var background = false

    /// The report of the monitor about earlier runs.
    ///
    /// The monitor sets this option on its command line.
    @Option(
        help: .private,
        transform: { text in
            guard let report = MonitorReport(text) else {
                throw ValidationError("`--kept` is reserved for the monitor.")
            }
            return report
        }
    )
    var kept: MonitorReport?

    /// The monitor adds the absolute paths to the command line.
    var isDirectoryAdded: Bool { kept != nil }

    func validate() throws {
        if !watch, noSync || downOnExit || keep || background || kept != nil || logs != nil {
            throw ValidationError("--no-sync, --down-on-exit, --keep and --logs require --watch.")
        }
        guard repository.git != nil else { return }
        if !watch { throw ValidationError("--git requires --watch.") }
        if noSync { throw ValidationError("--git and --no-sync exclude each other.") }
        if common.dir != nil { throw ValidationError("--git and --dir exclude each other; use --path.") }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        guard watch else { return try runOnce(workspace, output) }
        let follow = try repository.followOptions()
        guard kept != nil else {
            guard keep else { return try runContinuously(workspace, output) }
            // The monitor and its reconcilers run in the root directory, so the last paths on the command line, which
            // count, are absolute. A directory that was selected implicitly is checked before it becomes explicit.
            if !noSync, follow == nil { try workspace.requireOwnedDirectory() }
            let directory = follow == nil ? ["--dir", workspace.directory] : repository.absoluteArguments
            let paths = directory + ["--state", workspace.paths.namedState]
            let arguments = CommandLine.arguments.dropFirst() + paths + ["--kept", "0"]
            try MonitoredReconciler.becomeMonitor(Array(arguments), environment: workspace.environment)
        }
        return try runMonitored(workspace, output)
    }

    /// Runs under a monitor.
    ///
    /// Errors that may disappear by themselves make the monitor start the reconciler again later.
    private func runMonitored(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        // The descriptor of the heartbeat comes first, so that no other file gets its number.
        let hasHeartbeatPipe = MonitoredReconciler.hasHeartbeatPipe
        let heartbeat = Heartbeat.fromMonitor(environment: workspace.environment)
        guard ReconcilerConnector(workspace: workspace, output: output).awaitSinglePass() else { return .success }
        do {
            return try runContinuously(workspace, output, heartbeat, announcesExit: hasHeartbeatPipe)
        } catch let error as StoreError {
            output.writeError(error.message)
        } catch let error as LinuxError {
            output.writeError(error.description)
        }
        throw ArgumentParser.ExitCode(MonitoredReconciler.retryLaterExitCode)
    }

    private func runOnce(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        try workspace.requireTrustedDirectory()
        let workspace = workspace.withRecordedDirectoryName
        let result = try workspace.readManifests(variables).result
        guard let desired = result.desired else {
            let session = ApplySession(output, Plan(baseRevision: 0))
            return session.reportInvalidManifests(in: workspace.displayDirectory, result.diagnostics)
        }
        output.writeDiagnostics(result.diagnostics)
        try workspace.repairDatabaseIfDamaged(output)
        let plan = try Planner.verifiedPlan(desired, workspace.observe(for: desired))
        let session = ApplySession(
            output,
            plan,
            lastOutput: { LastOutput(workspace: workspace).line(of: $0.owner, action: $0.action) }
        )
        let local = InProcessReconciler(
            workspace: workspace,
            mode: .once,
            reportInheritedProblem: output.writeNote
        )
        return try local.withReconciler(makeConfiguration(.once, workspace)) {
            session.showPlan()
            return session.runLocally($0)
        }
    }

    private func runContinuously(
        _ workspace: Workspace,
        _ output: Output,
        _ heartbeat: Heartbeat? = nil,
        announcesExit: Bool = false
    ) throws -> ExitCode {
        let safeMode = makeSafeMode(workspace)
        let isSyncing = !noSync && safeMode == nil
        let follow = try repository.followOptions()
        let workspace = follow.map { workspace.withDirectory($0.address.text) } ?? workspace
        if isSyncing, follow == nil { try workspace.requireOwnedDirectory() }
        let mode: ReconcilerMode =
            safeMode != nil ? .safe : background ? .background : noSync ? .keep : .watch
        var configuration = makeConfiguration(isSyncing ? .sync : .keep, workspace)
        configuration.safeMode = safeMode
        if isSyncing, let followed = repository.followedRepository(follow, state: workspace.paths.state) {
            configuration.directory = nil
            configuration.repository = followed
            configuration.fileExists = { access($0, F_OK) == 0 }
        }
        let log = EventLog(output)
        let local = InProcessReconciler(workspace: workspace, mode: mode, heartbeat: heartbeat) {
            log.warn($0, at: workspace.now)
        }
        return try local.withReconciler(configuration) { reconciler in
            reconciler.log = log.record
            if let safeMode { ReconcilerStatusFile.writeSafeMode(safeMode.summary, workspace.paths) }
            let cgroups = CgroupSupport.detect(environment: workspace.environment)
            log.info("tracks process trees with \(cgroups.summary)", at: workspace.now)
            log.info(
                !isSyncing
                    ? "supervises the applied services"
                    : follow == nil ? "watches \(workspace.directory)" : "follows \(workspace.directory)",
                at: workspace.now
            )
            let forwarder = logs.map { format in
                LogForwarder(
                    root: workspace.paths.logs,
                    format: format,
                    style: output.results,
                    isForTerminal: output.isResultsTerminal
                )
            }
            reconciler.run()
            forwarder?.finish()
            if let code = reconciler.essentialExitCode {
                if announcesExit { MonitoredReconciler.announceExit() }
                throw ArgumentParser.ExitCode(code)
            }
            if reconciler.mustRestartNormally { throw ArgumentParser.ExitCode(MonitoredReconciler.restartExitCode) }
            return .success
        }
    }

    /// The reason to run in safe mode; nil without one.
    private func makeSafeMode(_ workspace: Workspace) -> SafeMode? {
        guard let kept, kept.isCrashLoop else { return nil }
        return SafeMode(
            crashes: kept.recentCrashes,
            signal: Signal(number: kept.lastSignal),
            directory: workspace.directory,
            now: workspace.now,
            isReplaced: MonitoredReconciler.makeReplacementCheck()
        )
    }

    private func makeConfiguration(
        _ mode: ReconcilerConfiguration.Mode,
        _ workspace: Workspace
    ) -> ReconcilerConfiguration {
        var configuration = ReconcilerConfiguration(
            mode: mode,
            directory: mode == .keep ? nil : workspace.directory,
            requiresCore: workspace.requiresCore,
            variables: variables.values,
            environment: workspace.environment,
            exitsWhenDown: background,
            downOnExit: downOnExit,
            isRestartAfterCrash: kept?.followsExit ?? false,
            timeout: wait.timeout.duration,
            actor: mode == .sync ? "reconciler" : workspace.actor,
            gitCommit: { GitCommit.read($0) },
            zoneExists: workspace.zoneExists
        )
        configuration.switchesDirectory = switchDir
        configuration.readVariableFile = workspace.readVariableFile
        return configuration
    }
}

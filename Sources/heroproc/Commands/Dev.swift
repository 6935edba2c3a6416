import ArgumentParser
import HeroLinux
import HeroManifest
import HeroModel
import HeroPlan
import HeroReconciler
import HeroView

/// Runs services in the foreground while a developer edits their manifests.
struct Dev: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the services in this terminal, show their output, and apply each edit.",
        discussion: """
            Ctrl-C stops all services in order; a second Ctrl-C kills what is left. Names select services, which run \
            with everything that they require. An edit is applied when it is saved; an edit with errors changes nothing.

            The state is in a directory of its own for each services directory, apart from that of `apply`. The first \
            line names it, for other commands. `protect` and `max_disruption` do not count here.

            EXAMPLES:
              heroproc dev
              heroproc dev web                 run web and what it requires
              heroproc dev tag:backend -q      show only the output of the services

            EXIT CODES:
              0   stopped by Ctrl-C or SIGTERM
              2   refused: another `heroproc dev` runs, or the services directory cannot be read
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Argument(help: ArgumentHelp("What to run: \(SelectorArgument.forms). Default: all.", valueName: "name"))
    var names: [SelectorArgument] = []

    @Option(defaultAsFlag: LogsFormat.text, help: "The format of the output of services: text or json.")
    var logs: LogsFormat?

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let workspace = developmentWorkspace(workspace)
        try workspace.requireOwnedDirectory()
        if let desired = try workspace.readManifests(variables).result.desired {
            _ = try Self.selectable(desired).select(names)
        }
        let log = DevelopmentLog(output)
        log.note("runs \(workspace.displayDirectory); Ctrl-C stops all services")
        log.note("the state is in \(workspace.paths.state): use `--state` in another terminal")
        let local = InProcessReconciler(workspace: workspace, mode: .watch) { log.note($0) }
        return try local.withReconciler(makeConfiguration(workspace, log)) { reconciler in
            reconciler.log = log.record
            let forwarder = LogForwarder(
                root: workspace.paths.logs,
                format: logs ?? .text,
                style: output.results,
                isForTerminal: output.isResultsTerminal
            )
            reconciler.run()
            forwarder.finish()
            return .success
        }
    }

    /// The workspace with a state directory of its own for the services directory, unless `--state` is given.
    private func developmentWorkspace(_ workspace: Workspace) -> Workspace {
        guard common.state == nil else { return workspace }
        var options = common
        var environment = workspace.environment
        environment["HEROPROC_STATE"] = nil
        let usual = Workspace(options, environment: environment).paths.namedState
        let folder = workspace.directory.split(separator: "/").dropLast().last.map(String.init) ?? "services"
        options.state = "\(usual)/dev/\(folder)-\(RuntimePaths.digest(of: workspace.directory).prefix(8))"
        return Workspace(options, environment: workspace.environment)
    }

    private static func selectable(_ desired: DesiredState) -> Selectable {
        Selectable(
            Set(desired.services.keys).union(desired.actions.filter { $0.value.spec.isStandalone }.keys),
            desired
        )
    }

    private func makeConfiguration(_ workspace: Workspace, _ log: DevelopmentLog) -> ReconcilerConfiguration {
        var configuration = ReconcilerConfiguration(
            mode: .sync,
            directory: workspace.directory,
            requiresCore: workspace.requiresCore,
            variables: variables.values,
            environment: workspace.environment,
            downOnExit: true,
            actor: workspace.actor,
            zoneExists: workspace.zoneExists
        )
        configuration.switchesDirectory = true
        let selectors = names
        configuration.development = ReconcilerConfiguration.Development(
            adjust: { desired in
                guard !selectors.isEmpty else { return desired.forDevelopment(selecting: nil) }
                let all = Self.selectable(desired)
                // An edit may have removed a selected service.
                let selected = selectors.flatMap { (try? all.select([$0])) ?? [] }
                return desired.forDevelopment(selecting: Set(selected))
            },
            reportPlan: { log.showPlan($0) },
            reportRefusal: { log.showRefusal($0, $1) }
        )
        return configuration
    }
}

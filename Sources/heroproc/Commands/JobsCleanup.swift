import ArgumentParser
import HeroLinux
import HeroModel
import HeroReconciler
import HeroStore
import HeroView

/// Removes ended jobs.
struct JobsCleanup: HeroCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup",
        abstract: "Remove ended jobs that carry a tag, with their logs, and action specs that nothing uses any more.",
        discussion: """
            Jobs that run or are tried again never go, and neither do those of a service that is up: they are what its \
            state is known from. Settings.retention does the same by itself.

            EXAMPLES:
              heroproc jobs cleanup --tag nightly --dry-run
              heroproc jobs cleanup --tag nightly --older-than 7d
              heroproc jobs cleanup --tag ci --kind build --target web --actor anna

            EXIT CODES:
              0   done, or nothing to do
              2   refused: nothing was removed
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var tagOptions: JobTagOptions
    @OptionGroup(visibility: .hidden) var filterOptions: JobFilterOptions

    @Option(help: ArgumentHelp("Of those, the ones with the tag TAG_kind_KIND.", valueName: "kind"))
    var kind: String?

    @Option(help: ArgumentHelp("Of those, the ones with the tag TAG_target_TARGET.", valueName: "target"))
    var target: String?

    @Option(help: ArgumentHelp("Of those, the ones with the tag TAG_ACTOR.", valueName: "actor"))
    var actor: String?

    @Option(help: ArgumentHelp("Only jobs that ended at least so long ago: 12h, 7d.", valueName: "duration"))
    var olderThan: DurationArgument?

    @Flag(help: "Show what would go, and remove nothing.")
    var dryRun = false

    func validate() throws {
        guard let tag = tagOptions.tag, !tag.isEmpty else {
            throw ValidationError("Missing expected argument '--tag <tag>': only jobs that carry a tag are cleaned up.")
        }
        try filterOptions.requireUnset(for: "jobs cleanup")
    }

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let result = try cleanUp(composition, output)
        switch output.format {
        case .text: output.writeResult(CleanupView.text(result))
        case .json: output.writeResult(CleanupView.json(result))
        }
        for error in result.errors { output.writeError(error) }
        return .success
    }

    private func makeRule(_ composition: Workspace) -> CleanupRule {
        let tag = tagOptions.tag ?? ""
        let narrower = [kind.map { "kind_\($0)" }, target.map { "target_\($0)" }, actor].compactMap(\.self)
        return CleanupRule(
            tags: [tag] + narrower.map { "\(tag)_\($0)" },
            endedBefore: olderThan.map { composition.now.earlier(by: $0.duration) }
        )
    }

    private func cleanUp(_ composition: Workspace, _ output: Output) throws -> CleanupResult {
        let rule = makeRule(composition)
        // Where nothing was ever applied, nothing is made either.
        guard let reader = try composition.openReader() else { return CleanupResult(isDryRun: dryRun) }
        if dryRun { return try reader.previewCleanup(rule) }
        if let client = try ReconcilerConnector(workspace: composition, output: output).connect() {
            return try Self.requestCleanup(client, rule, composition)
        }
        return try InProcessStore(workspace: composition).withStore { store in
            try store.cleanUp(rule) { jobs in
                Dictionary(grouping: jobs, by: \.action).flatMap { action, jobs in
                    JobRuntimeFiles.remove(of: jobs.map(\.id), logsIn: action.logDirectory, composition.paths)
                }
            }
        }
    }

    /// Lets the live reconciler do it: it alone writes while it lives.
    private static func requestCleanup(
        _ client: ControlClient,
        _ rule: CleanupRule,
        _ composition: Workspace
    ) throws -> CleanupResult {
        let request = ControlRequest(
            .cleanup,
            directory: composition.directory,
            actor: composition.actor,
            cleanup: rule
        )
        try client.send(Array(ControlCoding.line(request).dropLast()))
        while true {
            switch client.nextLine(timeout: .seconds(1)) {
            case .timedOut: continue
            case .ended:
                throw CommandError(
                    "cannot say what was removed: the live reconciler ended before it answered",
                    help: "run the same command again: what is gone stays gone"
                )
            case .line(let bytes):
                switch ControlCoding.reply(bytes) {
                case .cleaned(let result): return result
                case .refused(let text, diagnostics: _): throw CommandError(text)
                case .accepted, .progress, .done, nil:
                    throw CommandError(
                        "cannot understand the live reconciler: it is of another version of heroproc",
                        help: "end it (no service stops) and run the same command again"
                    )
                }
            }
        }
    }
}

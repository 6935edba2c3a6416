import ArgumentParser
import HeroJSON
import HeroLinux
import HeroModel
import HeroReconciler
import HeroStore
import HeroView

/// Removes ended jobs.
struct JobsCleanup: HeroCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup",
        abstract: "Remove ended jobs with a tag, their logs, and action specs without jobs.",
        discussion: """
            Never removes jobs that are running or will be retried, or the jobs of a running service: its state is \
            known from them. `retention` in the settings removes jobs automatically.

            EXAMPLES:
              heroproc jobs cleanup --tag nightly --dry-run
              heroproc jobs cleanup --tag nightly --older-than 7d
              heroproc jobs cleanup --tag ci --kind build --target web --actor anna

            EXIT CODES:
              0   success, or nothing to remove
              2   refused; nothing was removed
            """
    )

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @OptionGroup var tagOptions: JobTagOptions
    @OptionGroup(visibility: .hidden) var filterOptions: JobFilterOptions

    @Option(help: ArgumentHelp("Remove only jobs that also have the tag TAG_kind_KIND.", valueName: "kind"))
    var kind: String?

    @Option(help: ArgumentHelp("Remove only jobs that also have the tag TAG_target_TARGET.", valueName: "target"))
    var target: String?

    @Option(help: ArgumentHelp("Remove only jobs that also have the tag TAG_ACTOR.", valueName: "actor"))
    var actor: String?

    @Option(help: ArgumentHelp("Remove only jobs that ended at least this long ago: 12h, 7d.", valueName: "duration"))
    var olderThan: DurationArgument?

    @Flag(help: "Show what would be removed, and remove nothing.")
    var dryRun = false

    func validate() throws {
        guard let tag = tagOptions.tag, !tag.isEmpty else {
            throw ValidationError("Missing expected argument '--tag <tag>': only jobs with a tag can be removed.")
        }
        try filterOptions.requireUnset(for: "jobs cleanup")
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let result = try cleanUp(workspace, output)
        switch output.format {
        case .text: output.writeResult(CleanupView.text(result))
        case .json: output.writeResult(CleanupView.json(result))
        }
        for error in result.errors { output.writeError(error) }
        return .success
    }

    private func makeRule(_ workspace: Workspace) -> CleanupRule {
        let tag = tagOptions.tag ?? ""
        let narrower = [kind.map { "kind_\($0)" }, target.map { "target_\($0)" }, actor].compactMap(\.self)
        return CleanupRule(
            tags: [tag] + narrower.map { "\(tag)_\($0)" },
            endedBefore: olderThan.map { workspace.now.earlier(by: $0.duration) }
        )
    }

    private func cleanUp(_ workspace: Workspace, _ output: Output) throws -> CleanupResult {
        let rule = makeRule(workspace)
        // Without a database there is nothing to remove, and no database is created.
        guard let reader = try workspace.openReader() else { return CleanupResult(isDryRun: dryRun) }
        if dryRun { return try reader.previewCleanup(rule) }
        let connector = ReconcilerConnector(workspace: workspace, output: output)
        let result = try connector.repeatingUnread {
            try connector.connect().map { try Self.requestCleanup($0, rule, workspace) }
        }
        if let result { return result }
        return try InProcessStore(workspace: workspace).withStore { store in
            try store.cleanUp(rule) { jobs in
                Dictionary(grouping: jobs, by: \.action).flatMap { action, jobs in
                    JobRuntimeFiles.remove(of: jobs.map(\.id), logsIn: action.logDirectory, workspace.paths)
                }
            }
        }
    }

    /// Requests the cleanup from the running reconciler, which is the only writer of the database.
    private static func requestCleanup(
        _ client: ControlClient,
        _ rule: CleanupRule,
        _ workspace: Workspace
    ) throws -> CleanupResult {
        let request = ControlRequest(
            .cleanup,
            directory: workspace.directory,
            actor: workspace.actor,
            cleanup: rule
        )
        try client.send(Array(ControlCoding.line(request).dropLast()))
        while true {
            switch client.nextLine(timeout: .seconds(1)) {
            case .timedOut: continue
            case .unread: throw ControlClient.unreadError
            case .ended:
                throw CommandError(
                    "cannot report what was removed: the reconciler exited before it replied",
                    help: "run the same command again; removed jobs stay removed"
                )
            case .line(let bytes):
                switch ControlCoding.reply(bytes) {
                case .cleaned(let result): return result
                case .refused(let text, diagnostics: _): throw CommandError(text)
                case .accepted, .progress, .settling, .done, nil:
                    throw CommandError(
                        "cannot read the reply of the reconciler: it is another version of heroproc",
                        help: "stop the reconciler (no service stops) and run the same command again"
                    )
                }
            }
        }
    }
}

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
    @OptionGroup var tagged: JobsTag
    @OptionGroup(visibility: .hidden) var selection: JobsSelection

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
        guard let tag = tagged.tag, !tag.isEmpty else {
            throw ValidationError("Missing expected argument '--tag <tag>': only jobs that carry a tag are cleaned up.")
        }
        try selection.requireNone(for: "jobs cleanup")
    }

    func perform(_ composition: Composition, _ output: Output) throws -> ExitCode {
        let result = try clean(composition, output)
        switch output.format {
        case .text: output.result(CleanupView.text(result))
        case .json: output.result(CleanupView.json(result))
        }
        for error in result.errors { output.error(error) }
        return .good
    }

    private func rule(_ composition: Composition) -> CleanupRule {
        let tag = tagged.tag ?? ""
        let narrower = [kind.map { "kind_\($0)" }, target.map { "target_\($0)" }, actor].compactMap(\.self)
        return CleanupRule(
            tags: [tag] + narrower.map { "\(tag)_\($0)" },
            endedBefore: olderThan.map { composition.now.earlier(by: $0.duration) }
        )
    }

    private func clean(_ composition: Composition, _ output: Output) throws -> CleanupResult {
        let rule = rule(composition)
        // Where nothing was ever applied, nothing is made either.
        guard let reader = try composition.reader() else { return CleanupResult(isDryRun: dryRun) }
        if dryRun { return try reader.previewCleanup(rule) }
        if let client = try LiveReconciler(composition: composition, output: output).find() {
            return try Self.ask(client, rule, composition)
        }
        return try OwnStore(composition: composition).with { store in
            try store.cleanUp(rule) { jobs in
                Dictionary(grouping: jobs, by: \.action).flatMap { action, jobs in
                    JobRuntimeFiles.remove(of: jobs.map(\.id), logsIn: action.logDirectory, composition.paths)
                }
            }
        }
    }

    /// Lets the live reconciler do it: it alone writes while it lives.
    private static func ask(
        _ client: ControlClient,
        _ rule: CleanupRule,
        _ composition: Composition
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
                throw Refusal(
                    "cannot say what was removed: the live reconciler ended before it answered",
                    help: "run the same command again: what is gone stays gone"
                )
            case .line(let bytes):
                switch ControlCoding.reply(bytes) {
                case .cleaned(let result): return result
                case .refused(let text, diagnostics: _): throw Refusal(text)
                case .accepted, .progress, .done, nil:
                    throw Refusal(
                        "cannot understand the live reconciler: it is of another version of heroproc",
                        help: "end it (no service stops) and run the same command again"
                    )
                }
            }
        }
    }
}

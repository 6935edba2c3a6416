import ArgumentParser
import HeroManifest
import HeroModel
import HeroView

/// Explains the state of one service.
struct Why: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say why a service is in its state.",
        discussion: """
            What is wanted of it and where that is written, what it waits for and what stands in the way of that, how \
            its actions ended and what they wrote at last, what its probe asks, and when it is tried again. It needs no \
            live reconciler.

            EXAMPLES:
              heroproc why web
              heroproc why core/hero_db
              heroproc why web -o json | jq -r .answer

            EXIT CODES:
              0   explained
              2   unknown name, or it cannot be read
            """
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var variables: VariableOptions

    @Argument(help: ArgumentHelp("A service: NAME of context core, or CONTEXT/NAME.", valueName: "name"))
    var name: ServiceArgument

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        var report = try StatusReader(workspace: composition).explain(name.name, variables)
        report.lastOutput = try lastOutput(of: report.actionsWithProblems, composition)
        switch output.format {
        case .text: output.writeResult(WhyView(output.results).text(report))
        case .json: output.writeResult(WhyView.json(report))
        }
        return .success
    }

    /// So many lines of an action, and so much of each, tell what is wrong; `logs` has the rest.
    private static let outputLimit = (lines: 3, columns: 200)

    /// The last lines of the last start of each action.
    private func lastOutput(of actions: [String], _ composition: Workspace) throws -> [String: [String]] {
        guard !actions.isEmpty else { return [:] }
        let finder = LogFinder(workspace: composition, service: name.name, action: nil)
        var result: [String: [String]] = [:]
        for source in try finder.sources(LogSelection(isPrevious: false)) where actions.contains(source.action) {
            let reader = LogReader(source, lines: Self.outputLimit.lines, form: .assembled)
            var lines: [String] = []
            while let entry = reader.next() ?? reader.finish() {
                let line = String(decoding: entry.text, as: UTF8.self)
                lines.append(line.count > Self.outputLimit.columns ? line.prefix(Self.outputLimit.columns) + "…" : line)
            }
            result[source.action] = lines.suffix(Self.outputLimit.lines)
        }
        return result
    }
}

extension StatusReader {
    /// All there is to say about one service.
    ///
    /// - Throws: `Refusal` when neither the records nor the manifests know it.
    fileprivate func explain(_ name: QualifiedName, _ variables: VariableOptions) throws -> WhyReport {
        let report = try report()
        let known = Dictionary(report.services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let applied = try appliedManifests()
        // What was never applied may stand in the files already; mistakes there are no answer to this question.
        let files = known[name] == nil ? try? workspace.readManifests(variables).result.desired : nil
        let declared = applied?.services[name] ?? files?.services[name]
        if known[name] == nil, declared == nil {
            let names = Set(known.keys).union(applied?.services.keys.map { $0 } ?? [])
                .union(files?.services.keys.map { $0 } ?? [])
            try KnownNames(names.sorted()).requireKnown([name])
        }
        return WhyReport(
            name: name,
            declared: declared,
            status: known[name],
            others: known,
            reconciler: report.reconciler,
            revision: report.revision,
            now: report.now
        )
    }
}

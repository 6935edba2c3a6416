import ArgumentParser
import HeroView

/// Shows what services write.
struct Logs: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a service or an action wrote, as it wrote it.",
        discussion: """
            Shows the last start; where there are several actions, each line begins with its action.

            EXAMPLES:
              heroproc logs web
              heroproc logs web.server -f          follow, through restarts
              heroproc logs web -n 100             the last 100 lines, of earlier starts too
              heroproc logs web --previous         what the start before said
              heroproc logs backup                 the last run of a standalone action
              heroproc logs other/web --since 10m --timestamps

            EXIT CODES:
              0   shown
              2   unknown name, or it cannot be read
            """
    )

    @OptionGroup var common: CommonOptions

    @Argument(help: ArgumentHelp("NAME[.ACTION] of context core, or CONTEXT/NAME[.ACTION].", valueName: "name"))
    var name: ActionArgument

    @Flag(name: .shortAndLong, help: "Go on with what is written from now on; begins with the last 10 lines.")
    var follow = false

    @Option(name: [.customShort("n"), .customLong("lines")], help: "The last so many lines, of earlier starts too.")
    var lines: Int?

    @Option(help: ArgumentHelp("Not older than this: 30s, 10m, 2h.", valueName: "duration"))
    var since: DurationArgument?

    @Flag(help: "The start before the last one.")
    var previous = false

    @Flag(help: "The time before each line.")
    var timestamps = false

    @Flag(help: "The lines of the log file: time, stream, whole or part, text.")
    var raw = false

    func validate() throws {
        if let lines, lines < 0 { throw ValidationError("--lines cannot be less than 0.") }
        if previous, follow || since != nil {
            throw ValidationError("--previous goes with neither --follow nor --since.")
        }
    }

    func perform(_ composition: Workspace, _ output: Output) throws -> ExitCode {
        let finder = LogFinder(workspace: composition, service: name.service, action: name.action)
        let selection = LogSelection(
            lines: lines ?? (follow && since == nil ? 10 : nil),
            since: since.map { composition.now.earlier(by: $0.duration) },
            isPrevious: previous
        )
        var sources = try finder.sources(selection)
        if sources.isEmpty { output.writeNote("\(name.service.displayName) has never run") }
        while sources.isEmpty, follow {
            pause(milliseconds: 500)
            sources = try finder.sources(selection)
        }
        let readers = sources.map { LogReader($0, lines: selection.lines, form: raw ? .raw : .assembled) }
        var printer = LogPrinter(
            output,
            name.service,
            actions: sources.map(\.action),
            showsTimestamps: timestamps && !raw
        )
        printInTimeOrder(readers, output, &printer)
        if follow { followLogs(with: zip(readers, sources).map(LogFollower.init), sources, output, &printer) }
        return .success
    }

    /// Lines of all actions in the order of their times.
    private func printInTimeOrder(_ readers: [LogReader], _ output: Output, _ printer: inout LogPrinter) {
        var heads = readers.map { reader in (reader, head: follow ? reader.next() : reader.next() ?? reader.finish()) }
        while !output.isClosed {
            var first: Int?
            for (index, candidate) in heads.enumerated() {
                guard let head = candidate.head else { continue }
                guard let best = first.flatMap({ heads[$0].head }) else {
                    first = index
                    continue
                }
                if head.timestamp.lexicographicallyPrecedes(best.timestamp) { first = index }
            }
            guard let first, let entry = heads[first].head else { break }
            let reader = heads[first].0
            printer.print(entry, of: reader.action)
            heads[first].head = follow ? reader.next() : reader.next() ?? reader.finish()
        }
        printer.flush()
    }

    /// Says that what some files held cannot be shown: they were moved beyond what is kept, or taken away.
    private func missingLinesText(_ files: Int, _ action: String) -> String {
        let gone = files == 1 ? "a file of its log was" : "\(files) files of its log were"
        return
            "\(name.service.displayName), \(action): \(gone) gone before this could read any of it; lines are missing"
    }

    private func followLogs(
        with followers: [LogFollower],
        _ sources: [LogSource],
        _ output: Output,
        _ printer: inout LogPrinter
    ) {
        let watch = LogDirectoryWatcher()
        while !output.hasLostReader {
            for source in sources { watch.addDirectory(source.folder) }
            for follower in followers {
                let lost = follower.readNewFiles(watch.takeChanges(follower.folder))
                if lost > 0 {
                    printer.flush()
                    output.writeNote(missingLinesText(lost, follower.reader.action))
                }
                while let entry = follower.reader.next() { printer.print(entry, of: follower.reader.action) }
            }
            printer.flush()
            watch.waitForChanges()
        }
    }
}

import ArgumentParser
import HeroView

/// Shows the output of services.
struct Logs: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the output of a service or an action, unchanged.",
        discussion: """
            Shows the last start. If there are several actions, each line begins with the name of its action.

            EXAMPLES:
              heroproc logs web
              heroproc logs web.server -f          follow the output across restarts
              heroproc logs web -n 100             show the last 100 lines of all starts
              heroproc logs web --previous         show the start before the last one
              heroproc logs backup                 show the last run of a standalone action
              heroproc logs other/web --since 10m --timestamps

            EXIT CODES:
              0   success
              2   unknown name, or the log cannot be read
            """
    )

    @OptionGroup var common: CommonOptions

    @Argument(help: ArgumentHelp("NAME[.ACTION] of context core, or CONTEXT/NAME[.ACTION].", valueName: "name"))
    var name: ActionArgument

    @Flag(name: .shortAndLong, help: "Show the last 10 lines, then follow the output.")
    var follow = false

    @Option(
        name: [.customShort("n"), .customLong("lines")],
        help: "Show this number of last lines, also of earlier starts."
    )
    var lines: Int?

    @Option(help: ArgumentHelp("Show only lines that are not older: 30s, 10m, 2h.", valueName: "duration"))
    var since: DurationArgument?

    @Flag(help: "Show the start before the last one.")
    var previous = false

    @Flag(help: "Print the time before each line.")
    var timestamps = false

    @Flag(help: "Print the lines of the log file as they are: time, stream, full or partial, text.")
    var raw = false

    func validate() throws {
        if let lines, lines < 0 { throw ValidationError("--lines cannot be less than 0.") }
        if previous, follow || since != nil {
            throw ValidationError("--previous cannot be combined with --follow or --since.")
        }
    }

    func perform(_ workspace: Workspace, _ output: Output) throws -> ExitCode {
        let finder = LogFinder(workspace: workspace, service: name.service, action: name.action)
        let selection = LogSelection(
            lines: lines ?? (follow && since == nil ? 10 : nil),
            since: since.map { workspace.now.earlier(by: $0.duration) },
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

    /// Prints the lines of all actions in the order of their timestamps.
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

    /// The note that the lines of some files cannot be shown, because rotation or another process removed the files.
    private func missingLinesText(_ files: Int, _ action: String) -> String {
        let gone = files == 1 ? "a log file was" : "\(files) log files were"
        return
            "\(name.service.displayName), \(action): \(gone) removed before they could be read; lines are missing"
    }

    /// Prints new lines until the reader of standard output is gone.
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

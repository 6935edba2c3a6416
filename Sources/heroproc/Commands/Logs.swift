import ArgumentParser
import HeroLinux
import HeroView

/// Shows the output of services.
struct Logs: HeroCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the output of services and actions, unchanged.",
        discussion: """
            Shows the last start, the lines of several logs merged by time. Each line begins with the name of its \
            service, or of its action if only one service is named.

            EXAMPLES:
              heroproc logs -f                     follow all services
              heroproc logs web
              heroproc logs web db -f              follow two services
              heroproc logs tag:http billing/      show the services with a tag, and those of a context
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

    @OptionGroup(title: CommonOptions.title) var common: CommonOptions

    @Argument(
        help: ArgumentHelp(
            "What to show: \(SelectorArgument.forms), or NAME.ACTION. Default: everything.",
            valueName: "name"
        )
    )
    var names: [LogArgument] = []

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
        FileDescriptors.raiseLimit()
        let targets = LogTargets(workspace: workspace, arguments: names)
        let selection = LogSelection(
            lines: lines ?? (follow && since == nil ? 10 : nil),
            since: since.map { workspace.now.earlier(by: $0.duration) },
            isPrevious: previous
        )
        var sources = try targets.sources(selection)
        if sources.isEmpty { output.writeNote(targets.nothingText) }
        while sources.isEmpty, follow, !output.hasLostReader {
            pause(milliseconds: 500)
            sources = try targets.sources(selection)
        }
        let labels = LogLabels(
            isSingleName: targets.isSingleName,
            isForTerminal: output.isResultsTerminal,
            showsTimestamps: timestamps && !raw,
            style: output.results
        )
        var printer = LogPrinter(output.format, labels)
        printer.add(sources)
        let readers = sources.map { LogReader($0, lines: selection.lines, form: raw ? .raw : .assembled) }
        var merger = LogMerger(readers, readsToEnd: !follow)
        while !output.isClosed, let (entry, reader) = merger.next() {
            printer.print(entry, of: reader)
            if printer.buffer.count >= 65_536 { output.writeResult(printer.takeBuffer()) }
        }
        flush(&printer, output)
        if follow { try followLogs(readers, targets, output, &printer) }
        return .success
    }

    private func flush(_ printer: inout LogPrinter, _ output: Output) {
        if !printer.buffer.isEmpty { output.writeResult(printer.takeBuffer()) }
    }

    /// Prints new lines until the reader of standard output is gone.
    private func followLogs(
        _ readers: [LogReader],
        _ targets: LogTargets,
        _ output: Output,
        _ printer: inout LogPrinter
    ) throws {
        let watch = LogDirectoryWatcher()
        let stream = LogStream(watch)
        readers.forEach(stream.add)
        var lastSearch = ContinuousClock.now
        while !output.hasLostReader {
            // Services and actions that run for the first time.
            if ContinuousClock.now - lastSearch >= .seconds(1) {
                lastSearch = .now
                // The reconciler may be about to create the database again.
                let found = (try? targets.sources(LogSelection(lines: nil, isPrevious: false))) ?? []
                let new = found.filter { !stream.contains($0.folder) }
                printer.add(new)
                for source in new { stream.add(LogReader(source, lines: nil, form: raw ? .raw : .assembled)) }
            }
            stream.readNewLines(
                { entry, reader in
                    printer.print(entry, of: reader)
                    if printer.buffer.count >= 65_536 { flush(&printer, output) }
                },
                reportLostFiles: { count, source in
                    flush(&printer, output)
                    output.writeNote(LogLabels.lostFilesText(count, of: source))
                }
            )
            flush(&printer, output)
            watch.waitForChanges()
        }
    }
}

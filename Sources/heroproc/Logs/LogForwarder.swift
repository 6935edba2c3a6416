import ArgumentParser
import Dispatch
import Glibc
import HeroJSON
import HeroLinux
import HeroModel
import HeroView
import Synchronization

/// The format of `--logs`.
enum LogsFormat: String, CaseIterable, ExpressibleByArgument {
    /// The name of the service before each line.
    case text
    /// One object per line.
    case json
}

/// Writes the output of all services to standard output while a reconciler runs.
///
/// It reads the log files in a thread of its own and never delays the reconciler or a service.
final class LogForwarder: Sendable {
    private let root: String
    private let format: OutputFormat
    private let style: OutputStyle
    private let isForTerminal: Bool
    private let sink: LogSink
    private let isFinishing = Mutex(false)
    /// The ends of a pair of sockets that wakes the thread.
    private let wake: (read: Int32, write: Int32)
    private let isStarted = DispatchSemaphore(value: 0)
    private let isDone = DispatchSemaphore(value: 0)

    /// The time for the last lines when the reconciler exits.
    private static let exitTime = DispatchTimeInterval.seconds(2)

    /// Starts to follow the logs; lines that are written from now on are shown.
    init(root: String, format: LogsFormat, style: OutputStyle, isForTerminal: Bool) {
        self.root = root
        self.style = style
        self.isForTerminal = isForTerminal
        switch format {
        case .text: self.format = .text
        case .json: self.format = .json
        }
        sink = LogSink(
            report: { Self.dropReport($0, format) },
            write: { StandardStreams.write($0, to: 1) == nil }
        )
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        wake = socketpair(AF_UNIX, kind, 0, &ends) == 0 ? (ends[0], ends[1]) : (-1, -1)
        guard startThread({ [self] in run() }) == 0 else {
            isDone.signal()
            return
        }
        isStarted.wait()
    }

    /// Shows the lines that are written until now, and ends.
    func finish() {
        isFinishing.withLock { $0 = true }
        var byte: UInt8 = 1
        _ = write(wake.write, &byte, 1)
        _ = isDone.wait(timeout: .now() + Self.exitTime)
        sink.close(within: Self.exitTime)
    }

    private func run() {
        let watch = LogDirectoryWatcher()
        let stream = LogStream(watch)
        let directories = LogDirectories(root: root, watch: watch)
        let labels = LogLabels(
            isSingleName: false,
            isForTerminal: isForTerminal,
            showsTimestamps: false,
            style: style
        )
        var printer = LogPrinter(format, labels)
        var lines = 0
        var lastSearch = ContinuousClock.now
        func search(startsAtEnd: Bool) {
            lastSearch = .now
            let found = directories.sources(startsAtEnd: startsAtEnd, isKnown: stream.contains)
            guard !found.isEmpty else { return }
            printer.add(found)
            for source in found {
                stream.add(LogReader(source, lines: startsAtEnd ? 0 : nil, form: .assembled))
            }
        }
        func flush() {
            if !printer.buffer.isEmpty { sink.append(printer.takeBuffer(), lines: lines) }
            lines = 0
        }
        _ = watch.takeHasNewDirectory()
        search(startsAtEnd: true)
        isStarted.signal()
        while true {
            let isLast = isFinishing.withLock { $0 }
            // The search every ten seconds is for a file system without events.
            if watch.takeHasNewDirectory() || isLast || ContinuousClock.now - lastSearch > .seconds(10) {
                search(startsAtEnd: false)
            }
            stream.readNewLines(
                { entry, reader in
                    printer.print(entry, of: reader)
                    lines += 1
                    if printer.buffer.count >= 65_536 { flush() }
                },
                reportLostFiles: { count, source in
                    Output.writeMessage(LogLabels.lostFilesText(count, of: source) + "\n")
                },
                readsToEnd: isLast
            )
            flush()
            if isLast { break }
            watch.waitForChanges(or: wake.read)
        }
        isDone.signal()
    }

    /// The line that reports dropped lines.
    private static func dropReport(_ count: Int, _ format: LogsFormat) -> [UInt8] {
        let lines = count == 1 ? "1 line was" : "\(count) lines were"
        let text = "\(lines) dropped, because standard output is not read fast enough"
        switch format {
        case .text: return Array("heroproc | \(text)\n".utf8)
        case .json:
            let value: JSONValue = [
                "time": .null, "context": .null, "service": .null, "action": .null, "job": .null, "stream": .null,
                "text": .string(text),
            ]
            return Array((value.text(.compact) + "\n").utf8)
        }
    }
}

import FoundationEssentials
import Glibc
import HeroJSON
import HeroLinux
import HeroModel
import HeroView

/// Writes results to standard output, and diagnostics and progress to standard error.
final class Output {
    /// The output format, for commands that support only text and JSON.
    let format: OutputFormat
    /// Whether only results and errors are written.
    let isQuiet: Bool
    /// The style of standard output.
    let results: OutputStyle
    /// The style of standard error.
    let messages: OutputStyle
    /// Whether standard output is a terminal.
    let isResultsTerminal: Bool
    /// Whether standard error is a terminal.
    let isMessagesTerminal: Bool
    /// Whether a write to standard output has failed; later results are discarded.
    private(set) var isClosed = false
    /// Whether a result is lost for another reason than a reader that has exited.
    private(set) var hasLostResult = false
    /// The result in one sentence, for commands that look at several directories.
    var headline: String?
    /// The JSON results, if they are collected instead of written.
    private(set) var collectedValues: [JSONValue] = []
    private let collectsValues: Bool

    /// Inspects both descriptors.
    init(_ options: CommonOptions, environment: [String: String], collectsValues: Bool = false) {
        self.collectsValues = collectsValues
        format = OutputFormat(rawValue: options.outputFormat) ?? .text
        isQuiet = options.quiet
        isResultsTerminal = Terminal.isTerminal(1)
        isMessagesTerminal = Terminal.isTerminal(2)
        let refusesColor = options.noColor || !environment["NO_COLOR", default: ""].isEmpty
        let wantsColor = !refusesColor && environment["TERM"] != "dumb"
        results = OutputStyle(isColored: wantsColor && isResultsTerminal, width: Terminal.width(1))
        messages = OutputStyle(isColored: wantsColor && isMessagesTerminal, width: Terminal.width(2))
    }

    /// The number of lines of the terminal on standard error; 24 if it is unknown.
    var messagesHeight: Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 24 }
        return Int(size.ws_row)
    }

    // MARK: Results

    /// Writes a result as text.
    func writeResult(_ text: String) { writeResult(Array(text.utf8)) }

    /// Writes a result that on a terminal replaces the one before, if it is refreshed.
    func writeScreen(_ text: String, isRefreshed: Bool) {
        // Move the cursor to the top left corner and clear the screen.
        writeResult(isRefreshed && isResultsTerminal ? "\u{1B}[H\u{1B}[2J" + text : text)
    }

    /// Writes a result as bytes.
    func writeResult(_ bytes: [UInt8]) {
        guard !isClosed, let failure = StandardStreams.write(bytes, to: 1) else { return }
        isClosed = true
        if let message = StandardStreams.resultFailure(failure) { reportLostResult(message) }
    }

    /// Reports that a result cannot be written; the command then exits with 2.
    func reportLostResult(_ message: String) {
        hasLostResult = true
        writeError(message)
    }

    /// Whether the reader of standard output is gone.
    ///
    /// Commands that may write nothing for a long time check it.
    var hasLostReader: Bool {
        var entry = pollfd(fd: 1, events: 0, revents: 0)
        return isClosed || (poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLERR) != 0)
    }

    /// Writes a result as a JSON document.
    func writeResult(_ value: JSONValue) {
        if collectsValues { collectedValues.append(value) } else { writeResult(value.text(.pretty) + "\n") }
    }

    // MARK: Messages

    /// Writes a note, unless `--quiet` is set.
    func writeNote(_ text: String) {
        if !isQuiet { writeMessage(text + "\n") }
    }

    /// Writes an error, and what the user can do.
    func writeError(_ text: String, help: String? = nil) {
        writeMessage(messages.paint("error:", .red) + " \(text.printable)\n")
        if let help { writeMessage("  " + messages.paint("help:", .green) + " \(help.printable)\n") }
    }

    /// Writes diagnostics of manifests.
    ///
    /// With `--quiet`, warnings alone are written only if they count as errors.
    func writeDiagnostics(_ diagnostics: [Diagnostic], isStrict: Bool = false) {
        guard !isQuiet || isStrict || diagnostics.contains(where: { $0.severity == .error }) else { return }
        writeMessage(DiagnosticView(messages).text(diagnostics))
    }

    /// Writes text to standard error.
    func writeMessage(_ text: String) { Self.writeMessage(text) }

    /// Writes text to standard error, without a style.
    static func writeMessage(_ text: String) {
        // An error on standard error cannot be reported anywhere.
        if !text.isEmpty { _ = StandardStreams.write(Array(text.utf8), to: 2) }
    }
}

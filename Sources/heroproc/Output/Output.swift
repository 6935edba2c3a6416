import FoundationEssentials
import Glibc
import HeroLinux
import HeroModel
import HeroView

/// Where words go: results to standard output, diagnostics and progress to standard error.
final class Output {
    /// How results are written, for commands that know no other formats.
    let format: OutputFormat
    /// Whether only results and errors are wanted.
    let isQuiet: Bool
    /// What standard output can show.
    let results: OutputStyle
    /// What standard error can show.
    let messages: OutputStyle
    /// Whether a person looks at the results.
    let isResultsTerminal: Bool
    /// Whether a person looks at the progress.
    let isMessagesTerminal: Bool
    /// Nobody reads the results any more.
    private(set) var isClosed = false

    /// Looks at both descriptors.
    init(_ options: CommonOptions, environment: [String: String]) {
        format = OutputFormat(rawValue: options.outputFormat) ?? .text
        isQuiet = options.quiet
        isResultsTerminal = Terminal.isTerminal(1)
        isMessagesTerminal = Terminal.isTerminal(2)
        let refusesColor = options.noColor || !environment["NO_COLOR", default: ""].isEmpty
        let wantsColor = !refusesColor && environment["TERM"] != "dumb"
        results = OutputStyle(isColored: wantsColor && isResultsTerminal, width: Terminal.width(1))
        messages = OutputStyle(isColored: wantsColor && isMessagesTerminal, width: Terminal.width(2))
    }

    /// Lines that the terminal of standard error has; 24 where it does not say.
    var messagesHeight: Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return 24 }
        return Int(size.ws_row)
    }

    // MARK: Results

    /// A result as text.
    func writeResult(_ text: String) { writeResult(Array(text.utf8)) }

    /// A result as it is.
    func writeResult(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        guard !Self.write(bytes, to: 1) else { return }
        isClosed = true
        // Who has stopped reading knows that; who runs out of room does not.
        let number = errno
        if number != EPIPE { writeError("cannot write the result: \(String(cString: strerror(number)))") }
    }

    /// Whether nobody can read what would be written: asked where nothing may be written for long.
    var hasLostReader: Bool {
        var entry = pollfd(fd: 1, events: 0, revents: 0)
        return isClosed || (poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLERR) != 0)
    }

    /// A result as a JSON document.
    func writeResult(_ value: JSONValue) { writeResult(value.text(.pretty) + "\n") }

    // MARK: Messages

    /// Something worth knowing; not with `--quiet`.
    func writeNote(_ text: String) {
        if !isQuiet { writeMessage(text + "\n") }
    }

    /// What went wrong, and what to do.
    func writeError(_ text: String, help: String? = nil) {
        writeMessage(messages.paint("error:", .red) + " \(text.printable)\n")
        if let help { writeMessage("  " + messages.paint("help:", .green) + " \(help.printable)\n") }
    }

    /// What is wrong with manifests; warnings alone are not shown with `--quiet`, unless they refuse the set.
    func writeDiagnostics(_ diagnostics: [Diagnostic], isStrict: Bool = false) {
        guard !isQuiet || isStrict || diagnostics.contains(where: { $0.severity == .error }) else { return }
        writeMessage(DiagnosticView(messages).text(diagnostics))
    }

    /// Words for standard error as they are.
    func writeMessage(_ text: String) { Self.writeMessage(text) }

    /// The same without a look at what the terminal can show.
    static func writeMessage(_ text: String) {
        if !text.isEmpty { _ = write(Array(text.utf8), to: 2) }
    }

    /// Writes all of it.
    ///
    /// - Returns: false when nobody reads it or there is no room.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent)
                if count >= 0 {
                    sent += count
                } else if errno == EAGAIN {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&entry, 1, -1)
                } else if errno != EINTR {
                    return false
                }
            }
            return true
        }
    }
}

/// A command to the runner of a GitHub workflow.
///
/// Sources of the format and its escapes are GitHub's "Workflow commands" and the runner's `ActionCommand`.
enum WorkflowCommand {
    /// One annotation on one line.
    ///
    /// Text of a manifest remains data: it can neither end the line nor begin another command.
    ///
    /// - Parameters:
    ///   - level: `notice`, `warning` or `error`.
    ///   - properties: the location and the title.
    ///   - lines: the lines of the message.
    /// - Returns: a line with its line feed.
    static func annotation(
        _ level: String,
        _ properties: [(key: String, value: String)],
        _ lines: [String]
    ) -> String {
        let written = properties.map { "\($0.key)=\(escapedProperty($0.value))" }.joined(separator: ",")
        return "::\(level) \(written)::\(lines.map(escaped).joined(separator: "%0A"))\n"
    }

    private static func escaped(_ text: String) -> String { text.printable.replacing("%", with: "%25") }

    private static func escapedProperty(_ text: String) -> String {
        escaped(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}

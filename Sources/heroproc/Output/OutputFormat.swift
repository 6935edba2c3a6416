/// The output formats of a command; the raw value is the argument of `-o`.
protocol ResultFormat: RawRepresentable, CaseIterable, Sendable where RawValue == String {}

/// The output formats of most commands.
enum OutputFormat: String, ResultFormat {
    /// Text for people.
    case text
    /// JSON for programs: one document, or one object per line.
    case json
}

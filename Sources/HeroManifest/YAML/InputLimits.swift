/// The limits of the input (YM-1).
///
/// They are checked on parser events, before nodes are built from them.
enum InputLimits {
    /// The maximum size of a file in bytes.
    static let fileBytes = 1 << 20
    /// The maximum number of parser events of a file.
    static let events = 50_000
    /// The maximum depth of nested lists and maps.
    static let depth = 32
    /// The maximum size of one string in bytes.
    static let scalarBytes = 64 << 10
    /// The maximum number of lines that begin with `%`, because libyaml compares each tag directive with all earlier
    /// ones.
    static let directives = 64
    /// The maximum number of errors, and of warnings, that are shown for one file.
    static let diagnostics = 100
}

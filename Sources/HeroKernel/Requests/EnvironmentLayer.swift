public import HeroModel

/// A part of a program's environment.
///
/// When two layers set the same variable, the later one wins.
///
/// A request holds only the paths of files. Their content is read when the program starts, and is never stored or shown
/// (SE-1).
public enum EnvironmentLayer: Hashable, Sendable {
    /// Variables with their value, or with the file that holds their value.
    case variables([String: EnvironmentValue])
    /// A file of `KEY=VALUE` lines.
    case file(EnvironmentFileReference)

    /// Variables with their values.
    public static func texts(_ texts: [String: String]) -> Self { .variables(texts.mapValues(EnvironmentValue.text)) }
}

public import HeroModel

/// A part of a program's environment; of two layers that set one variable the later one counts.
///
/// Only names of files stand in an order: what is in them is read when the program is started, and never stored or shown
/// (reliability.md SE-1).
public enum EnvironmentLayer: Hashable, Sendable {
    /// Variables as they are known, or with the file that holds their value.
    case variables([String: EnvironmentValue])
    /// The absolute path of a file of `KEY=VALUE` lines.
    case file(String)

    /// Variables as they are known.
    public static func texts(_ texts: [String: String]) -> Self { .variables(texts.mapValues(EnvironmentValue.text)) }
}

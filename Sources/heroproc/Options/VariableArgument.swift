import ArgumentParser
import HeroManifest

/// A variable with its value: `NAME=VALUE`.
struct VariableArgument: ExpressibleByArgument {
    /// The name.
    let name: String
    /// The value; may be empty.
    let value: String

    /// Parses an assignment.
    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, Manifests.isVariableName(parts[0]) else { return nil }
        name = String(parts[0])
        value = String(parts[1])
    }
}

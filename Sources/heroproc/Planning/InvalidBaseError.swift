import HeroModel

/// The error that the manifests of the comparison base are invalid.
struct InvalidBaseError: Error {
    let base: ComparisonBase
    let diagnostics: [Diagnostic]

    /// The problem.
    var message: String {
        "cannot compare with \(base): the manifests there have errors"
    }

    /// What the user can do.
    var help: String { "compare with another base, or check only the new manifests: `heroproc validate`" }
}

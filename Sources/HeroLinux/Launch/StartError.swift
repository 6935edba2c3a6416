import HeroModel

/// A start that fails before its shim exists.
struct StartError: Error, Hashable {
    /// The failure that becomes the outcome.
    var failure: StartFailure

    init(_ stage: StartFailure.Stage, _ number: Int32, _ detail: String) {
        failure = StartFailure(stage: stage, errno: number, detail: detail)
    }
}

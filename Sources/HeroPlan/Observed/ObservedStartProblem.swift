public import HeroModel

/// A start that would fail on this machine as it is now, for example because the program does not exist.
public struct ObservedStartProblem: Hashable, Sendable {
    /// The service or the standalone action.
    public var service: QualifiedName
    /// Whether it is a standalone action.
    public var isStandalone: Bool
    /// The action.
    public var action: String
    /// Why its start would fail.
    public var failure: StartFailure

    /// Creates a problem.
    public init(service: QualifiedName, isStandalone: Bool = false, action: String, _ failure: StartFailure) {
        self.service = service
        self.isStandalone = isStandalone
        self.action = action
        self.failure = failure
    }

    /// The manifest field to which the problem belongs, relative to the action.
    var field: String {
        switch failure.stage {
        case .user: "user"
        case .directory: "cwd"
        case .environment: "env"
        case .folder: "folders"
        case .priority: "nice"
        case .privileges: "capabilities"
        case .sandbox: "sandbox"
        case .launch, .record, .log, .pipe, .notify, .script, .fork, .session, .stdio, .limits, .oomScore, .signals,
            .execute:
            "exec"
        }
    }
}

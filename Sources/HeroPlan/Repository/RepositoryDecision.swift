public import HeroModel

/// What a reconciler does with the newest commit of the repository that it follows.
public enum RepositoryDecision: Hashable, Sendable {
    /// The repository could not be read: nothing changes.
    case reportError(String)
    /// The commit must not be applied: nothing changes.
    case refuse(String)
    /// A `down` is in force: the commit is shown and not applied.
    case wait
    /// The commit is applied already.
    case keep
    /// The commit becomes the desired state, if its manifests are valid.
    case apply

    /// Decides about a report.
    ///
    /// - Parameters:
    ///   - report: What the helper process has found.
    ///   - isPaused: Whether a `down` is in force.
    ///   - allowsRewind: Whether the history may go back or be replaced.
    public init(_ report: RepositoryReport, isPaused: Bool, allowsRewind: Bool) {
        switch report.problem {
        case .unreachable(let reason):
            self = .reportError(reason)
            return
        case .refused(let reason):
            self = .refuse(reason)
            return
        case nil: break
        }
        guard report.commit != nil, report.checkout != nil else {
            self = .reportError("the helper process has reported no commit")
            return
        }
        switch report.relation {
        case .behind where !allowsRewind:
            self = .refuse("it is older than the applied commit; `reconcile --watch --allow-rewind` accepts it")
        case .diverged where !allowsRewind:
            self = .refuse(
                "its history does not contain the applied commit; `reconcile --watch --allow-rewind` accepts it"
            )
        case .first, .ahead, .behind, .diverged: self = isPaused ? .wait : .apply
        case .same: self = isPaused ? .wait : .keep
        }
    }
}

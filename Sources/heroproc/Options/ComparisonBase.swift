import ArgumentParser
import HeroModel

/// The base that a plan compares the manifests with.
enum ComparisonBase: Hashable, CustomStringConvertible, ExpressibleByArgument {
    /// The running services.
    case runtime
    /// The manifests of a recorded revision; all services count as running.
    case revision(RevisionNumber)
    /// The manifests of another directory; all services count as running.
    case directory(String)
    /// The services directory at a commit; all services count as running.
    case git(String)

    /// Parses `runtime`, `revision:N`, `dir:PATH` or `git:REF`.
    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        switch parts.first {
        case "runtime" where parts.count == 1: self = .runtime
        case "revision":
            guard let number = RevisionNumber(value), number > 0 else { return nil }
            self = .revision(number)
        case "dir" where !value.isEmpty: self = .directory(value)
        case "git" where !value.isEmpty: self = .git(value)
        default: return nil
        }
    }

    /// The base as an argument.
    var description: String {
        switch self {
        case .runtime: "runtime"
        case .revision(let number): "revision:\(number)"
        case .directory(let path): "dir:\(path)"
        case .git(let ref): "git:\(ref)"
        }
    }

    var defaultValueDescription: String { description }
}

import HeroLinux
import HeroModel
import HeroReconciler

extension Workspace {
    /// The status of the git repository that the running reconciler follows; nil if it follows none.
    var followedRepository: RepositoryStatus? {
        guard let holder = ReconcilerLock.holder(paths), holder.mode == ReconcilerMode.watch.rawValue,
            let status = publishedRepository, holder.directory.utf8.elementsEqual(status.source.repository.utf8)
        else { return nil }
        return status
    }

    /// The status of the repository that the running or the last reconciler follows.
    var publishedRepository: RepositoryStatus? {
        ReconcilerStatusFile.repositoryStatus(paths).flatMap(ControlCoding.repositoryStatus)
    }

    /// The refusal of an apply on a host that follows a repository; nil on any other.
    var followRefusal: String? {
        followedRepository.map { status in
            "cannot apply \(displayDirectory): the running reconciler follows \(status.source.directoryText)"
        }
    }

    /// The help text of such a refusal.
    static let followHelp = "push a commit and run `heroproc sync`, or stop the reconciler (services keep running)"

    /// This workspace with the newest fetched commit as its directory, if a repository is followed and no directory was
    /// selected.
    func withFetchedCommit(_ options: CommonOptions) throws -> Workspace {
        guard options.dir == nil, (environment["HEROPROC_DIR"] ?? "").isEmpty, let status = followedRepository else {
            return self
        }
        guard let checkout = status.checkout else {
            throw CommandError(
                "cannot compare with \(status.source.directoryText): no commit of it was fetched yet",
                help: "`heroproc status` shows why; compare with a directory instead: --dir"
            )
        }
        let path = status.source.path
        return withDirectory(path == "." ? checkout : "\(checkout)/\(path)")
    }
}

import Glibc
import HeroLinux
public import HeroModel

/// Fetches a repository, verifies its newest commit and writes its files: the work of the helper process.
public struct RepositoryFetch {
    private let folder: String
    private let options: FollowOptions
    private let applied: String?
    private let environment: [String: String]

    /// Creates the work.
    ///
    /// - Parameters:
    ///   - state: The state directory.
    ///   - options: What is followed.
    ///   - applied: The applied commit of this repository.
    ///   - environment: The environment of this process.
    public init(state: String, _ options: FollowOptions, applied: String?, environment: [String: String]) {
        folder = state + "/git"
        self.options = options
        self.applied = applied
        self.environment = environment
    }

    /// How many commits are verified at most with `--verify-all`.
    private static let maximumVerified = 10_000

    /// Does the work, and returns what it has found.
    ///
    /// Checkouts of other commits than the newest one and those in use are removed; nil removes none.
    public func run(commitsInUse: () -> Set<String>?) -> RepositoryReport {
        do throws(GitError) {
            return try runLocked(commitsInUse: commitsInUse)
        } catch {
            return RepositoryReport(problem: .unreachable(error.cause))
        }
    }

    private func runLocked(commitsInUse: () -> Set<String>?) throws(GitError) -> RepositoryReport {
        // Only root starts services as other users, who must be able to enter the checkouts.
        if geteuid() == 0 { chmod(String(folder.dropLast("/git".count)), 0o711) }
        try SmallFile.makeFolder(folder, mode: 0o711)
        let lock = try takeLock()
        defer { close(lock) }
        let git = try MirrorGit(folder: folder, options, environment: environment)
        do throws(GitError) {
            return try fetch(git, commitsInUse: commitsInUse)
        } catch {
            guard error.help == MirrorGit.damageHelp else { throw error }
            // The mirror is only a copy: the next fetch makes a new one.
            SmallFile.remove(git.mirror)
            throw GitError(cause: "\(error.cause); \(error.help)", help: "")
        }
    }

    private func fetch(_ git: MirrorGit, commitsInUse: () -> Set<String>?) throws(GitError) -> RepositoryReport {
        let mirror = try RepositoryMirror(git, options)
        let commit = try mirror.fetch(applied: applied)
        var report = RepositoryReport(commit: commit)
        do throws(GitError) {
            report.relation = try mirror.relation(of: commit, to: applied)
            let facts = try mirror.facts(of: commit)
            (report.author, report.subject) = (facts.author, facts.subject)
            report.signer = try verify(commit, mirror, git)
            let writer = CheckoutWriter(git: git)
            try writer.write(commit) { () throws(GitError) in try mirror.tree(of: commit) }
            let directory = writer.path(of: commit)
            try checkServicesDirectory(directory)
            report.checkout = directory
            if let used = commitsInUse() { writer.removeOthers(keeping: used.union([commit])) }
        } catch {
            guard error.help != MirrorGit.damageHelp else { throw error }
            report.problem = .refused(error.cause)
        }
        return report
    }

    /// Waits until no earlier helper uses the mirror; its git may outlive it, and inherits the lock.
    private func takeLock() throws(GitError) -> Int32 {
        let path = folder + "/lock"
        let number = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SmallFile.failure("open", path) }
        while flock(number, LOCK_EX) != 0 {
            guard errno == EINTR else {
                close(number)
                throw SmallFile.failure("lock", path)
            }
        }
        return number
    }

    private func verify(_ commit: String, _ mirror: RepositoryMirror, _ git: MirrorGit) throws(GitError) -> String? {
        guard let signers = options.allowedSigners else { return nil }
        let verifier = SignatureVerifier(git: git, allowedSigners: signers, revokedKeys: options.revokedKeys)
        let signer = try verifier.verify(mirror.object(of: commit), name: commit)
        guard options.verifiesAll else { return signer }
        let limit = Self.maximumVerified
        let commits = try mirror.commits(after: applied, upTo: commit, limit: limit + 1)
        guard commits.count <= limit else {
            throw GitError(cause: "more than \(limit) commits must be verified at once", help: "")
        }
        for other in commits where other != commit {
            _ = try verifier.verify(mirror.object(of: other), name: other)
        }
        return signer
    }

    /// Whether the services directory exists in the checkout; links inside it were checked before.
    private func checkServicesDirectory(_ checkout: String) throws(GitError) {
        let path = options.path == "." ? checkout : "\(checkout)/\(options.path)"
        var file = stat()
        guard stat(path, &file) == 0, file.st_mode & S_IFMT == S_IFDIR else {
            throw GitError(cause: "the commit has no directory `\(options.path)`", help: "")
        }
    }
}

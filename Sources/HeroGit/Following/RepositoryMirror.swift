import Glibc
import HeroLinux
import HeroModel

/// The bare copy of the followed repository in the state directory.
struct RepositoryMirror {
    /// The facts about a commit that are recorded with its revision.
    struct CommitFacts {
        var author: String
        var subject: String
    }

    /// The reference of the mirror that holds the newest commit.
    private static let tip = "refs/heroproc/tip"
    /// How many commits the first fetch brings.
    private static let firstDepth = 50
    /// How many more commits each further fetch brings while the applied one is missing.
    private static let deeper = [200, 2000, 20_000]

    let git: MirrorGit
    let options: FollowOptions

    /// Opens the mirror, and creates it if it does not exist.
    init(_ git: MirrorGit, _ options: FollowOptions) throws(GitError) {
        self.git = git
        self.options = options
        removeLeftovers()
        var file = stat()
        guard lstat(git.mirror + "/HEAD", &file) != 0 else { return }
        SmallFile.remove(git.mirror)
        let next = git.mirror + ".new"
        SmallFile.remove(next)
        let creation = MirrorCreation(git: git, path: next)
        try creation.run()
        guard rename(next, git.mirror) == 0 else { throw SmallFile.failure("create", git.mirror) }
    }

    /// Removes what a killed git has left: its locks would prevent every later fetch.
    private func removeLeftovers() {
        var pending = [git.mirror]
        while let folder = pending.popLast() {
            for name in listDirectory(folder) ?? [] {
                let path = "\(folder)/\(name)"
                if name.hasSuffix(".lock") || name.hasPrefix("tmp_") || name == "gc.pid" { unlink(path) }
                let isFolder = folder == git.mirror ? ["refs", "objects"].contains(name) : folder.contains("/refs")
                if isFolder || name == "pack" || name == "heroproc" { pending.append(path) }
            }
        }
    }

    // MARK: Fetching

    /// Fetches the newest commit and returns its ID.
    ///
    /// The mirror contains the applied commit afterwards, if the repository still has it.
    func fetch(applied: String?) throws(GitError) -> String {
        let isEmpty = try git.run(["rev-parse", "--quiet", "--verify", Self.tip]).exitCode != 0
        var found: String?
        for candidate in RepositoryNames.candidates(options.ref) where found == nil {
            let result = try fetch(candidate, isEmpty ? ["--depth=\(Self.firstDepth)"] : [])
            if result.exitCode == 0 {
                found = candidate
            } else {
                guard result.errorOutput.contains("couldn't find remote ref") else {
                    // Most errors are of the network; only damage is repaired with a new mirror.
                    let failure = MirrorGit.failure(result)
                    throw MirrorGit.isDamage(result.errorOutput) ? failure : GitError(cause: failure.cause, help: "")
                }
            }
        }
        guard let found else {
            throw GitError(cause: "the repository has no branch or tag `\(options.ref)`", help: "")
        }
        let commit = try commitOfTip()
        guard let applied else { return commit }
        for depth in Self.deeper {
            guard try needsMoreHistory(applied, commit) else { break }
            _ = try fetch(found, ["--deepen=\(depth)"])
        }
        if try needsMoreHistory(applied, commit) { _ = try fetch(found, ["--unshallow"]) }
        return commit
    }

    private func fetch(_ ref: String, _ depth: [String]) throws(GitError) -> CommandRunner.CommandResult {
        try git.run(
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--update-shallow"]
                + depth + ["--", options.address.text, "+\(ref):\(Self.tip)"]
        )
    }

    private func commitOfTip() throws(GitError) -> String {
        let result = try git.run(["rev-parse", "--quiet", "--verify", Self.tip + "^{commit}"])
        guard result.exitCode == 0, CheckoutPath.isCommit(result.outputText) else {
            throw GitError(cause: "`\(options.ref)` names no commit", help: "")
        }
        return result.outputText
    }

    private func needsMoreHistory(_ applied: String, _ commit: String) throws(GitError) -> Bool {
        guard try git.run(["rev-parse", "--is-shallow-repository"]).outputText == "true" else { return false }
        return try relation(of: commit, to: applied) == .diverged
    }

    // MARK: Commits

    /// The position of a commit relative to the applied one.
    func relation(of commit: String, to applied: String?) throws(GitError) -> RepositoryReport.Relation {
        guard let applied else { return .first }
        guard applied != commit else { return .same }
        guard CheckoutPath.isCommit(applied), try git.run(["cat-file", "-e", applied + "^{commit}"]).exitCode == 0
        else { return .diverged }
        if try isAncestor(applied, of: commit) {
            let count = try git.run(["rev-list", "--count", "\(applied)..\(commit)"]).outputText
            return .ahead(Int(count) ?? 1)
        }
        return try isAncestor(commit, of: applied) ? .behind : .diverged
    }

    private func isAncestor(_ first: String, of second: String) throws(GitError) -> Bool {
        try git.run(["merge-base", "--is-ancestor", first, second]).exitCode == 0
    }

    /// The author and the subject of a commit.
    func facts(of commit: String) throws(GitError) -> CommitFacts {
        let format = "--format=%an <%ae>%x00%s"
        let text = try git.output(["show", "--no-patch", "--no-show-signature", "--no-notes", format, commit])
        let parts = text.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let texts = parts.map { String(String(decoding: $0, as: UTF8.self).trimmed.prefix(500)) }
        return CommitFacts(author: texts.first ?? "", subject: texts.count > 1 ? texts[1] : "")
    }

    /// The object of a commit.
    func object(of commit: String) throws(GitError) -> SignedCommit {
        SignedCommit(object: try git.output(["cat-file", "commit", commit]))
    }

    /// The commits after the applied one, newest first; only the newest one without an applied one.
    func commits(after applied: String?, upTo commit: String, limit: Int) throws(GitError) -> [String] {
        guard let applied, try relation(of: commit, to: applied) != .diverged else { return [commit] }
        let list = try git.output(["rev-list", "--max-count=\(limit)", "\(applied)..\(commit)"])
        let commits = String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
        return commits.isEmpty ? [commit] : commits
    }

    /// The files of a commit.
    func tree(of commit: String) throws(GitError) -> CommitTree {
        try CommitTree(git.output(["ls-tree", "-r", "-z", "-l", "--full-tree", commit]))
    }
}

/// Creates a bare repository without a template.
private struct MirrorCreation {
    let git: MirrorGit
    let path: String

    func run() throws(GitError) {
        do throws(LinuxError) {
            let arguments = ["git", "init", "--quiet", "--bare", "--template=", path]
            let result = try CommandRunner.runCommand(arguments, environment: git.environment)
            guard result.exitCode == 0 else { throw LinuxError(cannot: "create \(path)", because: result.errorOutput) }
        } catch {
            throw GitError(cause: error.description, help: "install git")
        }
    }
}

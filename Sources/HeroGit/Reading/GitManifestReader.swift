import Glibc
import HeroLinux
public import HeroModel

/// An error of reading a services directory from a git repository.
public struct GitError: Error, Hashable, Sendable {
    /// The cause.
    public var cause: String
    /// The remedy.
    public var help: String
}

/// Reads the manifests of a services directory at a git commit, with the program git.
///
/// Nothing is checked out, fetched or locked, and no filter or hook runs.
public struct GitManifestReader {
    private let revision: String
    private let displayedDirectory: String
    private let directory: String
    private let git: GitCommand

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - revision: A branch, a tag, a commit or any other revision that git accepts.
    ///   - displayedDirectory: The services directory as the user named it.
    ///   - environment: The environment for git.
    public init(_ revision: String, of displayedDirectory: String, environment: [String: String]) {
        self.revision = revision
        self.displayedDirectory = displayedDirectory
        directory = ManifestFiles.absoluteDirectory(displayedDirectory)
        git = GitCommand(in: directory, environment: environment)
    }

    /// Reads the manifests, sorted by path.
    ///
    /// Their displayed paths are `REVISION:PATH`, as in git.
    ///
    /// - Returns: No files if the directory does not exist at that commit.
    public func read() throws(GitError) -> [ManifestFile] {
        guard !revision.hasPrefix("-"), !revision.isEmpty,
            revision.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 })
        else { throw GitError(cause: "it is not the name of a commit", help: Self.revisionHelp) }
        if let embedded = EmbeddedRepository.find(for: directory) {
            throw GitError(
                cause: "\(embedded) is a git directory inside the work tree, and it could hide changes",
                help: "remove it; only `.git` at the top of the work tree or of the services directory is accepted"
            )
        }
        let prefix = try folderInRepository()
        let commit = try resolveCommit()
        let entries = try listEntries(commit, below: prefix)
        let wanted = Self.manifestEntries(entries)
        let contents = try readContents(of: wanted.map(\.blobID))
        let files = zip(wanted, contents).map { file, bytes in
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            return ManifestFile(
                path: "\(revision):\(prefix)\(file.path)",
                baseDirectory: folder.isEmpty ? directory : "\(directory)/\(folder)",
                bytes: bytes
            )
        }
        return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    private static let revisionHelp = "name a branch, a tag or a commit, such as `git:origin/main`"

    // MARK: Commands of git

    /// Returns the path of the services directory in the repository with a trailing slash; empty for its top directory.
    private func folderInRepository() throws(GitError) -> String {
        let result = try runGit(["rev-parse", "--show-prefix"])
        guard result.exitCode != 0 else { return result.outputText }
        if result.errorOutput.contains("dubious ownership") {
            throw GitError(
                cause: "git does not trust the repository of \(displayedDirectory): it belongs to another user",
                help: "declare it as trusted: `git config --global --add safe.directory \(directory)`"
            )
        }
        throw GitError(
            cause: "\(displayedDirectory) is not in a git work tree",
            help: "compare with a folder instead: `--against dir:PATH`"
        )
    }

    private func resolveCommit() throws(GitError) -> String {
        // Without --quiet, because git then does not report an ambiguous name.
        let result = try runGit(["rev-parse", "--verify", "\(revision)^{commit}"])
        if result.exitCode == 0 {
            guard result.errorOutput.contains("is ambiguous") else { return result.outputText }
            throw GitError(
                cause: "the name is ambiguous: the repository has several references with this name",
                help: "write the whole name, such as `git:refs/heads/\(revision)` or `git:refs/tags/\(revision)`"
            )
        }
        let isShallow = try runGit(["rev-parse", "--is-shallow-repository"]).outputText == "true"
        if isShallow {
            throw GitError(
                cause: "this shallow clone does not contain the commit",
                help:
                    "fetch the whole history: `fetch-depth: 0` for actions/checkout, `git fetch --unshallow` elsewhere"
            )
        }
        let parts = revision.split(separator: "/", maxSplits: 1)
        let fetch = parts.count == 2 ? "`git fetch \(parts[0]) \(parts[1])` if it is new, or " : ""
        throw GitError(
            cause: "the repository has no such branch, tag or commit",
            help: "\(fetch)look for it with `git branch --all` and `git tag`"
        )
    }

    private func listEntries(_ commit: String, below prefix: String) throws(GitError) -> [Entry] {
        let path = prefix.isEmpty ? [] : [prefix]
        let result = try runGit(["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"] + path)
        guard result.exitCode == 0 else { throw unexpectedExit(result) }
        return result.output.split(separator: 0).compactMap { Entry($0, below: prefix) }
    }

    private func readContents(of blobs: [String]) throws(GitError) -> [[UInt8]] {
        guard !blobs.isEmpty else { return [] }
        let result = try runGit(["cat-file", "--batch"], input: Array(blobs.joined(separator: "\n").utf8) + [10])
        guard result.exitCode == 0 else { throw unexpectedExit(result) }
        var rest = result.output[...]
        var contents: [[UInt8]] = []
        for _ in blobs {
            // `ID blob SIZE`, the bytes, a line feed; or `ID missing`.
            guard let end = rest.firstIndex(of: 10) else { throw unexpectedExit(result) }
            let fields = String(decoding: rest[..<end], as: UTF8.self).split(separator: " ")
            rest = rest[(end + 1)...]
            guard fields.count == 3, let size = Int(fields[2]), size >= 0, size < rest.count else {
                throw GitError(
                    cause: "this clone does not contain all files",
                    help: "clone the repository without `--filter`"
                )
            }
            contents.append(Array(rest.prefix(min(size, ManifestFileRules.maximumSize + 1))))
            rest = rest.dropFirst(size + 1)
        }
        return contents
    }

    private func runGit(_ arguments: [String], input: [UInt8] = []) throws(GitError) -> CommandRunner.CommandResult {
        do {
            return try git.run(arguments, input: input)
        } catch {
            throw GitError(
                cause: error.number == ENOENT ? "the program `git` is not installed" : error.description,
                help: "install git, or compare with a folder: `--against dir:PATH`"
            )
        }
    }

    private func unexpectedExit(_ result: CommandRunner.CommandResult) -> GitError {
        let message = result.errorOutput.split(separator: "\n").first.map { ": \($0)" } ?? ""
        return GitError(
            cause: "git exited with code \(result.exitCode)\(message)",
            help: "check whether `git -C \(directory) status` works"
        )
    }

    // MARK: Manifests of a commit

    /// A file of a commit.
    private struct Entry {
        /// Relative to the services directory.
        var path: String
        var blobID: String
        var isLink: Bool

        /// Parses `MODE TYPE ID SIZE TAB PATH`; returns nil for an entry that is not a file below the directory.
        init?(_ line: ArraySlice<UInt8>, below prefix: String) {
            guard let tab = line.firstIndex(of: 9) else { return nil }
            let fields = String(decoding: line[..<tab], as: UTF8.self).split(separator: " ")
            let whole = String(decoding: line[(tab + 1)...], as: UTF8.self)
            guard fields.count == 4, fields[1] == "blob", whole.hasPrefix(prefix) else { return nil }
            path = String(whole.dropFirst(prefix.count))
            blobID = String(fields[2])
            isLink = fields[0] == "120000"
        }
    }

    /// Returns the manifests, by the rules for the directory itself.
    ///
    /// Links are not followed.
    private static func manifestEntries(_ entries: [Entry]) -> [Entry] {
        entries.filter { entry in
            let parts = entry.path.split(separator: "/").map(String.init)
            guard !entry.isLink, let name = parts.last, parts.count <= ManifestFileRules.maximumDepth + 1 else {
                return false
            }
            return ManifestFileRules.isManifestName(name) && parts.dropLast().allSatisfy(ManifestFileRules.isFolderName)
        }
    }
}

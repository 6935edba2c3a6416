import Glibc
import HeroLinux
public import HeroModel

/// Why a services directory cannot be read from a git repository, and what to do.
public struct GitError: Error, Hashable, Sendable {
    /// The cause.
    public var cause: String
    /// What to do about it.
    public var help: String
}

/// The manifest files of a services directory as they are at a commit, read with the program git.
///
/// Nothing is checked out, fetched or locked, and no filter or hook runs.
public struct GitManifestReader {
    private let revision: String
    private let displayedDirectory: String
    private let directory: String
    private let git: GitCommand

    /// Prepares reading.
    ///
    /// - Parameters:
    ///   - ref: A branch, a tag, a commit: whatever git takes as a revision.
    ///   - shownDirectory: The services directory as the user named it.
    ///   - environment: The environment for git.
    public init(_ ref: String, of shownDirectory: String, environment: [String: String]) {
        self.revision = ref
        self.displayedDirectory = shownDirectory
        directory = ManifestFiles.absoluteDirectory(shownDirectory)
        git = GitCommand(in: directory, environment: environment)
    }

    /// Reads the files, sorted by path, as though they lay in the services directory; their paths are shown as
    /// `REF:PATH`, as git writes them.
    ///
    /// - Returns: No files when the directory is not there at that commit.
    public func read() throws(GitError) -> [ManifestFile] {
        guard !revision.hasPrefix("-"), !revision.isEmpty,
            revision.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 })
        else { throw GitError(cause: "that is no name of a commit", help: Self.revisionHelp) }
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

    // MARK: What git is asked

    /// The services directory as the repository knows it, ended by a slash; empty for its top.
    private func folderInRepository() throws(GitError) -> String {
        let answer = try runGit(["rev-parse", "--show-prefix"])
        guard answer.exitCode != 0 else { return answer.outputText }
        if answer.errorOutput.contains("dubious ownership") {
            throw GitError(
                cause: "git distrusts the repository of \(displayedDirectory): it belongs to another user",
                help: "say that you trust it: `git config --global --add safe.directory \(directory)`"
            )
        }
        throw GitError(
            cause: "\(displayedDirectory) is in no git work tree",
            help: "compare with a folder instead: `--against dir:PATH`"
        )
    }

    private func resolveCommit() throws(GitError) -> String {
        let answer = try runGit(["rev-parse", "--verify", "--quiet", "\(revision)^{commit}"])
        if answer.exitCode == 0 { return answer.outputText }
        let isShallow = try runGit(["rev-parse", "--is-shallow-repository"]).outputText == "true"
        if isShallow {
            throw GitError(
                cause: "this clone is shallow and does not have it",
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
        let answer = try runGit(["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"] + path)
        guard answer.exitCode == 0 else { throw unexpectedExit(answer) }
        return answer.output.split(separator: 0).compactMap { Entry($0, below: prefix) }
    }

    private func readContents(of blobs: [String]) throws(GitError) -> [[UInt8]] {
        guard !blobs.isEmpty else { return [] }
        let answer = try runGit(["cat-file", "--batch"], input: Array(blobs.joined(separator: "\n").utf8) + [10])
        guard answer.exitCode == 0 else { throw unexpectedExit(answer) }
        var rest = answer.output[...]
        var contents: [[UInt8]] = []
        for _ in blobs {
            // `ID blob SIZE`, the bytes, a line feed; or `ID missing`.
            guard let end = rest.firstIndex(of: 10) else { throw unexpectedExit(answer) }
            let words = String(decoding: rest[..<end], as: UTF8.self).split(separator: " ")
            rest = rest[(end + 1)...]
            guard words.count == 3, let size = Int(words[2]), size >= 0, size < rest.count else {
                throw GitError(
                    cause: "this clone does not have all of its files",
                    help: "it is a partial one: clone it without `--filter`"
                )
            }
            contents.append(Array(rest.prefix(min(size, ManifestFiles.maximumSize + 1))))
            rest = rest.dropFirst(size + 1)
        }
        return contents
    }

    private func runGit(_ arguments: [String], input: [UInt8] = []) throws(GitError) -> CommandRunner.CommandResult {
        do {
            return try git.run(arguments, input: input)
        } catch {
            throw GitError(
                cause: error.number == ENOENT ? "there is no program `git` here" : error.description,
                help: "install git, or compare with a folder: `--against dir:PATH`"
            )
        }
    }

    private func unexpectedExit(_ answer: CommandRunner.CommandResult) -> GitError {
        let words = answer.errorOutput.split(separator: "\n").first.map { ": \($0)" } ?? ""
        return GitError(
            cause: "git ended with code \(answer.exitCode)\(words)",
            help: "look whether `git -C \(directory) status` works"
        )
    }

    // MARK: Which files are manifests

    /// One file of a commit.
    private struct Entry {
        /// Relative to the services directory.
        var path: String
        var blobID: String
        var isLink: Bool

        /// Reads `MODE TYPE ID SIZE TAB PATH`; nil for what is no file below the folder.
        init?(_ line: ArraySlice<UInt8>, below prefix: String) {
            guard let tab = line.firstIndex(of: 9) else { return nil }
            let words = String(decoding: line[..<tab], as: UTF8.self).split(separator: " ")
            let whole = String(decoding: line[(tab + 1)...], as: UTF8.self)
            guard words.count == 4, words[1] == "blob", whole.hasPrefix(prefix) else { return nil }
            path = String(whole.dropFirst(prefix.count))
            blobID = String(words[2])
            isLink = words[0] == "120000"
        }
    }

    /// The files that reading the directory itself would find; links are not followed.
    private static func manifestEntries(_ entries: [Entry]) -> [Entry] {
        entries.filter { entry in
            let parts = entry.path.split(separator: "/").map(String.init)
            guard !entry.isLink, let name = parts.last, parts.count <= ManifestFiles.maximumDepth + 1 else {
                return false
            }
            return ManifestFiles.isManifestName(name) && parts.dropLast().allSatisfy(ManifestFiles.isFolderName)
        }
    }
}

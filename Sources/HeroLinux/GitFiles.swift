import Glibc
public import HeroModel

/// Why a services directory cannot be read from a git repository, and what to do.
public struct GitRefusal: Error, Hashable, Sendable {
    /// The cause.
    public var cause: String
    /// What to do about it.
    public var help: String
}

/// The manifest files of a services directory as they are at a commit, read with the program git.
///
/// Nothing is checked out, fetched or locked, and no filter or hook runs.
public struct GitFiles {
    private let ref: String
    private let shownDirectory: String
    private let directory: String
    private let git: GitProgram

    /// Prepares reading.
    ///
    /// - Parameters:
    ///   - ref: A branch, a tag, a commit: whatever git takes as a revision.
    ///   - shownDirectory: The services directory as the user named it.
    ///   - environment: The environment for git.
    public init(_ ref: String, of shownDirectory: String, environment: [String: String]) {
        self.ref = ref
        self.shownDirectory = shownDirectory
        directory = ManifestFiles.absoluteFolder(shownDirectory)
        git = GitProgram(in: directory, environment: environment)
    }

    /// Reads the files, sorted by path, as though they lay in the services directory; their paths are shown as
    /// `REF:PATH`, as git writes them.
    ///
    /// - Returns: No files when the directory is not there at that commit.
    public func read() throws(GitRefusal) -> [ManifestFile] {
        guard !ref.hasPrefix("-"), !ref.isEmpty, ref.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 })
        else { throw GitRefusal(cause: "that is no name of a commit", help: Self.helpNaming) }
        let prefix = try folderInRepository()
        let commit = try commit()
        let entries = try entries(commit, below: prefix)
        let wanted = Self.manifests(entries)
        let contents = try contents(of: wanted.map(\.blob))
        let files = zip(wanted, contents).map { file, bytes in
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            return ManifestFile(
                path: "\(ref):\(prefix)\(file.path)",
                baseDirectory: folder.isEmpty ? directory : "\(directory)/\(folder)",
                bytes: bytes
            )
        }
        return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    private static let helpNaming = "name a branch, a tag or a commit, such as `git:origin/main`"

    // MARK: What git is asked

    /// The services directory as the repository knows it, ended by a slash; empty for its top.
    private func folderInRepository() throws(GitRefusal) -> String {
        let answer = try ask(["rev-parse", "--show-prefix"])
        guard answer.code != 0 else { return answer.text }
        if answer.err.contains("dubious ownership") {
            throw GitRefusal(
                cause: "git distrusts the repository of \(shownDirectory): it belongs to another user",
                help: "say that you trust it: `git config --global --add safe.directory \(directory)`"
            )
        }
        throw GitRefusal(
            cause: "\(shownDirectory) is in no git work tree",
            help: "compare with a folder instead: `--against dir:PATH`"
        )
    }

    private func commit() throws(GitRefusal) -> String {
        let answer = try ask(["rev-parse", "--verify", "--quiet", "\(ref)^{commit}"])
        if answer.code == 0 { return answer.text }
        let isShallow = try ask(["rev-parse", "--is-shallow-repository"]).text == "true"
        if isShallow {
            throw GitRefusal(
                cause: "this clone is shallow and does not have it",
                help:
                    "fetch the whole history: `fetch-depth: 0` for actions/checkout, `git fetch --unshallow` elsewhere"
            )
        }
        let parts = ref.split(separator: "/", maxSplits: 1)
        let fetch = parts.count == 2 ? "`git fetch \(parts[0]) \(parts[1])` if it is new, or " : ""
        throw GitRefusal(
            cause: "the repository has no such branch, tag or commit",
            help: "\(fetch)look for it with `git branch --all` and `git tag`"
        )
    }

    private func entries(_ commit: String, below prefix: String) throws(GitRefusal) -> [Entry] {
        let path = prefix.isEmpty ? [] : [prefix]
        let answer = try ask(["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"] + path)
        guard answer.code == 0 else { throw unexpected(answer) }
        return answer.out.split(separator: 0).compactMap { Entry($0, below: prefix) }
    }

    private func contents(of blobs: [String]) throws(GitRefusal) -> [[UInt8]] {
        guard !blobs.isEmpty else { return [] }
        let answer = try ask(["cat-file", "--batch"], input: Array(blobs.joined(separator: "\n").utf8) + [10])
        guard answer.code == 0 else { throw unexpected(answer) }
        var rest = answer.out[...]
        var contents: [[UInt8]] = []
        for _ in blobs {
            // `ID blob SIZE`, the bytes, a line feed; or `ID missing`.
            guard let end = rest.firstIndex(of: 10) else { throw unexpected(answer) }
            let words = String(decoding: rest[..<end], as: UTF8.self).split(separator: " ")
            rest = rest[(end + 1)...]
            guard words.count == 3, let size = Int(words[2]), size >= 0, size < rest.count else {
                throw GitRefusal(
                    cause: "this clone does not have all of its files",
                    help: "it is a partial one: clone it without `--filter`"
                )
            }
            contents.append(Array(rest.prefix(min(size, ManifestFiles.largestSize + 1))))
            rest = rest.dropFirst(size + 1)
        }
        return contents
    }

    private func ask(_ arguments: [String], input: [UInt8] = []) throws(GitRefusal) -> ShortProgram.Answer {
        do {
            return try git.run(arguments, input: input)
        } catch {
            throw GitRefusal(
                cause: error.number == ENOENT ? "there is no program `git` here" : error.description,
                help: "install git, or compare with a folder: `--against dir:PATH`"
            )
        }
    }

    private func unexpected(_ answer: ShortProgram.Answer) -> GitRefusal {
        let words = answer.err.split(separator: "\n").first.map { ": \($0)" } ?? ""
        return GitRefusal(
            cause: "git ended with code \(answer.code)\(words)",
            help: "look whether `git -C \(directory) status` works"
        )
    }

    // MARK: Which files are manifests

    /// One file of a commit.
    private struct Entry {
        /// Relative to the services directory.
        var path: String
        var blob: String
        var isLink: Bool

        /// Reads `MODE TYPE ID SIZE TAB PATH`; nil for what is no file below the folder.
        init?(_ line: ArraySlice<UInt8>, below prefix: String) {
            guard let tab = line.firstIndex(of: 9) else { return nil }
            let words = String(decoding: line[..<tab], as: UTF8.self).split(separator: " ")
            let whole = String(decoding: line[(tab + 1)...], as: UTF8.self)
            guard words.count == 4, words[1] == "blob", whole.hasPrefix(prefix) else { return nil }
            path = String(whole.dropFirst(prefix.count))
            blob = String(words[2])
            isLink = words[0] == "120000"
        }
    }

    /// The files that reading the directory itself would find; links are not followed.
    private static func manifests(_ entries: [Entry]) -> [Entry] {
        entries.filter { entry in
            let parts = entry.path.split(separator: "/").map(String.init)
            guard !entry.isLink, let name = parts.last, parts.count <= ManifestFiles.deepest + 1 else { return false }
            return ManifestFiles.isManifestName(name) && parts.dropLast().allSatisfy(ManifestFiles.isFolderName)
        }
    }
}

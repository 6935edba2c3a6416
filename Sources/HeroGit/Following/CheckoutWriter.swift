import Glibc
import HeroLinux
import HeroModel

/// Writes the files of commits, each commit into a directory of its own.
///
/// Neither filters nor hooks run, and no file outside of the new directory is touched: folders are created first, then
/// files, and links last, so that nothing is written through a link.
struct CheckoutWriter {
    let git: MirrorGit
    /// How many bytes are read from git at once.
    private static let batchSize = 8 << 20

    /// The folder of all checkouts.
    var folder: String { git.folder + "/checkouts" }

    /// The directory of a commit.
    func path(of commit: String) -> String { "\(folder)/\(commit)" }

    /// Writes the files of a commit, unless they exist already.
    func write(_ commit: String, _ tree: () throws(GitError) -> CommitTree) throws(GitError) {
        try SmallFile.makeFolder(folder, mode: 0o711)
        var file = stat()
        guard lstat(path(of: commit), &file) != 0 else { return }
        let next = "\(folder)/.new"
        SmallFile.remove(next)
        do throws(GitError) {
            try writeFiles(of: try tree(), into: next)
            // The new name must not become durable before the content.
            sync()
            guard rename(next, path(of: commit)) == 0 else { throw SmallFile.failure("create", path(of: commit)) }
        } catch {
            SmallFile.remove(next)
            throw error
        }
    }

    private func writeFiles(of tree: CommitTree, into root: String) throws(GitError) {
        try SmallFile.makeFolder(root, mode: 0o755)
        for folder in tree.folders { try SmallFile.makeFolder("\(root)/\(folder)", mode: 0o755) }
        var targets: [String: String] = [:]
        var batch: [CommitTree.Entry] = []
        var size = 0
        for entry in tree.entries {
            if entry.kind == .submodule {
                try SmallFile.makeFolder("\(root)/\(entry.path)", mode: 0o755)
                continue
            }
            batch.append(entry)
            size += entry.size
            if size >= Self.batchSize {
                try write(batch, into: root, &targets)
                batch = []
                size = 0
            }
        }
        try write(batch, into: root, &targets)
        try CommitTree.checkLinks(targets)
        for (path, target) in targets {
            guard symlink(target, "\(root)/\(path)") == 0 else { throw SmallFile.failure("create the link", path) }
        }
    }

    /// Writes files, and collects the targets of links.
    private func write(_ entries: [CommitTree.Entry], into root: String, _ targets: inout [String: String])
        throws(GitError)
    {
        guard !entries.isEmpty else { return }
        let names = entries.map(\.object).joined(separator: "\n") + "\n"
        let output = try git.output(["cat-file", "--batch"], input: Array(names.utf8))
        var rest = output[...]
        for entry in entries {
            // `ID blob SIZE`, the bytes, a line feed; or `ID missing`.
            guard let end = rest.firstIndex(of: 10) else { throw unreadable(entry) }
            let fields = String(decoding: rest[..<end], as: UTF8.self).split(separator: " ")
            rest = rest[(end + 1)...]
            guard fields.count == 3, fields[1] == "blob", Int(fields[2]) == entry.size, entry.size < rest.count else {
                throw unreadable(entry)
            }
            let bytes = rest.prefix(entry.size)
            rest = rest.dropFirst(entry.size + 1)
            switch entry.kind {
            case .file(let isExecutable):
                let mode: mode_t = isExecutable ? 0o755 : 0o644
                try SmallFile.create("\(root)/\(entry.path)", Array(bytes), mode: mode)
            case .link:
                guard bytes.count < 4096, !bytes.contains(0), let target = String(validating: bytes, as: UTF8.self)
                else { throw CommitTree.refusal("the target of the link \(entry.path) is not a path") }
                targets[entry.path] = target
            case .submodule: break
            }
        }
    }

    private func unreadable(_ entry: CommitTree.Entry) -> GitError {
        GitError(cause: "the mirror lacks the content of \(entry.path)", help: MirrorGit.damageHelp)
    }

    /// Removes the checkouts of all other commits.
    func removeOthers(keeping commits: Set<String>) {
        for name in listDirectory(folder) ?? [] where CheckoutPath.isCommit(name) && !commits.contains(name) {
            // Renamed first, so that no half of a checkout has the name of a whole one.
            let old = "\(folder)/.old"
            SmallFile.remove(old)
            if rename("\(folder)/\(name)", old) == 0 { SmallFile.remove(old) }
        }
    }
}

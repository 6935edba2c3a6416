import Glibc
import HeroLinux

/// Reads the current commit of a git work tree from the files of its repository, without the program git.
public enum GitCommit {
    /// Returns the commit of the work tree that contains a directory; nil if there is no work tree or no commit yet.
    public static func read(_ directory: String) -> String? {
        var folder = RuntimePaths.canonical(directory)
        while true {
            if let repository = repositoryPath(at: folder == "/" ? "/.git" : folder + "/.git") {
                return headCommit(of: repository)
            }
            guard let slash = folder.lastIndex(of: "/"), folder != "/" else { return nil }
            folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
        }
    }

    /// Returns `.git` itself, or the directory that a file of that name refers to (work trees, submodules).
    private static func repositoryPath(at path: String) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        if file.st_mode & S_IFMT == S_IFDIR { return path }
        guard let text = readText(path, limit: 4096)?.trimmed, text.hasPrefix("gitdir: ") else { return nil }
        let target = String(text.dropFirst("gitdir: ".count))
        return target.hasPrefix("/") ? target : String(path.dropLast(".git".count)) + target
    }

    private static func headCommit(of repository: String) -> String? {
        guard var text = readText(repository + "/HEAD", limit: 4096)?.trimmed else { return nil }
        // An additional work tree has its own HEAD; its branches are in the main repository.
        var common = repository
        if let path = readText(repository + "/commondir", limit: 4096)?.trimmed {
            common = path.hasPrefix("/") ? path : "\(repository)/\(path)"
        }
        for _ in 0..<5 {
            guard text.hasPrefix("ref: ") else { return isCommit(text) ? text : nil }
            let name = String(text.dropFirst("ref: ".count))
            guard !name.split(separator: "/").contains("..") else { return nil }
            let loose = readText("\(repository)/\(name)", limit: 4096) ?? readText("\(common)/\(name)", limit: 4096)
            guard let next = loose?.trimmed ?? packedReference(name, in: common) else { return nil }
            text = next
        }
        return nil
    }

    private static func packedReference(_ name: String, in repository: String) -> String? {
        guard let text = readText(repository + "/packed-refs", limit: 16 << 20) else { return nil }
        for line in text.split(separator: "\n") where line.hasSuffix(" " + name) {
            return String(line.prefix { $0 != " " })
        }
        return nil
    }

    private static func isCommit(_ text: String) -> Bool {
        [40, 64].contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}

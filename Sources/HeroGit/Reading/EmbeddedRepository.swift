import Glibc
import HeroLinux
import HeroModel

/// Finds git directories that a commit can contain and that could take the place of the repository of the work tree.
///
/// git accepts every folder with `HEAD`, `objects` and `refs` as a bare repository. Such a folder can be part of a commit,
/// and `git -C` that folder would then read its history instead of the real one.
enum EmbeddedRepository {
    /// Returns an embedded git directory in or above a services directory; nil without one.
    ///
    /// A `.git` at the top of the services directory is its own repository and no embedded one.
    static func find(for directory: String) -> String? {
        let top = RuntimePaths.canonical(directory)
        return findAbove(top) ?? findBelow(top)
    }

    /// Follows the search of git: from the directory upwards to the first `.git`.
    private static func findAbove(_ top: String) -> String? {
        var folder = top
        while !exists(folder + "/.git") {
            if isGitDirectory(folder) { return folder }
            guard folder != "/", let slash = folder.lastIndex(of: "/") else { return nil }
            folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
        }
        return nil
    }

    /// Looks into all folders from which manifests are read.
    private static func findBelow(_ top: String) -> String? {
        var pending = [(path: top, depth: 0)]
        while let (folder, depth) = pending.popLast() {
            if depth > 0, exists(folder + "/.git") { return folder + "/.git" }
            if isGitDirectory(folder) { return folder }
            guard depth < ManifestFileRules.maximumDepth else { continue }
            for name in listDirectory(folder) ?? [] where ManifestFileRules.isFolderName(name) {
                if isDirectory("\(folder)/\(name)") { pending.append(("\(folder)/\(name)", depth + 1)) }
            }
        }
        return nil
    }

    /// Whether git could accept a folder as a git directory, also as one with a common directory elsewhere.
    private static func isGitDirectory(_ folder: String) -> Bool {
        guard exists(folder + "/HEAD") else { return false }
        return exists(folder + "/commondir") || (exists(folder + "/objects") && exists(folder + "/refs"))
    }

    private static func exists(_ path: String) -> Bool {
        var file = stat()
        return lstat(path, &file) == 0
    }

    private static func isDirectory(_ path: String) -> Bool {
        var file = stat()
        return lstat(path, &file) == 0 && file.st_mode & S_IFMT == S_IFDIR
    }
}

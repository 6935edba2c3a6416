/// The names inside a repository that a user gives: the followed reference and the services directory.
public enum RepositoryNames {
    /// Checks the name of a branch or tag by the rules of git, which exclude every option.
    public static func checkReference(_ name: String) throws(GitError) {
        let help = "name a branch or a tag, such as `main` or `refs/tags/v1`"
        guard !name.isEmpty, !name.hasPrefix("-"), name != "@", name != "HEAD" else {
            throw GitError(cause: "`\(name)` is not the name of a branch or tag", help: help)
        }
        let forbidden = Set(" ~^:?*[\\".unicodeScalars)
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard name.unicodeScalars.allSatisfy({ $0.value > 31 && $0.value != 127 && !forbidden.contains($0) }),
            !name.contains(".."), !name.contains("@{"),
            parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".lock") && !$0.hasSuffix(".") })
        else { throw GitError(cause: "`\(name)` is not the name of a branch or tag", help: help) }
    }

    /// The references that a name can mean, in the order in which they are tried: a tag never hides a branch.
    static func candidates(_ name: String) -> [String] {
        name.hasPrefix("refs/") ? [name] : ["refs/heads/\(name)", "refs/tags/\(name)"]
    }

    /// Checks the path of the services directory in the repository, and writes it in one way.
    ///
    /// - Returns: The path without empty parts and `.`; `.` for the root.
    public static func checkedPath(_ path: String) throws(GitError) -> String {
        let help = "name a directory inside the repository, such as `services.d`"
        guard !path.hasPrefix("/"), path.unicodeScalars.allSatisfy({ $0.value > 31 && $0.value != 127 }) else {
            throw GitError(cause: "the path `\(path)` leads out of the repository", help: help)
        }
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard !parts.contains(".."), !parts.contains(where: { $0.lowercased() == ".git" }) else {
            throw GitError(cause: "the path `\(path)` leads out of the files of the repository", help: help)
        }
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }
}

/// Checks that only trusted users can replace a path or a part of it (FS-1).
///
/// Every directory and link from `/` down is checked. If no untrusted user can replace any of them, a later open of the
/// path opens what was checked.
public struct PathTrust {
    /// The rules of trust.
    public var trust: FileTrust
    /// Returns the facts of a file without following a link (lstat(2)); nil if it does not exist.
    public var facts: (_ path: String) -> FileFacts?
    /// Returns the target of a symbolic link; nil if it cannot be read.
    public var linkTarget: (_ path: String) -> String?

    /// The maximum number of links to follow, as in the kernel.
    private static let maximumLinks = 40

    /// Creates a check.
    public init(
        trust: FileTrust,
        facts: @escaping (_ path: String) -> FileFacts?,
        linkTarget: @escaping (_ path: String) -> String?
    ) {
        self.trust = trust
        self.facts = facts
        self.linkTarget = linkTarget
    }

    /// Checks every directory and link on a path, and the directory that it leads to.
    ///
    /// A part that does not exist is accepted: its creator checks again afterwards. A file at the end of the path is
    /// not checked; its user checks the open descriptor.
    ///
    /// - Parameters:
    ///   - path: An absolute path.
    ///   - owners: Trusted users besides those of `trust`.
    /// - Throws: The first part that is not trusted.
    public func check(_ path: String, trusting owners: Set<UInt32> = []) throws(PathProblem) {
        let trusted = owners.union(trust.owners)
        var rest: [Substring] = path.split(separator: "/").reversed()
        var current = "/"
        var links = 0
        if let root = facts(current) { try trust.checkDirectory(root, current, trusted) }
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                current = Self.parent(of: current)
                continue
            }
            let next = current == "/" ? "/\(name)" : "\(current)/\(name)"
            guard let file = facts(next) else { return }
            switch file.kind {
            case .link:
                try trust.checkOwner(file, next, trusted)
                links += 1
                guard links <= Self.maximumLinks, let target = linkTarget(next) else {
                    throw PathProblem(path: next, cause: "it is a link without a target")
                }
                if target.hasPrefix("/") { current = "/" }
                rest += target.split(separator: "/").reversed()
            case .directory:
                try trust.checkDirectory(file, next, trusted)
                current = next
            case .regular, .other:
                guard rest.isEmpty else { throw PathProblem(path: next, cause: "it is not a directory") }
            }
        }
    }

    private static func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "/"
    }
}

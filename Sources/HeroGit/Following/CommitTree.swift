/// The files of a commit, checked before any of them is written.
struct CommitTree {
    /// What an entry is.
    enum Kind: Hashable {
        /// A regular file; whether it can be executed.
        case file(isExecutable: Bool)
        /// A symbolic link.
        case link
        /// Another repository, which is not fetched: an empty directory.
        case submodule
    }

    /// One entry.
    struct Entry: Hashable {
        /// Relative to the root.
        var path: String
        var kind: Kind
        /// The ID of its content.
        var object: String
        /// The size of its content in bytes.
        var size: Int
    }

    /// The limits of a commit.
    struct Limits {
        /// The largest file, in bytes.
        var fileSize = 64 << 20
        /// The size of all files, in bytes.
        var totalSize = 512 << 20
        /// The number of files.
        var count = 100_000
    }

    /// The entries, in the order of the tree.
    let entries: [Entry]

    /// Reads the output of `git ls-tree -r -z -l`.
    ///
    /// - Throws: Why the commit must not be written to a disk.
    init(_ listing: [UInt8], limits: Limits = Limits()) throws(GitError) {
        let rows = listing.split(separator: 0)
        guard rows.count <= limits.count else {
            throw Self.refusal("it has \(rows.count) files; at most \(limits.count) are allowed")
        }
        var entries: [Entry] = []
        var total = 0
        for row in rows {
            let entry = try Self.entry(row)
            guard entry.size <= limits.fileSize else {
                throw Self.refusal("\(entry.path) has \(entry.size) bytes; at most \(limits.fileSize) are allowed")
            }
            total = total.addingReportingOverflow(entry.size).partialValue
            guard total <= limits.totalSize else {
                throw Self.refusal("its files have more than \(limits.totalSize) bytes")
            }
            entries.append(entry)
        }
        try Self.checkUniqueness(entries)
        self.entries = entries
    }

    static func refusal(_ text: String) -> GitError { GitError(cause: text, help: "remove it from the repository") }

    private static func entry(_ row: ArraySlice<UInt8>) throws(GitError) -> Entry {
        guard let tab = row.firstIndex(of: 9), let path = String(validating: row[(tab + 1)...], as: UTF8.self) else {
            throw refusal("a file name is not UTF-8")
        }
        let fields = String(decoding: row[..<tab], as: UTF8.self).split(separator: " ")
        guard fields.count == 4 else { throw refusal("the entry \(path.debugDescription) cannot be read") }
        guard path.unicodeScalars.allSatisfy({ $0.value > 31 && $0.value != 127 }) else {
            throw refusal("the file name \(path.debugDescription) contains a control character")
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.lowercased() != ".git" }),
            parts.allSatisfy({ $0.utf8.count <= 255 }), path.utf8.count <= 3000
        else { throw refusal("the path \(path.debugDescription) is not allowed") }
        let kind: Kind
        switch fields[0] {
        case "100644", "100664": kind = .file(isExecutable: false)
        case "100755": kind = .file(isExecutable: true)
        case "120000": kind = .link
        case "160000": kind = .submodule
        default: throw refusal("\(path) has the mode \(fields[0]), which is neither a file nor a link")
        }
        let size = kind == .submodule ? 0 : Int(fields[3])
        guard let size, size >= 0 else { throw refusal("the content of \(path) is missing") }
        return Entry(path: path, kind: kind, object: String(fields[2]), size: size)
    }

    /// A manipulated tree can list a name twice, as a link and as a folder.
    private static func checkUniqueness(_ entries: [Entry]) throws(GitError) {
        var names: Set<[UInt8]> = []
        for entry in entries where !names.insert(Array(entry.path.utf8)).inserted {
            throw refusal("it contains \(entry.path) twice")
        }
        for entry in entries {
            for folder in folders(of: entry.path) where names.contains(Array(folder.utf8)) {
                throw refusal("\(folder) is a file and a folder")
            }
        }
    }

    /// The folders above a path, without the root.
    static func folders(of path: String) -> [String] {
        var folders: [String] = []
        var parts = path.split(separator: "/").dropLast()
        while !parts.isEmpty {
            folders.append(parts.joined(separator: "/"))
            parts = parts.dropLast()
        }
        return folders.reversed()
    }

    /// All folders that the entries need, parents first.
    var folders: [String] {
        var known: Set<String> = []
        var result: [String] = []
        for entry in entries {
            for folder in Self.folders(of: entry.path) where known.insert(folder).inserted { result.append(folder) }
        }
        return result
    }

    // MARK: Links

    /// Checks that no link leads out of the commit, also through other links; the targets are by path.
    static func checkLinks(_ targets: [String: String]) throws(GitError) {
        for (path, target) in targets.sorted(by: { $0.key < $1.key }) where !staysInside(path, target, targets) {
            throw refusal("the link \(path) leads out of the repository, to \(target.debugDescription)")
        }
    }

    /// Follows a link as the kernel does.
    private static func staysInside(_ path: String, _ target: String, _ targets: [String: String]) -> Bool {
        var folder = path.split(separator: "/").dropLast().map(String.init)
        guard !target.hasPrefix("/"), !target.isEmpty else { return false }
        var rest = Array(target.split(separator: "/").map(String.init).reversed())
        var followed = 0
        while let part = rest.popLast() {
            if part == "." { continue }
            if part == ".." {
                guard folder.popLast() != nil else { return false }
                continue
            }
            let next = (folder + [part]).joined(separator: "/")
            guard let target = targets[next] else {
                folder.append(part)
                continue
            }
            followed += 1
            guard followed <= 40, !target.hasPrefix("/"), rest.count < 4096 else { return false }
            rest += target.split(separator: "/").map(String.init).reversed()
        }
        return true
    }
}

import CHeroLinux
import Glibc
public import HeroKernel
import HeroModel

/// The manifest files of a services directory, by the contract's rules.
public enum ManifestFiles {
    /// Larger files are read one byte beyond this, so that who checks the size can see it.
    package static let maximumSize = 1 << 20

    /// Folders below folders, at most.
    package static let maximumDepth = 32

    /// Who writes less often than this, in seconds, and keeps the file open, is not waited for.
    static let writerIdleLimit = 10

    /// Whether a file of this name is a manifest: `*.yaml` or `*.yml`, and nothing an editor leaves behind.
    package static func isManifestName(_ name: String) -> Bool {
        guard let first = name.first, first != ".", first != "#" else { return false }
        return name.hasSuffix(".yaml") || name.hasSuffix(".yml")
    }

    /// Whether a folder of this name is looked into.
    package static func isFolderName(_ name: String) -> Bool {
        guard let first = name.first, first != ".", first != "#" else { return false }
        return !["~", ".swp", ".tmp", ".bak"].contains { name.hasSuffix($0) }
    }

    /// Reads all files below a directory, sorted by path.
    public static func read(_ directory: String) -> ManifestReadResult {
        var files: [ManifestFile] = []
        let shown = displayPrefix(directory)
        let root = absoluteDirectory(directory)
        do {
            try walk(root) { (folder, relative, name) throws(LinuxError) in
                let path = "\(folder)/\(name)"
                let named = relative.isEmpty ? name : "\(relative)/\(name)"
                guard let bytes = try readStableBytes(path, root: root, shown: shown + named) else { return }
                files.append(ManifestFile(path: shown + named, baseDirectory: folder, bytes: bytes))
            }
        } catch {
            return .unreadable(error.description)
        }
        return .files(files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) })
    }

    /// What tells one state of a directory from another without reading its files.
    static func fingerprint(_ directory: String) -> [String] {
        var lines: [String] = []
        let root = absoluteDirectory(directory)
        do {
            // Who may write there counts as much as what stands there.
            let note = { (folder: String) in
                var file = stat()
                if stat(folder, &file) == 0 { lines.append("\(folder)/ \(file.st_mode) \(file.st_uid)") }
            }
            try walk(root, folders: note) { (folder, _, name) throws(LinuxError) in
                var file = stat()
                let path = "\(folder)/\(name)"
                guard stat(path, &file) == 0 else { return }
                lines.append(
                    "\(path) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec) \(file.st_mtim.tv_nsec) \(file.st_mode) \(file.st_uid)"
                )
            }
        } catch {
            lines.append(error.description)
        }
        return lines.sorted()
    }

    /// All folders that hold manifests or might, the directory itself first.
    static func folders(_ directory: String) -> [String] {
        var found: [String] = []
        try? walk(absoluteDirectory(directory), folders: { found.append($0) }, files: { _, _, _ in })
        return found
    }

    /// Whether a manifest that was written to in the last seconds is still open for that: half of a file may be good YAML
    /// (reliability.md MF-2).
    static func isBeingWritten(_ directory: String) -> Bool {
        var found = false
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        try? walk(absoluteDirectory(directory)) { folder, _, name in
            let path = "\(folder)/\(name)"
            var file = stat()
            guard !found, stat(path, &file) == 0, file.st_mode & S_IFMT == S_IFREG,
                (-writerIdleLimit..<writerIdleLimit).contains(now.tv_sec &- file.st_mtim.tv_sec)
            else { return }
            let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
            guard number >= 0 else { return }
            found = hl_is_open_for_writing(number) == 1
            close(number)
        }
        return found
    }

    /// Where the manifests lie that are links into this directory, and the names on the way there.
    ///
    /// Whoever moves such a link on (as the volumes of Kubernetes do) touches no manifest's name.
    static func linkTargets(_ directory: String) -> (folders: Set<String>, names: Set<String>) {
        var (folders, names): (Set<String>, Set<String>) = ([], [])
        let root = absoluteDirectory(directory)
        let realRoot = realPath(root) ?? root
        try? walk(root) { folder, _, name in
            let path = "\(folder)/\(name)"
            guard let target = linkTarget(path) else { return }
            names.formUnion(target.split(separator: "/").map(String.init))
            guard let real = realPath(path), real.hasPrefix(realRoot + "/"), let slash = real.lastIndex(of: "/") else {
                return
            }
            folders.insert(String(real[..<slash]))
            names.insert(String(real[real.index(after: slash)...]))
        }
        return (folders, names)
    }

    /// The first part of a services directory, or of the way to it, that a stranger could write or exchange; nil where there is none
    /// (reliability.md FS-1).
    ///
    /// Trusted are root, ourselves, and the owner of the directory: whoever names it trusts that one with what runs.
    ///
    /// - Parameters:
    ///   - directory: As the user names it.
    ///   - environment: `HEROPROC_ALLOW_UNSAFE_DIR=1` trusts everybody, where one is alone on a machine.
    /// - Returns: The offending path and what is wrong with it, in words.
    public static func trustProblem(in directory: String, environment: [String: String]) -> String? {
        guard environment["HEROPROC_ALLOW_UNSAFE_DIR"] != "1" else { return nil }
        let root = absoluteDirectory(directory)
        var top = stat()
        guard stat(root, &top) == 0 else { return nil }
        let trusted = TrustedPath.trustedOwners.union([top.st_uid])
        do { try TrustedPath.check(root, trusting: trusted) } catch { return error.text }
        var flaws: [TrustedPath.Problem] = []
        let judge = { (path: String, file: stat) in
            do throws(TrustedPath.Problem) {
                if file.st_mode & S_IFMT == S_IFDIR { return try TrustedPath.checkDirectory(file, path, trusted) }
                try TrustedPath.checkOwner(file, path, trusted)
                if TrustedPath.isWritableByOthers(file, path) {
                    throw TrustedPath.Problem(path: path, cause: "others may write to it; run `chmod go-w` on it")
                }
                // Who owns the directory can give it names of files that are not his.
                if file.st_nlink > 1, file.st_uid != top.st_uid, !TrustedPath.trustedOwners.contains(top.st_uid) {
                    throw TrustedPath.Problem(
                        path: path,
                        cause: "it is a hard link to a file of the user \(file.st_uid)"
                    )
                }
            } catch {
                flaws.append(error)
            }
        }
        try? walk(
            root,
            folders: { folder in
                var file = stat()
                if stat(folder, &file) == 0 { judge(folder, file) }
            },
            files: { (folder, _, name) throws(LinuxError) in
                var file = stat()
                let path = "\(folder)/\(name)"
                if lstat(path, &file) == 0, file.st_mode & S_IFMT == S_IFREG { judge(path, file) }
                if file.st_mode & S_IFMT == S_IFLNK, let target = realPath(path), stat(target, &file) == 0 {
                    judge(target, file)
                }
            }
        )
        return flaws.min { $0.path < $1.path }?.text
    }

    /// Calls with each entry that has a manifest's name: its absolute folder, that folder relative to the root, its name.
    private static func walk(
        _ root: String,
        folders: (String) -> Void = { _ in },
        files: (_ folder: String, _ relative: String, _ name: String) throws(LinuxError) -> Void
    ) throws(LinuxError) {
        var rest = [(relative: "", depth: 0)]
        while let (relative, depth) = rest.popLast() {
            let folder = relative.isEmpty ? root : "\(root)/\(relative)"
            guard let names = listDirectory(folder) else {
                // A folder that went away meanwhile is one that is not there.
                if errno == ENOENT, depth > 0 { continue }
                throw LinuxError(cannot: "read the directory \(folder)", errno)
            }
            folders(folder)
            for name in names {
                if isManifestName(name) { try files(folder, relative, name) }
                guard isFolderName(name), depth < maximumDepth else { continue }
                var entry = stat()
                guard lstat("\(folder)/\(name)", &entry) == 0, entry.st_mode & S_IFMT == S_IFDIR else { continue }
                rest.append((relative.isEmpty ? name : "\(relative)/\(name)", depth + 1))
            }
        }
    }

    /// The bytes of a regular file that did not change while it was read; nil when it is none, or has gone
    /// (reliability.md MF-2).
    private static func readStableBytes(_ path: String, root: String, shown: String) throws(LinuxError) -> [UInt8]? {
        var target = path
        var entry = stat()
        guard lstat(path, &entry) == 0 else { return nil }
        if entry.st_mode & S_IFMT == S_IFLNK {
            guard let real = realPath(path), let realRoot = realPath(root), real.hasPrefix(realRoot + "/") else {
                return nil
            }
            target = real
        }
        // Not even opened: opening alone can set a device to work.
        guard stat(target, &entry) == 0, entry.st_mode & S_IFMT == S_IFREG else { return nil }
        // Never waits for the writer of a FIFO.
        let number = open(target, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            if errno == ENOENT || errno == ELOOP || errno == ENXIO { return nil }
            throw LinuxError(cannot: "read \(shown)", errno)
        }
        let file = Descriptor(number)
        var before = stat()
        guard fstat(number, &before) == 0, before.st_mode & S_IFMT == S_IFREG else { return nil }
        for _ in 0..<5 {
            guard let read = readAll(file.number, limit: maximumSize + 1) else {
                throw LinuxError(cannot: "read \(shown)", errno)
            }
            var after = stat()
            guard fstat(number, &after) == 0 else { throw LinuxError(cannot: "read \(shown)", errno) }
            if after.st_size == before.st_size, after.st_mtim.tv_sec == before.st_mtim.tv_sec,
                after.st_mtim.tv_nsec == before.st_mtim.tv_nsec,
                read.count == min(Int(after.st_size), maximumSize + 1)
            {
                return read
            }
            before = after
        }
        // Somebody writes to it without a pause: part of a file is no file.
        throw LinuxError(cannot: "read \(shown)", EBUSY)
    }

    /// What stands before a file's name: the directory as the user named it.
    private static func displayPrefix(_ directory: String) -> String {
        var text = directory[...]
        while text.hasPrefix("./") {
            text = text.dropFirst(2)
            while text.hasPrefix("/") { text = text.dropFirst() }
        }
        while text.count > 1, text.hasSuffix("/") { text = text.dropLast() }
        if text.isEmpty || text == "." { return "" }
        return text == "/" ? "/" : text + "/"
    }

    /// The directory as an absolute path that stays the same however it is named from here.
    ///
    /// Links are left in it (a link that moves on to another release is no change of every path), except where `..`
    /// stands behind one.
    public static func absoluteDirectory(_ directory: String) -> String {
        let path = absolutePath(directory)
        let climbs = path.split(separator: "/").contains("..")
        return (climbs ? realPath(path) : nil) ?? RuntimePaths.normalized(path)
    }
}

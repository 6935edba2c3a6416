import CHeroLinux
import Glibc
public import HeroKernel
import HeroModel

/// The manifest files of a services directory.
public enum ManifestFiles {
    /// A file that is open for writing is ignored if its last write is this many seconds ago.
    static let writerIdleLimit = 10

    /// Reads all manifests below a directory, sorted by path.
    ///
    /// - Parameters:
    ///   - directory: The directory as the user named it.
    ///   - shown: The path with which diagnostics name the directory; nil for the directory as given.
    ///   - name: An absolute path to the same directory, from which relative paths in manifests begin; nil for the
    ///     directory as given.
    /// - Returns: The files, or why the directory cannot be read.
    public static func read(
        _ directory: String,
        shownAs shown: String? = nil,
        namedBy name: String? = nil
    ) -> ManifestReadResult {
        var files: [ManifestFile] = []
        var skipped: [SkippedManifest] = []
        let shown = displayPrefix(shown ?? directory)
        let root = absoluteDirectory(directory)
        let base = name ?? root
        do {
            let skip = { (_: String, relative: String, name: String, reason: SkippedManifest.Reason) in
                let named = relative.isEmpty ? name : "\(relative)/\(name)"
                skipped.append(SkippedManifest(path: shown + named, absolutePath: "\(base)/\(named)", reason))
            }
            try walk(root, skipped: skip) { (folder, relative, name) throws(LinuxError) in
                let path = "\(folder)/\(name)"
                let named = relative.isEmpty ? name : "\(relative)/\(name)"
                switch try readStableBytes(path, root: root, shown: shown + named) {
                case .bytes(let bytes):
                    let folder = relative.isEmpty ? base : "\(base)/\(relative)"
                    files.append(ManifestFile(path: shown + named, baseDirectory: folder, bytes: bytes))
                case .skipped(let reason): skip(folder, relative, name, reason)
                case .removed: break
                }
            }
        } catch {
            // The message of the caller names the services directory itself.
            return .unreadable(error.task == Self.readTask(root) ? error.cause : error.description)
        }
        return .files(
            files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) },
            skipped: skipped.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        )
    }

    private static func readTask(_ folder: String) -> String { "read the directory \(folder)" }

    /// Returns a fingerprint of a directory that changes whenever a manifest changes, without reading the files.
    static func fingerprint(_ directory: String) -> [String] {
        var lines: [String] = []
        let root = absoluteDirectory(directory)
        do {
            // Mode and owner of a folder matter too: they decide whether its files are trusted.
            let note = { (folder: String) in
                var file = stat()
                if stat(folder, &file) == 0 { lines.append("\(folder)/ \(file.st_mode) \(file.st_uid)") }
            }
            try walk(root, folders: note) { (folder, _, name) throws(LinuxError) in
                var file = stat()
                let path = "\(folder)/\(name)"
                guard stat(path, &file) == 0 else { return }
                lines.append(
                    "\(path) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec) \(file.st_mtim.tv_nsec) "
                        + "\(file.st_mode) \(file.st_uid)"
                )
            }
        } catch {
            lines.append(error.description)
        }
        return lines.sorted()
    }

    /// Returns a fingerprint of files that changes whenever one of them changes.
    static func fingerprint(ofFiles paths: [String]) -> [String] {
        paths.map { path in
            var file = stat()
            guard stat(path, &file) == 0 else { return "\(path) missing" }
            return "\(path) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec) \(file.st_mtim.tv_nsec)"
        }
    }

    /// Reads a file of `vars_files`.
    ///
    /// The files of the owner of the services directory are trusted, as its manifests are.
    public static func readVariableFile(_ path: String, directory: String) -> Result<[UInt8], VariableFileProblem> {
        var folder = stat()
        let owner = stat(directory, &folder) == 0 ? folder.st_uid : geteuid()
        do throws(ValueFile.ReadError) {
            return .success(try ValueFile.read(path, trustingOwner: owner))
        } catch {
            return .failure(VariableFileProblem(cause: error.cause))
        }
    }

    /// Why a file of `vars_files` cannot be read.
    public struct VariableFileProblem: Error {
        /// The cause as a text for users, without the path.
        public var cause: String
    }

    /// Returns all folders that may hold manifests, the directory itself first.
    static func folders(_ directory: String) -> [String] {
        var found: [String] = []
        try? walk(absoluteDirectory(directory), folders: { found.append($0) }, files: { _, _, _ in })
        return found
    }

    /// Whether a manifest with a write in the last seconds is still open for writing: part of a manifest may be valid
    /// YAML (MF-2).
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

    /// Returns the folders of the manifests that are reached through links, and the names on the way to them.
    ///
    /// A link that is switched to another target (as Kubernetes volumes do) changes no manifest's own name.
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

    /// Returns the first part of a services directory, or of the path to it, that an untrusted user could change; nil
    /// if there is none (FS-1).
    ///
    /// Trusted users are root, the user of this process, and the owner of the directory, because the caller has chosen
    /// that directory.
    ///
    /// - Parameters:
    ///   - directory: The directory as the user named it.
    ///   - environment: `HEROPROC_ALLOW_UNSAFE_DIR=1` turns the check off.
    /// - Returns: The path and the problem, as a text for users.
    public static func trustProblem(in directory: String, environment: [String: String]) -> String? {
        guard environment["HEROPROC_ALLOW_UNSAFE_DIR"] != "1" else { return nil }
        let root = absoluteDirectory(directory)
        var top = stat()
        guard stat(root, &top) == 0 else { return nil }
        let pathTrust = PathTrust.current
        do throws(PathProblem) {
            try pathTrust.check(root, trusting: [top.st_uid])
        } catch {
            return error.text
        }
        var problems: [PathProblem] = []
        let check = { (path: String, file: stat) in
            do throws(PathProblem) {
                try pathTrust.trust.checkManifest(FileFacts(file, path), path, directoryOwner: top.st_uid)
            } catch {
                problems.append(error)
            }
        }
        try? walk(
            root,
            folders: { folder in
                var file = stat()
                if stat(folder, &file) == 0 { check(folder, file) }
            },
            files: { (folder, _, name) throws(LinuxError) in
                var file = stat()
                let path = "\(folder)/\(name)"
                if lstat(path, &file) == 0, file.st_mode & S_IFMT == S_IFREG { check(path, file) }
                if file.st_mode & S_IFMT == S_IFLNK, let target = realPath(path), stat(target, &file) == 0 {
                    check(target, file)
                }
            }
        )
        return problems.min { $0.path < $1.path }?.text
    }

    /// Calls `files` with each entry that has the name of a manifest.
    ///
    /// Its arguments are the absolute folder of the entry, that folder relative to the root, and the name. `skipped` is
    /// called in the same way with each folder that is not searched, and the reason.
    private static func walk(
        _ root: String,
        folders: (String) -> Void = { _ in },
        skipped: (_ folder: String, _ relative: String, _ name: String, SkippedManifest.Reason) -> Void = {
            _,
            _,
            _,
            _ in
        },
        files: (_ folder: String, _ relative: String, _ name: String) throws(LinuxError) -> Void
    ) throws(LinuxError) {
        var rest = [(relative: "", depth: 0)]
        while let (relative, depth) = rest.popLast() {
            let folder = relative.isEmpty ? root : "\(root)/\(relative)"
            guard let names = listDirectory(folder) else {
                // A folder that was removed in the meantime is skipped.
                if errno == ENOENT, depth > 0 { continue }
                throw LinuxError(cannot: readTask(folder), errno)
            }
            folders(folder)
            for name in names {
                if ManifestFileRules.isManifestName(name) { try files(folder, relative, name) }
                guard ManifestFileRules.isFolderName(name) else { continue }
                var entry = stat()
                guard lstat("\(folder)/\(name)", &entry) == 0 else {
                    let isManifest = ManifestFileRules.isManifestName(name)
                    if !isManifest, hasDamagedName(name) { skipped(folder, relative, name, .nameNotUTF8) }
                    continue
                }
                switch entry.st_mode & S_IFMT {
                case S_IFDIR where depth < ManifestFileRules.maximumDepth:
                    rest.append((relative.isEmpty ? name : "\(relative)/\(name)", depth + 1))
                case S_IFDIR: skipped(folder, relative, name, .tooDeep)
                case S_IFLNK where !ManifestFileRules.isManifestName(name):
                    if let target = folderOutside("\(folder)/\(name)", root: root) {
                        skipped(folder, relative, name, .folderLink(target: target))
                    }
                default: break
                }
            }
        }
    }

    /// Whether a name without a file contains the character that replaces bytes which are not UTF-8, and no `.`, which
    /// most names of folders do not have.
    private static func hasDamagedName(_ name: String) -> Bool {
        errno == ENOENT && name.unicodeScalars.contains("\u{FFFD}") && !name.contains(".")
    }

    /// Returns the target of a link to a folder out of the root; nil for other links.
    private static func folderOutside(_ path: String, root: String) -> String? {
        var target = stat()
        guard stat(path, &target) == 0, target.st_mode & S_IFMT == S_IFDIR, realPathInside(path, root: root) == nil
        else { return nil }
        return linkTarget(path)
    }

    /// Returns the real path of a file if it is the real path of the root, or below it.
    private static func realPathInside(_ path: String, root: String) -> String? {
        guard let real = realPath(path), let realRoot = realPath(root) else { return nil }
        return real == realRoot || real.hasPrefix(realRoot + "/") ? real : nil
    }

    private enum ReadFile {
        case bytes([UInt8])
        case removed
        case skipped(SkippedManifest.Reason)
    }

    /// The reason why an entry of this type is not read; nil for a regular file.
    private static func reason(ofType mode: mode_t) -> SkippedManifest.Reason? {
        switch mode & S_IFMT {
        case S_IFREG: nil
        case S_IFIFO: .notAFile(kind: "a FIFO")
        case S_IFSOCK: .notAFile(kind: "a socket")
        default: .notAFile(kind: "a device")
        }
    }

    /// Reads a regular file that does not change while it is read (MF-2).
    private static func readStableBytes(_ path: String, root: String, shown: String) throws(LinuxError) -> ReadFile {
        var target = path
        var entry = stat()
        guard lstat(path, &entry) == 0 else {
            // The name of a file that is not UTF-8 has replacement characters here, and no file has that name.
            let isDamaged = errno == ENOENT && path.unicodeScalars.contains("\u{FFFD}")
            return isDamaged ? .skipped(.nameNotUTF8) : .removed
        }
        // A directory with the name of a manifest is searched like others.
        if entry.st_mode & S_IFMT == S_IFDIR { return .removed }
        if entry.st_mode & S_IFMT == S_IFLNK {
            guard let link = linkTarget(path) else { return .removed }
            guard realPath(path) != nil else { return .skipped(.brokenLink(target: link)) }
            guard let real = realPathInside(path, root: root) else {
                let isFolder = stat(path, &entry) == 0 && entry.st_mode & S_IFMT == S_IFDIR
                return .skipped(isFolder ? .folderLink(target: link) : .linkOutside(target: link))
            }
            target = real
        }
        // The type is checked before the file is opened, because opening a device may have side effects.
        guard stat(target, &entry) == 0 else { return .removed }
        if entry.st_mode & S_IFMT == S_IFDIR { return .removed }
        if let reason = reason(ofType: entry.st_mode) { return .skipped(reason) }
        // O_NONBLOCK: opening a FIFO must not wait for a writer.
        let number = open(target, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else {
            if errno == ENOENT || errno == ELOOP || errno == ENXIO { return .removed }
            throw LinuxError(cannot: "read \(shown)", errno)
        }
        let file = Descriptor(number)
        var before = stat()
        guard fstat(number, &before) == 0, before.st_mode & S_IFMT == S_IFREG else { return .removed }
        for _ in 0..<5 {
            guard let read = readAll(file.number, limit: ManifestFileRules.maximumSize + 1) else {
                throw LinuxError(cannot: "read \(shown)", errno)
            }
            var after = stat()
            guard fstat(number, &after) == 0 else { throw LinuxError(cannot: "read \(shown)", errno) }
            if after.st_size == before.st_size, after.st_mtim.tv_sec == before.st_mtim.tv_sec,
                after.st_mtim.tv_nsec == before.st_mtim.tv_nsec,
                read.count == min(Int(after.st_size), ManifestFileRules.maximumSize + 1)
            {
                return .bytes(read)
            }
            before = after
        }
        // The file changes all the time: part of a file must not be used.
        throw LinuxError(cannot: "read \(shown)", EBUSY)
    }

    /// Returns the prefix of displayed file names: the directory as the user named it.
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

    /// Whether two absolute paths name the same directory: as they are spelled, or because they lead to the same inode.
    public static func isSameDirectory(_ first: String, _ second: String) -> Bool {
        if first.utf8.elementsEqual(second.utf8) { return true }
        var (one, other) = (stat(), stat())
        guard stat(first, &one) == 0, stat(second, &other) == 0 else { return false }
        return one.st_dev == other.st_dev && one.st_ino == other.st_ino
    }

    /// Returns the directory as an absolute path that does not depend on the working directory.
    ///
    /// Links are kept, so that switching a link to another release does not change every path. Only a path with `..` is
    /// resolved.
    public static func absoluteDirectory(_ directory: String) -> String {
        let path = absolutePath(directory)
        let climbs = path.split(separator: "/").contains("..")
        return (climbs ? realPath(path) : nil) ?? RuntimePaths.normalized(path)
    }
}

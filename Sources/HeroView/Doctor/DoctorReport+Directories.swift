import HeroModel

extension DoctorReport {
    /// File systems on which locks and shared memory do not mean what they mean on a local one.
    private static let networkFileSystems: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "glusterfs", "beegfs",
    ]
    /// Below this much nothing can be relied on to be written; below that much it is time to look.
    private static let minimumBytes: Int64 = 16 << 20
    private static let lowBytes: Int64 = 256 << 20
    private static let minimumFiles: Int64 = 100
    private static let lowFiles: Int64 = 2000

    /// The directories, each with its file system and its rights.
    static func directories(_ facts: MachineFacts) -> [DoctorCheck] {
        facts.directories.flatMap { folder in
            [existence(folder), fileSystem(folder), freeSpace(folder), access(folder, facts.privileges)].compactMap {
                $0
            }
        }
    }

    private static func existence(_ folder: DirectoryFacts) -> DoctorCheck {
        let code = "\(folder.role.rawValue)_dir"
        if folder.exists { return .fine(.places, code, folder.path) }
        switch folder.role {
        case .state, .run:
            if folder.isWritable { return .fine(.places, code, "\(folder.path) (will be made)") }
            return .missing(
                .places,
                code,
                "\(folder.path) is not there, and cannot be made",
                "nothing can be recorded, so nothing can be run",
                help: folder.role == .state ? "make it, or name another one with --state" : "make it, with mode 0700"
            )
        case .services:
            return .missing(
                .places,
                code,
                "\(folder.path) is not there",
                "nothing is declared",
                help: "`heroproc init` makes one; --dir names another one"
            )
        }
    }

    private static func fileSystem(_ folder: DirectoryFacts) -> DoctorCheck? {
        let code = "\(folder.role.rawValue)_fs"
        let kind = folder.fileSystem
        guard !kind.isEmpty else { return nil }
        let isRemote = networkFileSystems.contains(kind) || (kind.hasPrefix("fuse.") && kind != "fuse.fuse-overlayfs")
        switch folder.role {
        case .state, .run:
            // No reconciler begins there (DB-7), and the kernel tells one of user space from no other of them.
            if folder.role == .state, kind == "fuse" || kind == "fuseblk" || kind.hasPrefix("fuse.") {
                return .missing(
                    .places,
                    code,
                    "\(kind), a file system of user space",
                    "locks and shared memory cannot be relied on there, so `apply` and `reconcile` refuse it",
                    help: "name a directory on a local file system with --state"
                )
            }
            if folder.isReadOnly {
                return .missing(
                    .places,
                    code,
                    "\(kind), read-only",
                    "nothing can be recorded, so nothing can be run",
                    help: "mount it writable, or name another directory with --state"
                )
            }
            if isRemote {
                return .missing(
                    .places,
                    code,
                    "\(kind), a network file system",
                    "locks and shared memory do not hold there: two reconcilers could live at once, and the database be damaged",
                    help: "name a directory on a local file system with --state"
                )
            }
            return .fine(.places, code, kind)
        case .services:
            if isRemote {
                return .warning(
                    .places,
                    code,
                    "\(kind), a network file system",
                    "changes that another machine makes are found by looking every 30 seconds only, and while the server is away "
                        + "nothing can be applied",
                    help: "copy the manifests to a local directory, as a deployment does"
                )
            }
            if folder.forbidsExecution {
                return .warning(
                    .places,
                    code,
                    "\(kind), noexec",
                    "programs that lie beside the manifests cannot be executed",
                    help: "keep them elsewhere, or mount it without noexec"
                )
            }
            return .fine(.places, code, kind)
        }
    }

    private static func freeSpace(_ folder: DirectoryFacts) -> DoctorCheck? {
        guard folder.role != .services, let bytes = folder.freeBytes else { return nil }
        let code = "\(folder.role.rawValue)_space"
        let files = folder.freeFiles.map { ", \($0) files" } ?? ""
        let text = "room for \(Canonical.roundedSize(bytes))\(files)"
        let meaning =
            folder.role == .state
            ? "no revision can be recorded, and what services write is lost; what runs goes on"
            : "no job can be started; what runs goes on"
        if bytes < minimumBytes || folder.freeFiles ?? .max < minimumFiles {
            return .missing(.places, code, text, meaning, help: "make room on the file system of \(folder.path)")
        }
        // The run directory holds a kilobyte for each job.
        let isTight = folder.role == .state ? bytes < lowBytes : false
        if isTight || folder.freeFiles ?? .max < lowFiles {
            return .warning(
                .places,
                code,
                text,
                "it will be full soon; then " + meaning,
                help: "make room on the file system of \(folder.path)"
            )
        }
        return .fine(.places, code, text)
    }

    private static func access(_ folder: DirectoryFacts, _ rights: PrivilegeFacts) -> DoctorCheck? {
        let code = "\(folder.role.rawValue)_access"
        guard folder.exists || folder.insecurityReason != nil else { return nil }
        if let flaw = folder.insecurityReason {
            return .missing(
                .places,
                code,
                flaw,
                folder.role == .services
                    ? "whoever can write there decides what runs here: `apply` and `reconcile` refuse it"
                    : "whoever can write there could exchange it: heroproc refuses it",
                help: folder.role == .services ? "let only root, yourself or one deploying user write there" : nil
            )
        }
        let who = folder.owner == 0 ? "root" : "the user \(folder.owner)"
        let octal = String(folder.mode, radix: 8)
        let text = "owned by \(who), mode " + String(repeating: "0", count: max(0, 4 - octal.utf8.count)) + octal
        switch folder.role {
        case .state, .run:
            guard !folder.isWritable || (folder.owner != rights.uid && rights.uid != 0) else {
                return .fine(.places, code, text)
            }
            return .missing(
                .places,
                code,
                text,
                "the user \(rights.uid) may not write to it, so nothing can be recorded",
                help: "run as its owner, or name another directory with --state"
            )
        case .services:
            guard folder.owner != 0, folder.owner != rights.uid else { return .fine(.places, code, text) }
            return .warning(
                .places,
                code,
                text,
                "\(who) decides what runs here as \(rights.uid == 0 ? "root" : "the user \(rights.uid)")",
                help: "give it to root unless that is meant"
            )
        }
    }
}

extension Canonical {
    /// A size for people, in the largest unit of which there are ten: `12 GiB`, `900 MiB`.
    static func roundedSize(_ bytes: Int64) -> String {
        let units: [(name: String, shift: Int64)] = [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        for unit in units where bytes >> unit.shift >= 10 { return "\(bytes >> unit.shift) \(unit.name)" }
        return "\(bytes) bytes"
    }
}

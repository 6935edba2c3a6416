import HeroModel

extension DoctorReport {
    /// File systems on which locks and shared memory do not work as on a local one.
    private static let networkFileSystems: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "glusterfs", "beegfs",
    ]
    /// Below the minimum, writes cannot be relied on; below the low mark, space will run out soon.
    private static let minimumBytes: Int64 = 16 << 20
    private static let lowBytes: Int64 = 256 << 20
    private static let minimumFiles: Int64 = 100
    private static let lowFiles: Int64 = 2000

    /// The directories, each with its file system and its permissions.
    static func directories(_ facts: MachineFacts) -> [DoctorCheck] {
        facts.directories.flatMap { directory in
            [existence(directory), fileSystem(directory), freeSpace(directory), access(directory, facts.privileges)]
                .compactMap {
                    $0
                }
        } + [databaseLog(facts.databaseLog)].compactMap { $0 }
    }

    private static func databaseLog(_ log: DatabaseLogFacts?) -> DoctorCheck? {
        guard let log, let problem = log.problem else { return nil }
        return .warning(
            .places,
            "database_log",
            problem,
            "it uses disk space, and every command reads the database more slowly",
            help: log.help
        )
    }

    private static func existence(_ directory: DirectoryFacts) -> DoctorCheck {
        let code = "\(directory.role.rawValue)_dir"
        if directory.exists { return .fine(.places, code, directory.path) }
        switch directory.role {
        case .state, .run:
            if directory.isWritable { return .fine(.places, code, "\(directory.path) (will be created)") }
            return .missing(
                .places,
                code,
                "\(directory.path) does not exist and cannot be created",
                "nothing can be recorded, so nothing can run",
                help: directory.role == .state
                    ? "create it, or name another one with --state" : "create it with mode 0700"
            )
        case .services:
            return .missing(
                .places,
                code,
                "\(directory.path) does not exist",
                "no service is declared",
                help: "`heroproc init` creates one; --dir names another one"
            )
        }
    }

    private static func fileSystem(_ directory: DirectoryFacts) -> DoctorCheck? {
        let code = "\(directory.role.rawValue)_fs"
        let kind = directory.fileSystem
        guard !kind.isEmpty else { return nil }
        let isRemote = networkFileSystems.contains(kind) || (kind.hasPrefix("fuse.") && kind != "fuse.fuse-overlayfs")
        switch directory.role {
        case .state, .run:
            // The reconciler refuses such a directory (DB-7), because user space file systems cannot be told apart.
            if directory.role == .state, kind == "fuse" || kind == "fuseblk" || kind.hasPrefix("fuse.") {
                return .missing(
                    .places,
                    code,
                    "\(kind), a user space file system",
                    "locks and shared memory are unreliable there, so `apply` and `reconcile` refuse it",
                    help: "name a directory on a local file system with --state"
                )
            }
            if directory.isReadOnly {
                return .missing(
                    .places,
                    code,
                    "\(kind), read-only",
                    "nothing can be recorded, so nothing can run",
                    help: "mount it writable, or name another directory with --state"
                )
            }
            if isRemote {
                return .missing(
                    .places,
                    code,
                    "\(kind), a network file system",
                    "locks and shared memory do not work there: two reconcilers could damage the database",
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
                    "changes made by another machine are found by polling every 30 seconds, "
                        + "and nothing can be applied while the server is unreachable",
                    help: "copy the manifests to a local directory, as a deployment does"
                )
            }
            if directory.forbidsExecution {
                return .warning(
                    .places,
                    code,
                    "\(kind), noexec",
                    "programs next to the manifests cannot be executed",
                    help: "keep them elsewhere, or mount it without noexec"
                )
            }
            return .fine(.places, code, kind)
        }
    }

    private static func freeSpace(_ directory: DirectoryFacts) -> DoctorCheck? {
        guard directory.role != .services, let bytes = directory.freeBytes else { return nil }
        let code = "\(directory.role.rawValue)_space"
        let files = directory.freeFiles.map { ", \($0) files" } ?? ""
        let text = "\(Canonical.roundedSize(bytes))\(files) free"
        let meaning =
            directory.role == .state
            ? "no revision can be recorded, and log output is lost; running services stay up"
            : "no job can be started; running services stay up"
        if bytes < minimumBytes || directory.freeFiles ?? .max < minimumFiles {
            return .missing(.places, code, text, meaning, help: "free space on the file system of \(directory.path)")
        }
        // The run directory needs one kilobyte per job.
        let isTight = directory.role == .state ? bytes < lowBytes : false
        if isTight || directory.freeFiles ?? .max < lowFiles {
            return .warning(
                .places,
                code,
                text,
                "it will be full soon; then " + meaning,
                help: "free space on the file system of \(directory.path)"
            )
        }
        return .fine(.places, code, text)
    }

    private static func access(_ directory: DirectoryFacts, _ rights: PrivilegeFacts) -> DoctorCheck? {
        let code = "\(directory.role.rawValue)_access"
        guard directory.exists || directory.insecurityReason != nil else { return nil }
        if let flaw = directory.insecurityReason {
            return .missing(
                .places,
                code,
                flaw,
                directory.role == .services
                    ? "any user who can write there controls what runs here, so `apply` and `reconcile` refuse it"
                    : "a user who can write there could replace it, so heroproc refuses it",
                help: directory.role == .services
                    ? "allow only root, yourself or one deployment user to write there" : nil
            )
        }
        let owner = directory.owner == 0 ? "root" : "the user \(directory.owner)"
        let octal = String(directory.mode, radix: 8)
        let text = "owned by \(owner), mode " + String(repeating: "0", count: max(0, 4 - octal.utf8.count)) + octal
        switch directory.role {
        case .state, .run:
            guard !directory.isWritable || (directory.owner != rights.uid && rights.uid != 0) else {
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
            guard directory.owner != 0, directory.owner != rights.uid else { return .fine(.places, code, text) }
            return .warning(
                .places,
                code,
                text,
                "\(owner) controls what runs here as \(rights.uid == 0 ? "root" : "the user \(rights.uid)")",
                help: "change its owner to root unless this is intended"
            )
        }
    }
}

import Foundation
import Glibc
import HeroLinux
import Testing

/// What a stranger, or a mistake, may have put where heroproc expects a file or a directory of its own (reliability.md FS-1).
enum PathAttack: String, CaseIterable, Sendable {
    case wrongOwner = "wrong owner"
    case worldWritable = "0777"
    case leafSymlink = "symlink at the leaf"
    case parentSymlink = "symlink in the middle"
    case hardLink = "hard link to a canary"
    case fifo = "FIFO"
    case device = "device"

    /// Only root can give files away and make devices.
    var needsRoot: Bool {
        switch self {
        case .wrongOwner, .device: true
        case .worldWritable, .leafSymlink, .parentSymlink, .hardLink, .fifo: false
        }
    }
}

/// Something that heroproc reads or writes, and what an attack on it comes to.
struct AttackTarget: Sendable, CustomTestStringConvertible {
    /// How a pass over an attacked target must end; whatever it is, the canaries are untouched.
    enum Expectation: Sendable {
        /// It is refused, or the start fails, and the offending path is named.
        case refused
        /// The file is replaced, passed over or only read, and the pass comes to an end.
        case harmless
        /// There is no such attack on it.
        case notApplicable
    }

    let name: String
    let isDirectory: Bool
    /// Where it is.
    let path: @Sendable (TestHost) -> String
    let expectation: @Sendable (PathAttack) -> Expectation
    /// Keys of the service that make heroproc use it.
    var fields: @Sendable (TestHost) -> [String] = { _ in [] }

    var testDescription: String { name }

    /// What is never good, whoever looks.
    private static func strictExpectation(_ attack: PathAttack, isFolder: Bool) -> Expectation {
        switch attack {
        case .wrongOwner, .worldWritable, .leafSymlink, .fifo, .device: .refused
        case .hardLink: isFolder ? .notApplicable : .refused
        case .parentSymlink: .notApplicable
        }
    }

    static let all: [AttackTarget] = [
        AttackTarget(name: "services.d", isDirectory: true, path: { $0.servicesDirectory }) { attack in
            switch attack {
            // Whoever names a directory trusts its owner.
            case .wrongOwner: .harmless
            case .worldWritable, .fifo, .device: .refused
            case .leafSymlink: isRoot ? .refused : .harmless
            case .parentSymlink, .hardLink: .notApplicable
            }
        },
        AttackTarget(name: "manifest", isDirectory: false, path: { $0.servicesDirectory + "/more/web.yaml" }) {
            attack in
            switch attack {
            case .wrongOwner, .worldWritable, .hardLink: .refused
            // No regular file below the directory: it declares nothing.
            case .leafSymlink, .parentSymlink, .fifo, .device: .harmless
            }
        },
        AttackTarget(name: "state directory", isDirectory: true, path: { $0.root + "/deep/state" }) { attack in
            switch attack {
            // A user's own link is his own word.
            case .leafSymlink: isRoot ? .refused : .notApplicable
            case .parentSymlink: isRoot ? .refused : .harmless
            case .wrongOwner, .worldWritable, .fifo, .device: .refused
            case .hardLink: .notApplicable
            }
        },
        AttackTarget(name: "database", isDirectory: false, path: { $0.nestedPaths.database }) {
            strictExpectation($0, isFolder: false)
        },
        AttackTarget(name: "journal of the database", isDirectory: false, path: { $0.nestedPaths.database + "-wal" }) {
            strictExpectation($0, isFolder: false)
        },
        AttackTarget(name: "lock of the state", isDirectory: false, path: { $0.nestedPaths.reconcilerLock }) {
            strictExpectation($0, isFolder: false)
        },
        AttackTarget(name: "run directory", isDirectory: true, path: { $0.nestedPaths.run }) {
            strictExpectation($0, isFolder: true)
        },
        AttackTarget(name: "lock of the run directory", isDirectory: false, path: { $0.nestedPaths.runLock }) {
            strictExpectation($0, isFolder: false)
        },
        AttackTarget(name: "control socket", isDirectory: false, path: { $0.nestedPaths.controlSocket }) { attack in
            attack == .parentSymlink ? .notApplicable : .harmless
        },
        AttackTarget(name: "directory of records", isDirectory: true, path: { $0.nestedPaths.jobs }) {
            strictExpectation($0, isFolder: true)
        },
        AttackTarget(name: "record", isDirectory: false, path: { $0.nestedPaths.jobs + "/1" }) { attack in
            attack == .parentSymlink ? .notApplicable : .harmless
        },
        AttackTarget(name: "log directory", isDirectory: true, path: { $0.nestedPaths.logs + "/core/web/run" }) {
            attack in
            switch attack {
            case .wrongOwner, .worldWritable: .refused
            case .leafSymlink: isRoot ? .refused : .notApplicable
            case .parentSymlink: isRoot ? .refused : .harmless
            // Nothing can be stored there, and a service does not stay down for that.
            case .fifo, .device: .harmless
            case .hardLink: .notApplicable
            }
        },
        AttackTarget(name: "log", isDirectory: false, path: { $0.nestedPaths.logs + "/core/web/run/1.log" }) { attack in
            attack == .parentSymlink ? .notApplicable : .harmless
        },
        AttackTarget(
            name: "PID file",
            isDirectory: false,
            path: { $0.root + "/deep/web.pid" },
            expectation: { _ in .harmless },
            fields: { ["singleton: true", "pid_file: \($0.root)/deep/web.pid", "start_timeout: 1s"] }
        ),
        AttackTarget(
            name: "env_file",
            isDirectory: false,
            path: { $0.root + "/deep/web.env" },
            expectation: environmentFileExpectation,
            fields: { ["env_file: [\($0.root)/deep/web.env]"] }
        ),
        AttackTarget(
            name: "from_file",
            isDirectory: false,
            path: { $0.root + "/deep/web.token" },
            expectation: environmentFileExpectation,
            fields: { ["env: {TOKEN: {from_file: \($0.root)/deep/web.token}}"] }
        ),
    ]

    private static func environmentFileExpectation(_ attack: PathAttack) -> Expectation {
        switch attack {
        case .wrongOwner, .worldWritable, .fifo, .device: .refused
        case .leafSymlink, .parentSymlink: isRoot ? .refused : .harmless
        // Only we could give a file of ours another name here; it is read and nothing else.
        case .hardLink: .harmless
        }
    }
}

private let isRoot = geteuid() == 0
/// A user that owns nothing.
let nobodyUID: uid_t = 65534

extension TestHost {
    /// Paths of a state directory with a directory of the test's own above it.
    var nestedPaths: RuntimePaths { RuntimePaths.resolve(state: root + "/deep/state", environment: environment) }

    /// Puts a copy of the oracle where other users can execute it: the build may lie where nobody else gets.
    static func copyOracle(to folder: String) throws {
        // By another program: a child of ours that is just being spawned would hold the copy open for writing.
        try #require(runShell("cp '\(oraclePath)' '\(folder)/oracle'") == 0)
        chmod(folder + "/oracle", 0o755)
    }

    /// What must never be touched: a file and a directory that links lead to.
    var canaryFile: String { root + "/canary" }
    var canaryDirectory: String { root + "/canary.d" }

    func createCanaries() throws {
        try Data("CANARY=alive\n".utf8).write(to: URL(fileURLWithPath: canaryFile))
        chmod(canaryFile, 0o604)
        mkdir(canaryDirectory, 0o755)
        try Data("alive\n".utf8).write(to: URL(fileURLWithPath: canaryDirectory + "/inside"))
    }

    /// All that could have changed of the canaries.
    func canarySnapshot() -> [String] {
        [canaryFile, canaryDirectory, canaryDirectory + "/inside"].map { path in
            var file = stat()
            lstat(path, &file)
            return
                "\(path) \(file.st_ino) \(file.st_mode) \(file.st_uid) \(file.st_gid) \(file.st_size) \(readText(path))"
        } + ((try? FileManager.default.subpathsOfDirectory(atPath: canaryDirectory)) ?? []).sorted()
    }

    /// Puts an attack in the place of a target, whose normal self is made first.
    func placeAttack(_ attack: PathAttack, on target: AttackTarget) throws {
        let path = target.path(self)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        func make() {
            if target.isDirectory {
                mkdir(path, 0o700)
            } else {
                close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            }
        }
        func replace() { try? FileManager.default.removeItem(atPath: path) }
        switch attack {
        case .wrongOwner:
            make()
            try #require(lchown(path, nobodyUID, nobodyUID) == 0)
        case .worldWritable:
            make()
            try #require(chmod(path, 0o777) == 0)
        case .leafSymlink:
            replace()
            try #require(symlink(target.isDirectory ? canaryDirectory : canaryFile, path) == 0)
            giveToOtherUser(path)
        case .parentSymlink:
            // The directory around it is moved away, and a stranger's link stands in its place.
            try #require(rename(folder, folder + ".moved") == 0)
            try #require(symlink(folder + ".moved", folder) == 0)
            make()
            giveToOtherUser(folder)
        case .hardLink:
            replace()
            try #require(link(canaryFile, path) == 0)
        case .fifo:
            replace()
            try #require(mkfifo(path, 0o600) == 0)
        case .device:
            replace()
            try #require(mknod(path, S_IFCHR | 0o600, 0x103) == 0)
        }
    }

    /// A link of somebody who is not us; a user can only make his own.
    private func giveToOtherUser(_ link: String) {
        if isRoot { lchown(link, nobodyUID, nobodyUID) }
    }

    /// Takes back whatever an attack and the pass over it have left.
    func removeAttack(_ target: AttackTarget, run: String) async throws {
        if FileManager.default.fileExists(atPath: nestedPaths.database) {
            _ = try await self.run(["down", "--all", "--quiet"], extra: ["HEROPROC_STATE": root + "/deep/state"])
        }
        let path = target.path(self)
        for path in [
            path, servicesDirectory, servicesDirectory + "/more.moved", root + "/deep", root + "/deep.moved", run,
        ]
        where path.hasPrefix(root + "/") || path.hasPrefix(run) {
            try? FileManager.default.removeItem(atPath: path)
        }
        mkdir(servicesDirectory, 0o700)
    }
}

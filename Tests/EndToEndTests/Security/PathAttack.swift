import Foundation
import Glibc
import HeroLinux
import Testing

/// A file system object that an attacker, or a configuration error, puts at a path of heroproc (guarantee FS-1).
enum PathAttack: String, CaseIterable, Sendable {
    case wrongOwner = "wrong owner"
    case worldWritable = "0777"
    case leafSymlink = "symlink at the leaf"
    case parentSymlink = "symlink in the middle"
    case hardLink = "hard link to a canary"
    case fifo = "FIFO"
    case device = "device"

    /// Only root can change the owner of a file and create devices.
    var needsRoot: Bool {
        switch self {
        case .wrongOwner, .device: true
        case .worldWritable, .leafSymlink, .parentSymlink, .hardLink, .fifo: false
        }
    }
}

/// A path that heroproc reads or writes, and the expected result of each attack on it.
struct AttackTarget: Sendable, CustomTestStringConvertible {
    /// The expected end of a pass over an attacked target.
    ///
    /// The canaries stay untouched in every case.
    enum Expectation: Sendable {
        /// The pass refuses the target, or the start fails, and the message names the path.
        case refused
        /// The pass replaces, ignores or only reads the file, and ends normally.
        case harmless
        /// The attack does not apply to this target.
        case notApplicable
    }

    let name: String
    let isDirectory: Bool
    /// The path of the target.
    let path: @Sendable (TestHost) -> String
    let expectation: @Sendable (PathAttack) -> Expectation
    /// Fields of the service that make heroproc use the target.
    var fields: @Sendable (TestHost) -> [String] = { _ in [] }

    var testDescription: String { name }

    /// The expectation for targets that no user may provide.
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
            // A user who names a directory trusts its owner.
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
            // Only regular files below the directory are manifests.
            case .leafSymlink, .parentSymlink, .fifo, .device: .harmless
            }
        },
        AttackTarget(name: "state directory", isDirectory: true, path: { $0.root + "/deep/state" }) { attack in
            switch attack {
            // A user may use a link of the same user.
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
            // The log cannot be stored there, but the service starts nevertheless.
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
        // Only the owner can create another link to the file here, and heroproc only reads it.
        case .hardLink: .harmless
        }
    }
}

private let isRoot = geteuid() == 0
/// A user that owns no files.
let nobodyUID: uid_t = 65534

extension TestHost {
    /// The paths of a state directory whose parent directory also belongs to the test.
    var nestedPaths: RuntimePaths { RuntimePaths.resolve(state: root + "/deep/state", environment: environment) }

    /// Copies the oracle to a directory where other users can execute it.
    ///
    /// They may have no access to the build directory.
    static func copyOracle(to directory: String) throws {
        // Another program copies it. In this process a child between fork and exec would keep the copy open for
        // writing.
        try #require(runShell("cp \(shellQuoted(oraclePath)) \(shellQuoted(directory))/oracle") == 0)
        chmod(directory + "/oracle", 0o755)
    }

    /// A file and a directory that must never change.
    ///
    /// Links of the attacks point to them.
    var canaryFile: String { root + "/canary" }
    var canaryDirectory: String { root + "/canary.d" }

    func createCanaries() throws {
        try Data("CANARY=alive\n".utf8).write(to: URL(fileURLWithPath: canaryFile))
        chmod(canaryFile, 0o604)
        mkdir(canaryDirectory, 0o755)
        try Data("alive\n".utf8).write(to: URL(fileURLWithPath: canaryDirectory + "/inside"))
    }

    /// All properties of the canaries that could change.
    func canarySnapshot() -> [String] {
        [canaryFile, canaryDirectory, canaryDirectory + "/inside"].map { path in
            var file = stat()
            lstat(path, &file)
            return
                "\(path) \(file.st_ino) \(file.st_mode) \(file.st_uid) \(file.st_gid) \(file.st_size) \(readText(path))"
        } + ((try? FileManager.default.subpathsOfDirectory(atPath: canaryDirectory)) ?? []).sorted()
    }

    /// Creates a normal target and then replaces it by the attack.
    func placeAttack(_ attack: PathAttack, on target: AttackTarget) throws {
        let path = target.path(self)
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(
            atPath: directory,
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
            // Moves the parent directory away and puts a link of another user at its path.
            try #require(rename(directory, directory + ".moved") == 0)
            try #require(symlink(directory + ".moved", directory) == 0)
            make()
            giveToOtherUser(directory)
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

    /// Gives a link to another user.
    ///
    /// Without root a user can only create own links.
    private func giveToOtherUser(_ link: String) {
        if isRoot { lchown(link, nobodyUID, nobodyUID) }
    }

    /// Removes everything that an attack and the pass over it have created.
    func removeAttack(_ target: AttackTarget, run: String) async throws {
        if FileManager.default.fileExists(atPath: nestedPaths.database) {
            _ = try await self.run(["down", "--all", "--quiet"], environment: ["HEROPROC_STATE": root + "/deep/state"])
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

import Foundation
import Glibc
import HeroLinux
import Testing

/// What a stranger, or a mistake, may have put where heroproc expects a file or a directory of its own (reliability.md FS-1).
enum Attack: String, CaseIterable, Sendable {
    case wrongOwner = "wrong owner"
    case everybodyWrites = "0777"
    case linkAtTheEnd = "symlink at the leaf"
    case linkInTheMiddle = "symlink in the middle"
    case hardLink = "hard link to a canary"
    case fifo = "FIFO"
    case device = "device"

    /// Only root can give files away and make devices.
    var needsRoot: Bool {
        switch self {
        case .wrongOwner, .device: true
        case .everybodyWrites, .linkAtTheEnd, .linkInTheMiddle, .hardLink, .fifo: false
        }
    }
}

/// Something that heroproc reads or writes, and what an attack on it comes to.
struct Target: Sendable, CustomTestStringConvertible {
    /// How a pass over an attacked target must end; whatever it is, the canaries are untouched.
    enum Verdict: Sendable {
        /// It is refused, or the start fails, and the offending path is named.
        case refused
        /// The file is replaced, passed over or only read, and the pass comes to an end.
        case harmless
        /// There is no such attack on it.
        case none
    }

    let name: String
    let isFolder: Bool
    /// Where it is.
    let path: @Sendable (World) -> String
    let verdict: @Sendable (Attack) -> Verdict
    /// Keys of the service that make heroproc use it.
    var keys: @Sendable (World) -> [String] = { _ in [] }

    var testDescription: String { name }

    /// What is never good, whoever looks.
    private static func strict(_ attack: Attack, isFolder: Bool) -> Verdict {
        switch attack {
        case .wrongOwner, .everybodyWrites, .linkAtTheEnd, .fifo, .device: .refused
        case .hardLink: isFolder ? .none : .refused
        case .linkInTheMiddle: .none
        }
    }

    static let all: [Target] = [
        Target(name: "services.d", isFolder: true, path: { $0.services }) { attack in
            switch attack {
            // Whoever names a directory trusts its owner.
            case .wrongOwner: .harmless
            case .everybodyWrites, .fifo, .device: .refused
            case .linkAtTheEnd: isRoot ? .refused : .harmless
            case .linkInTheMiddle, .hardLink: .none
            }
        },
        Target(name: "manifest", isFolder: false, path: { $0.services + "/more/web.yaml" }) { attack in
            switch attack {
            case .wrongOwner, .everybodyWrites, .hardLink: .refused
            // No regular file below the directory: it declares nothing.
            case .linkAtTheEnd, .linkInTheMiddle, .fifo, .device: .harmless
            }
        },
        Target(name: "state directory", isFolder: true, path: { $0.root + "/deep/state" }) { attack in
            switch attack {
            // A user's own link is his own word.
            case .linkAtTheEnd: isRoot ? .refused : .none
            case .linkInTheMiddle: isRoot ? .refused : .harmless
            case .wrongOwner, .everybodyWrites, .fifo, .device: .refused
            case .hardLink: .none
            }
        },
        Target(name: "database", isFolder: false, path: { $0.deep.database }) { strict($0, isFolder: false) },
        Target(name: "journal of the database", isFolder: false, path: { $0.deep.database + "-wal" }) {
            strict($0, isFolder: false)
        },
        Target(name: "lock of the state", isFolder: false, path: { $0.deep.reconcilerLock }) {
            strict($0, isFolder: false)
        },
        Target(name: "run directory", isFolder: true, path: { $0.deep.run }) { strict($0, isFolder: true) },
        Target(name: "lock of the run directory", isFolder: false, path: { $0.deep.runLock }) {
            strict($0, isFolder: false)
        },
        Target(name: "control socket", isFolder: false, path: { $0.deep.controlSocket }) { attack in
            attack == .linkInTheMiddle ? .none : .harmless
        },
        Target(name: "directory of records", isFolder: true, path: { $0.deep.jobs }) { strict($0, isFolder: true) },
        Target(name: "record", isFolder: false, path: { $0.deep.jobs + "/1" }) { attack in
            attack == .linkInTheMiddle ? .none : .harmless
        },
        Target(name: "log directory", isFolder: true, path: { $0.deep.logs + "/core/web/run" }) { attack in
            switch attack {
            case .wrongOwner, .everybodyWrites: .refused
            case .linkAtTheEnd: isRoot ? .refused : .none
            case .linkInTheMiddle: isRoot ? .refused : .harmless
            // Nothing can be stored there, and a service does not stay down for that.
            case .fifo, .device: .harmless
            case .hardLink: .none
            }
        },
        Target(name: "log", isFolder: false, path: { $0.deep.logs + "/core/web/run/1.log" }) { attack in
            attack == .linkInTheMiddle ? .none : .harmless
        },
        Target(
            name: "PID file",
            isFolder: false,
            path: { $0.root + "/deep/web.pid" },
            verdict: { _ in .harmless },
            keys: { ["singleton: true", "pid_file: \($0.root)/deep/web.pid", "start_timeout: 1s"] }
        ),
        Target(
            name: "env_file",
            isFolder: false,
            path: { $0.root + "/deep/web.env" },
            verdict: environmentFile,
            keys: { ["env_file: [\($0.root)/deep/web.env]"] }
        ),
        Target(
            name: "from_file",
            isFolder: false,
            path: { $0.root + "/deep/web.token" },
            verdict: environmentFile,
            keys: { ["env: {TOKEN: {from_file: \($0.root)/deep/web.token}}"] }
        ),
    ]

    private static func environmentFile(_ attack: Attack) -> Verdict {
        switch attack {
        case .wrongOwner, .everybodyWrites, .fifo, .device: .refused
        case .linkAtTheEnd, .linkInTheMiddle: isRoot ? .refused : .harmless
        // Only we could give a file of ours another name here; it is read and nothing else.
        case .hardLink: .harmless
        }
    }
}

private let isRoot = geteuid() == 0
/// A user that owns nothing.
let nobody: uid_t = 65534

extension World {
    /// Paths of a state directory with a directory of the test's own above it.
    var deep: RuntimePaths { RuntimePaths.resolve(state: root + "/deep/state", environment: environment) }

    /// Puts a copy of the oracle where other users can execute it: the build may lie where nobody else gets.
    static func copyOracle(to folder: String) throws {
        // By another program: a child of ours that is just being spawned would hold the copy open for writing.
        try #require(shell("cp '\(oracle)' '\(folder)/oracle'") == 0)
        chmod(folder + "/oracle", 0o755)
    }

    /// What must never be touched: a file and a directory that links lead to.
    var canary: String { root + "/canary" }
    var canaryFolder: String { root + "/canary.d" }

    func plantCanaries() throws {
        try Data("CANARY=alive\n".utf8).write(to: URL(fileURLWithPath: canary))
        chmod(canary, 0o604)
        mkdir(canaryFolder, 0o755)
        try Data("alive\n".utf8).write(to: URL(fileURLWithPath: canaryFolder + "/inside"))
    }

    /// All that could have changed of the canaries.
    func canaries() -> [String] {
        [canary, canaryFolder, canaryFolder + "/inside"].map { path in
            var file = stat()
            lstat(path, &file)
            return "\(path) \(file.st_ino) \(file.st_mode) \(file.st_uid) \(file.st_gid) \(file.st_size) \(text(path))"
        } + ((try? FileManager.default.subpathsOfDirectory(atPath: canaryFolder)) ?? []).sorted()
    }

    /// Puts an attack in the place of a target, whose normal self is made first.
    func put(_ attack: Attack, on target: Target) throws {
        let path = target.path(self)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        func make() {
            if target.isFolder { mkdir(path, 0o700) } else { close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)) }
        }
        func replace() { try? FileManager.default.removeItem(atPath: path) }
        switch attack {
        case .wrongOwner:
            make()
            try #require(lchown(path, nobody, nobody) == 0)
        case .everybodyWrites:
            make()
            try #require(chmod(path, 0o777) == 0)
        case .linkAtTheEnd:
            replace()
            try #require(symlink(target.isFolder ? canaryFolder : canary, path) == 0)
            giveAway(path)
        case .linkInTheMiddle:
            // The directory around it is moved away, and a stranger's link stands in its place.
            try #require(rename(folder, folder + ".moved") == 0)
            try #require(symlink(folder + ".moved", folder) == 0)
            make()
            giveAway(folder)
        case .hardLink:
            replace()
            try #require(link(canary, path) == 0)
        case .fifo:
            replace()
            try #require(mkfifo(path, 0o600) == 0)
        case .device:
            replace()
            try #require(mknod(path, S_IFCHR | 0o600, 0x103) == 0)
        }
    }

    /// A link of somebody who is not us; a user can only make his own.
    private func giveAway(_ link: String) {
        if isRoot { lchown(link, nobody, nobody) }
    }

    /// Takes back whatever an attack and the pass over it have left.
    func sweep(_ target: Target, run: String) async throws {
        if FileManager.default.fileExists(atPath: deep.database) {
            _ = try await self.run(["down", "--all", "--quiet"], extra: ["HEROPROC_STATE": root + "/deep/state"])
        }
        let path = target.path(self)
        for path in [path, services, services + "/more.moved", root + "/deep", root + "/deep.moved", run]
        where path.hasPrefix(root + "/") || path.hasPrefix(run) {
            try? FileManager.default.removeItem(atPath: path)
        }
        mkdir(services, 0o700)
    }
}

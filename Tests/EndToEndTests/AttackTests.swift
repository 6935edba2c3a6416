import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Files and directories that are not what they seem (reliability.md FS-1 to FS-3).
@Suite("Attacks on files", .serialized)
struct AttackTests {
    @Test(
        "FS-1: what is not ours is refused by name or safely replaced, and what it leads to is never touched",
        arguments: Target.all
    )
    func matrix(_ target: Target) async throws {
        try await attack(target, with: Attack.allCases.filter { !$0.needsRoot })
    }

    @Test(
        "FS-1: the same of what only root can put there: files that were given away, and devices",
        .enabled(if: isRoot, "needs root"),
        arguments: Target.all
    )
    func matrixOfRoot(_ target: Target) async throws {
        try await attack(target, with: Attack.allCases.filter(\.needsRoot))
    }

    private func attack(_ target: Target, with attacks: [Attack]) async throws {
        try await World.with { world in
            try world.plantCanaries()
            for attack in attacks {
                let verdict = target.verdict(attack)
                if case .none = verdict { continue }
                try declare(world, target)
                let path = target.path(world)
                let run = world.deep.run
                try world.put(attack, on: target)
                let before = world.canaries()
                let began = ContinuousClock.now
                let answer = try await world.run(
                    "reconcile",
                    "--timeout",
                    "1s",
                    extra: ["HEROPROC_STATE": world.root + "/deep/state", "HEROPROC_DIR": world.services]
                )
                let cell = Comment(
                    rawValue: "\(target.name), \(attack.rawValue): \(answer.code) \(answer.out)\(answer.err)"
                )
                #expect(ContinuousClock.now - began < .seconds(30), cell)
                #expect(world.canaries() == before, cell)
                if case .refused = verdict {
                    #expect(answer.code != 0, cell)
                    let parts = path.split(separator: "/").map(String.init)
                    // The offending path: the target, or for a link the one in its place.
                    let offenders = (0..<2).map { "/" + parts.dropLast($0).joined(separator: "/") }
                    #expect(offenders.contains { (answer.out + answer.err).contains($0) }, cell)
                    #expect(world.lives("web").isEmpty, cell)
                }
                try await world.sweep(target, run: run)
                for name in try FileManager.default.contentsOfDirectory(atPath: world.traces) {
                    unlink(world.traces + "/" + name)
                }
            }
        }
    }

    /// One service that uses what is attacked; it lies in a folder of its own, below the directory.
    private func declare(_ world: World, _ target: Target) throws {
        let deed = World.Deed(name: "run", words: "sleep -1", keys: target.keys(world), isProcess: true)
        mkdir(world.services + "/more", 0o700)
        try world.write("more/web.yaml", world.manifest("web", [], [deed]))
    }

    @Test(
        "FS-1: what lies outside of the services directory is not read, wherever a link in it leads",
        arguments: [
            "web.yaml", "more",
        ]
    )
    func outside(_ name: String) async throws {
        try await World.with { world in
            let other = world.root + "/other"
            mkdir(other, 0o700)
            try Data(world.manifest("stranger", [], [.process()]).utf8).write(
                to: URL(fileURLWithPath: other + "/web.yaml")
            )
            try #require(symlink(name == "more" ? other : other + "/web.yaml", world.services + "/" + name) == 0)
            let answer = try await world.run("diff")
            #expect(answer.code == 0, "\(answer.out)")
            #expect(!answer.out.contains("stranger"))
        }
    }

    @Test("FS-1: a services directory that turns bad while it is watched stops nothing, and is named")
    func turnsBad() async throws {
        try await World.with { world in
            try world.declare("web")
            _ = try world.watch()
            let web = try await world.life("web")
            try await eventually("it stands") { try await world.run("status").code == 0 }
            chmod(world.services, 0o777)
            try world.declare("mallory")
            _ = try await world.event("error", world.services, "others may write to it")
            #expect(world.lives("mallory").isEmpty)
            #expect(try await world.life("web", number: 1) == web)
            chmod(world.services, 0o700)
            _ = try await world.life("mallory")
        }
    }

    @Test(
        "FS-1: standing in a stranger's directory is not trusting him; naming it is",
        .enabled(if: isRoot, "needs root")
    )
    func found() async throws {
        try await World.with { world in
            try world.declare("web")
            for name in ["web.yaml", ""] { lchown(world.services + "/" + name, nobody, nobody) }
            let unnamed = ["HEROPROC_DIR": ""]
            // The commands of a test stand in the root of its world.
            for arguments in [["apply"], ["reconcile"], ["reconcile", "--watch"]] {
                let answer = try await world.run(arguments, extra: unnamed)
                #expect(answer.code == 2)
                #expect(answer.err.contains("it belongs to the user 65534"), "\(answer.err)")
                #expect(answer.err.contains("--dir"), "\(answer.err)")
            }
            #expect(!FileManager.default.fileExists(atPath: world.state))
            // To look is no danger.
            let diff = try await world.run(["diff"], extra: unnamed)
            #expect(diff.code == 1 && diff.err.contains("`apply` will refuse this directory"), "\(diff.err)")
            #expect(try await world.run(["apply", "--dir", "services.d"], extra: unnamed).code == 0)
            #expect(try await world.run(["apply"], extra: unnamed.merging(["SUDO_UID": "65534"]) { $1 }).code == 0)
        }
    }

    /// A program in a folder of its own, and what is wrong with one of them.
    private struct Program: Sendable {
        let name: String
        /// Done to the folder.
        let change: @Sendable (String) -> Void
        var keys: [String] = []
        /// The part that root is warned of, below the folder; nil: none.
        var flaw: String?
        /// The part that is refused where `strict_exec` holds.
        var refused: String?
    }

    private static let programs = [
        Program(name: "loose", change: { chmod($0 + "/run", 0o777) }, flaw: "/run", refused: "/run"),
        Program(name: "given", change: { lchown($0 + "/run", nobody, nobody) }, flaw: "/run", refused: "/run"),
        Program(name: "open", change: { chmod($0, 0o777) }, flaw: "", refused: ""),
        Program(name: "strange", change: { lchown($0, nobody, nobody) }, flaw: "", refused: ""),
        Program(name: "sound", change: { _ in }),
        Program(name: "sticky", change: { chmod($0, 0o1777) }),
        // What belongs to the user it runs as is that one's own affair, unless it is to be strict.
        Program(name: "own", change: { lchown($0, nobody, nobody) }, keys: ["user: nobody"], refused: ""),
    ]

    /// Makes each of the programs and an action that executes it; what is executed leaves `ran` beside it.
    private func plant(_ world: World, _ keys: String...) throws {
        for one in Self.programs {
            let folder = "\(world.root)/\(one.name)"
            mkdir(folder, 0o755)
            try Data("#!/bin/sh\n: > ${0%/run}/ran\n".utf8).write(to: URL(fileURLWithPath: folder + "/run"))
            chmod(folder + "/run", 0o755)
            one.change(folder)
            let keys = (one.keys + keys + ["retry: {max_attempts: 1}"]).map { "    \($0)\n" }.joined()
            let text =
                "kind: Service\nname: \(one.name)\nactions:\n  - name: once\n    exec: [\(folder)/run]\n\(keys)"
            try world.write("\(one.name).yaml", text)
        }
    }

    @Test(
        "FS-4: a program that root executes and a stranger could change is a warning",
        .enabled(if: isRoot, "needs root")
    )
    func program() async throws {
        try await World.with { world in
            try plant(world)
            // The last one is not reached by nobody below a folder of ours, and that is not what this is about.
            _ = try await world.run("apply", "--timeout", "5s")
            for one in Self.programs {
                guard let part = one.flaw else { continue }
                _ = try await world.event("warning", "insecure_exec: \(world.root)/\(one.name)\(part): ")
            }
            let told = try await world.events().compactMap { $0["text"] as? String }.filter {
                $0.hasPrefix("insecure_exec")
            }
            #expect(told.count == Self.programs.count { $0.flaw != nil }, "\(told)")
        }
    }

    @Test(
        "FS-4: where strict_exec holds such a program is not started, and what is wrong with it is said",
        .enabled(if: isRoot, "needs root")
    )
    func strict() async throws {
        try await World.with { world in
            try plant(world, "strict_exec: true")
            #expect(try await world.run("apply", "--timeout", "5s").code == 1)
            let told = try await world.events().compactMap { $0["text"] as? String }
            for one in Self.programs {
                let folder = "\(world.root)/\(one.name)"
                #expect(FileManager.default.fileExists(atPath: folder + "/ran") == (one.refused == nil), "\(one.name)")
                let reason = "cannot execute: `strict_exec` refuses \(folder)\(one.refused ?? ""): "
                #expect(told.contains { $0.contains(reason) } == (one.refused != nil), "\(one.name): \(told)")
            }
            #expect(!told.contains { $0.contains("insecure_exec") }, "\(told)")
        }
    }

    @Test("FS-1: who is alone on a machine can say so")
    func waived() async throws {
        try await World.with { world in
            try world.declare("web")
            chmod(world.services, 0o777)
            let refused = try await world.run("apply")
            #expect(refused.code == 2 && refused.err.contains("HEROPROC_ALLOW_UNSAFE_DIR=1"), "\(refused.err)")
            #expect(!FileManager.default.fileExists(atPath: world.state))
            #expect(try await world.run("apply", extra: ["HEROPROC_ALLOW_UNSAFE_DIR": "1"]).code == 0)
        }
    }
}

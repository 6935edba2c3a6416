import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Files and directories that are not what they seem (reliability.md FS-1 to FS-3).
@Suite("Attacks on files", .serialized)
struct FileAttackTests {
    @Test(
        "FS-1: what is not ours is refused by name or safely replaced, and what it leads to is never touched",
        arguments: AttackTarget.all
    )
    func attackWithoutRoot(_ target: AttackTarget) async throws {
        try await attack(target, with: PathAttack.allCases.filter { !$0.needsRoot })
    }

    @Test(
        "FS-1: the same of what only root can put there: files that were given away, and devices",
        .enabled(if: isRoot, "needs root"),
        arguments: AttackTarget.all
    )
    func attackAsRoot(_ target: AttackTarget) async throws {
        try await attack(target, with: PathAttack.allCases.filter(\.needsRoot))
    }

    private func attack(_ target: AttackTarget, with attacks: [PathAttack]) async throws {
        try await TestHost.with { world in
            try world.createCanaries()
            for attack in attacks {
                let verdict = target.expectation(attack)
                if case .notApplicable = verdict { continue }
                try declare(world, target)
                let path = target.path(world)
                let run = world.nestedPaths.run
                try world.placeAttack(attack, on: target)
                let before = world.canarySnapshot()
                let began = ContinuousClock.now
                let answer = try await world.run(
                    "reconcile",
                    "--timeout",
                    "1s",
                    extra: ["HEROPROC_STATE": world.root + "/deep/state", "HEROPROC_DIR": world.servicesDirectory]
                )
                let cell = Comment(
                    rawValue:
                        "\(target.name), \(attack.rawValue): \(answer.exitCode) \(answer.output)\(answer.errorOutput)"
                )
                #expect(ContinuousClock.now - began < .seconds(30), cell)
                #expect(world.canarySnapshot() == before, cell)
                if case .refused = verdict {
                    #expect(answer.exitCode != 0, cell)
                    let parts = path.split(separator: "/").map(String.init)
                    // The offending path: the target, or for a link the one in its place.
                    let offenders = (0..<2).map { "/" + parts.dropLast($0).joined(separator: "/") }
                    #expect(offenders.contains { (answer.output + answer.errorOutput).contains($0) }, cell)
                    #expect(world.instances("web").isEmpty, cell)
                }
                try await world.removeAttack(target, run: run)
                for name in try FileManager.default.contentsOfDirectory(atPath: world.traceDirectory) {
                    unlink(world.traceDirectory + "/" + name)
                }
            }
        }
    }

    /// One service that uses what is attacked; it lies in a folder of its own, below the directory.
    private func declare(_ world: TestHost, _ target: AttackTarget) throws {
        let deed = TestHost.OracleAction(
            name: "run",
            commands: "sleep -1",
            fields: target.fields(world),
            isProcess: true
        )
        mkdir(world.servicesDirectory + "/more", 0o700)
        try world.writeManifest("more/web.yaml", world.manifest("web", [], [deed]))
    }

    @Test(
        "FS-1: what lies outside of the services directory is not read, wherever a link in it leads",
        arguments: [
            "web.yaml", "more",
        ]
    )
    func linksOutOfTheDirectoryAreIgnored(_ name: String) async throws {
        try await TestHost.with { world in
            let other = world.root + "/other"
            mkdir(other, 0o700)
            try Data(world.manifest("stranger", [], [.process()]).utf8).write(
                to: URL(fileURLWithPath: other + "/web.yaml")
            )
            try #require(
                symlink(name == "more" ? other : other + "/web.yaml", world.servicesDirectory + "/" + name) == 0
            )
            let answer = try await world.run("diff")
            #expect(answer.exitCode == 0, "\(answer.output)")
            #expect(!answer.output.contains("stranger"))
        }
    }

    @Test("FS-1: a services directory that turns bad while it is watched stops nothing, and is named")
    func directoryBecomesUnsafe() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            _ = try world.startReconciler()
            let web = try await world.runningInstance("web")
            try await eventually("it stands") { try await world.run("status").exitCode == 0 }
            chmod(world.servicesDirectory, 0o777)
            try world.declare("mallory")
            _ = try await world.waitForEvent("error", world.servicesDirectory, "others may write to it")
            #expect(world.instances("mallory").isEmpty)
            #expect(try await world.runningInstance("web", number: 1) == web)
            chmod(world.servicesDirectory, 0o700)
            _ = try await world.runningInstance("mallory")
        }
    }

    @Test(
        "FS-1: standing in a stranger's directory is not trusting him; naming it is",
        .enabled(if: isRoot, "needs root")
    )
    func foreignWorkingDirectory() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            for name in ["web.yaml", ""] { lchown(world.servicesDirectory + "/" + name, nobodyUID, nobodyUID) }
            let unnamed = ["HEROPROC_DIR": ""]
            // The commands of a test stand in the root of its world.
            for arguments in [["apply"], ["reconcile"], ["reconcile", "--watch"]] {
                let answer = try await world.run(arguments, extra: unnamed)
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.contains("it belongs to the user 65534"), "\(answer.errorOutput)")
                #expect(answer.errorOutput.contains("--dir"), "\(answer.errorOutput)")
            }
            #expect(!FileManager.default.fileExists(atPath: world.stateDirectory))
            // To look is no danger.
            let diff = try await world.run(["diff"], extra: unnamed)
            #expect(
                diff.exitCode == 1 && diff.errorOutput.contains("`apply` will refuse this directory"),
                "\(diff.errorOutput)"
            )
            #expect(try await world.run(["apply", "--dir", "services.d"], extra: unnamed).exitCode == 0)
            #expect(try await world.run(["apply"], extra: unnamed.merging(["SUDO_UID": "65534"]) { $1 }).exitCode == 0)
        }
    }

    /// A program in a folder of its own, and what is wrong with one of them.
    private struct ExecutableCase: Sendable {
        let name: String
        /// Done to the folder.
        let makeUnsafe: @Sendable (String) -> Void
        var fields: [String] = []
        /// The part that root is warned of, below the folder; nil: none.
        var warnedSuffix: String?
        /// The part that is refused where `strict_exec` holds.
        var refusedSuffix: String?
    }

    private static let executables = [
        ExecutableCase(
            name: "loose",
            makeUnsafe: { chmod($0 + "/run", 0o777) },
            warnedSuffix: "/run",
            refusedSuffix: "/run"
        ),
        ExecutableCase(
            name: "given",
            makeUnsafe: { lchown($0 + "/run", nobodyUID, nobodyUID) },
            warnedSuffix: "/run",
            refusedSuffix: "/run"
        ),
        ExecutableCase(name: "open", makeUnsafe: { chmod($0, 0o777) }, warnedSuffix: "", refusedSuffix: ""),
        ExecutableCase(
            name: "strange",
            makeUnsafe: { lchown($0, nobodyUID, nobodyUID) },
            warnedSuffix: "",
            refusedSuffix: ""
        ),
        ExecutableCase(name: "sound", makeUnsafe: { _ in }),
        ExecutableCase(name: "sticky", makeUnsafe: { chmod($0, 0o1777) }),
        // What belongs to the user it runs as is that one's own affair, unless it is to be strict.
        ExecutableCase(
            name: "own",
            makeUnsafe: { lchown($0, nobodyUID, nobodyUID) },
            fields: ["user: nobody"],
            refusedSuffix: ""
        ),
    ]

    /// Makes each of the programs and an action that executes it; what is executed leaves `ran` beside it.
    private func createExecutables(_ world: TestHost, _ keys: String...) throws {
        for one in Self.executables {
            let folder = "\(world.root)/\(one.name)"
            mkdir(folder, 0o755)
            try Data("#!/bin/sh\n: > ${0%/run}/ran\n".utf8).write(to: URL(fileURLWithPath: folder + "/run"))
            chmod(folder + "/run", 0o755)
            one.makeUnsafe(folder)
            let keys = (one.fields + keys + ["retry: {max_attempts: 1}"]).map { "    \($0)\n" }.joined()
            let text =
                "kind: Service\nname: \(one.name)\nactions:\n  - name: once\n    exec: [\(folder)/run]\n\(keys)"
            try world.writeManifest("\(one.name).yaml", text)
        }
    }

    @Test(
        "FS-4: a program that root executes and a stranger could change is a warning",
        .enabled(if: isRoot, "needs root")
    )
    func insecureProgramIsWarned() async throws {
        try await TestHost.with { world in
            try createExecutables(world)
            // The last one is not reached by nobody below a folder of ours, and that is not what this is about.
            _ = try await world.run("apply", "--timeout", "5s")
            for one in Self.executables {
                guard let part = one.warnedSuffix else { continue }
                _ = try await world.waitForEvent("warning", "insecure_exec: \(world.root)/\(one.name)\(part): ")
            }
            let told = try await world.events().compactMap { $0["text"] as? String }.filter {
                $0.hasPrefix("insecure_exec")
            }
            #expect(told.count == Self.executables.count { $0.warnedSuffix != nil }, "\(told)")
        }
    }

    @Test(
        "FS-4: where strict_exec holds such a program is not started, and what is wrong with it is said",
        .enabled(if: isRoot, "needs root")
    )
    func strictExecRefusesInsecureProgram() async throws {
        try await TestHost.with { world in
            try createExecutables(world, "strict_exec: true")
            #expect(try await world.run("apply", "--timeout", "5s").exitCode == 1)
            let told = try await world.events().compactMap { $0["text"] as? String }
            for one in Self.executables {
                let folder = "\(world.root)/\(one.name)"
                #expect(
                    FileManager.default.fileExists(atPath: folder + "/ran") == (one.refusedSuffix == nil),
                    "\(one.name)"
                )
                let reason = "cannot execute: `strict_exec` refuses \(folder)\(one.refusedSuffix ?? ""): "
                #expect(told.contains { $0.contains(reason) } == (one.refusedSuffix != nil), "\(one.name): \(told)")
            }
            #expect(!told.contains { $0.contains("insecure_exec") }, "\(told)")
        }
    }

    @Test("FS-1: who is alone on a machine can say so")
    func unsafeDirectoryCanBeAllowed() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            chmod(world.servicesDirectory, 0o777)
            let refused = try await world.run("apply")
            #expect(
                refused.exitCode == 2 && refused.errorOutput.contains("HEROPROC_ALLOW_UNSAFE_DIR=1"),
                "\(refused.errorOutput)"
            )
            #expect(!FileManager.default.fileExists(atPath: world.stateDirectory))
            #expect(try await world.run("apply", extra: ["HEROPROC_ALLOW_UNSAFE_DIR": "1"]).exitCode == 0)
        }
    }
}

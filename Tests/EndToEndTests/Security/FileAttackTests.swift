import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Unsafe files and directories (guarantees FS-1 to FS-3).
@Suite("Attacks on files", .serialized)
struct FileAttackTests {
    @Test(
        "An unsafe file is refused or replaced, and link targets stay untouched (FS-1)",
        arguments: AttackTarget.all
    )
    func attackWithoutRoot(_ target: AttackTarget) async throws {
        try await attack(target, with: PathAttack.allCases.filter { !$0.needsRoot })
    }

    @Test(
        "Files of other owners and devices are refused or replaced safely (FS-1)",
        .enabled(if: isRoot, "needs root"),
        arguments: AttackTarget.all
    )
    func attackAsRoot(_ target: AttackTarget) async throws {
        try await attack(target, with: PathAttack.allCases.filter(\.needsRoot))
    }

    private func attack(_ target: AttackTarget, with attacks: [PathAttack]) async throws {
        try await TestHost.with { host in
            try host.createCanaries()
            for attack in attacks {
                let verdict = target.expectation(attack)
                if case .notApplicable = verdict { continue }
                try declare(host, target)
                let path = target.path(host)
                let run = host.nestedPaths.run
                try host.placeAttack(attack, on: target)
                let before = host.canarySnapshot()
                let began = ContinuousClock.now
                let result = try await host.run(
                    "reconcile",
                    "--timeout",
                    "1s",
                    environment: ["HEROPROC_STATE": host.root + "/deep/state", "HEROPROC_DIR": host.servicesDirectory]
                )
                let cell = Comment(
                    rawValue:
                        "\(target.name), \(attack.rawValue): \(result.exitCode) \(result.output)\(result.errorOutput)"
                )
                #expect(ContinuousClock.now - began < .seconds(30), cell)
                #expect(host.canarySnapshot() == before, cell)
                if case .refused = verdict {
                    #expect(result.exitCode != 0, cell)
                    let parts = path.split(separator: "/").map(String.init)
                    // The message names the target or, for a link, the parent directory.
                    let offenders = (0..<2).map { "/" + parts.dropLast($0).joined(separator: "/") }
                    #expect(offenders.contains { (result.output + result.errorOutput).contains($0) }, cell)
                    #expect(host.instances("web").isEmpty, cell)
                }
                try await host.removeAttack(target, run: run)
                for name in try FileManager.default.contentsOfDirectory(atPath: host.traceDirectory) {
                    unlink(host.traceDirectory + "/" + name)
                }
            }
        }
    }

    /// Declares one service that uses the target.
    ///
    /// Its manifest is in a subdirectory.
    private func declare(_ host: TestHost, _ target: AttackTarget) throws {
        let action = TestHost.OracleAction(
            name: "run",
            commands: "sleep -1",
            fields: target.fields(host),
            isProcess: true
        )
        mkdir(host.servicesDirectory + "/more", 0o700)
        try host.writeManifest("more/web.yaml", host.manifest("web", [], [action]))
    }

    @Test(
        "Files outside the services directory are not read through links (FS-1)",
        arguments: [
            "web.yaml", "more",
        ]
    )
    func linksOutOfTheDirectoryAreIgnored(_ name: String) async throws {
        try await TestHost.with { host in
            let other = host.root + "/other"
            mkdir(other, 0o700)
            try Data(host.manifest("foreign", [], [.process()]).utf8).write(
                to: URL(fileURLWithPath: other + "/web.yaml")
            )
            try #require(
                symlink(name == "more" ? other : other + "/web.yaml", host.servicesDirectory + "/" + name) == 0
            )
            let result = try await host.run("diff")
            #expect(result.exitCode == 0, "\(result.output)")
            #expect(!result.output.contains("foreign"))
        }
    }

    @Test("A watched directory that becomes unsafe is reported and stops no service (FS-1)")
    func directoryBecomesUnsafe() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            _ = try host.startReconciler()
            let web = try await host.runningInstance("web")
            try await eventually("the service is ready") { try await host.run("status").exitCode == 0 }
            chmod(host.servicesDirectory, 0o777)
            try host.declare("swapper")
            _ = try await host.waitForEvent("error", host.servicesDirectory, "others may write to it")
            #expect(host.instances("swapper").isEmpty)
            #expect(try await host.runningInstance("web", number: 1) == web)
            chmod(host.servicesDirectory, 0o700)
            _ = try await host.runningInstance("swapper")
        }
    }

    @Test(
        "A foreign working directory is used only if it is named (FS-1)",
        .enabled(if: isRoot, "needs root")
    )
    func foreignWorkingDirectory() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            for name in ["web.yaml", ""] { lchown(host.servicesDirectory + "/" + name, nobodyUID, nobodyUID) }
            let unnamed = ["HEROPROC_DIR": ""]
            // The test commands run in the root directory of the test host.
            for arguments in [["apply"], ["reconcile"], ["reconcile", "--watch"]] {
                let result = try await host.run(arguments, environment: unnamed)
                #expect(result.exitCode == 2)
                #expect(result.errorOutput.contains("it belongs to the user 65534"), "\(result.errorOutput)")
                #expect(result.errorOutput.contains("--dir"), "\(result.errorOutput)")
            }
            #expect(!FileManager.default.fileExists(atPath: host.stateDirectory))
            // Reading commands accept the directory.
            let diff = try await host.run(["diff"], environment: unnamed)
            #expect(
                diff.exitCode == 1 && diff.errorOutput.contains("`apply` will refuse this directory"),
                "\(diff.errorOutput)"
            )
            #expect(try await host.run(["apply", "--dir", "services.d"], environment: unnamed).exitCode == 0)
            #expect(
                try await host.run(["apply"], environment: unnamed.merging(["SUDO_UID": "65534"]) { $1 }).exitCode == 0
            )
        }
    }

    /// A program in its own directory, and a possible flaw of either.
    private struct ExecutableCase: Sendable {
        let name: String
        /// Makes the directory or the program unsafe.
        let makeUnsafe: @Sendable (String) -> Void
        var fields: [String] = []
        /// The suffix of the path in the warning for root; nil without a warning.
        var warnedSuffix: String?
        /// The suffix of the path that `strict_exec` refuses; nil if it refuses nothing.
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
        // A program may belong to the user of its action, except with `strict_exec`.
        ExecutableCase(
            name: "own",
            makeUnsafe: { lchown($0, nobodyUID, nobodyUID) },
            fields: ["user: nobody"],
            refusedSuffix: ""
        ),
    ]

    /// Creates the programs and an action for each.
    ///
    /// An executed program creates the file `ran` in its directory.
    private func createExecutables(_ host: TestHost, _ fields: String...) throws {
        for executable in Self.executables {
            let directory = "\(host.root)/\(executable.name)"
            mkdir(directory, 0o755)
            try Data("#!/bin/sh\n: > ${0%/run}/ran\n".utf8).write(to: URL(fileURLWithPath: directory + "/run"))
            chmod(directory + "/run", 0o755)
            executable.makeUnsafe(directory)
            let fields = (executable.fields + fields + ["retry: {max_attempts: 1}"]).map { "    \($0)\n" }.joined()
            let text =
                "kind: Service\nname: \(executable.name)\nactions:\n  - name: once\n    exec: [\(directory)/run]\n\(fields)"
            try host.writeManifest("\(executable.name).yaml", text)
        }
    }

    @Test(
        "A program of root that other users can change causes a warning (FS-4)",
        .enabled(if: isRoot, "needs root")
    )
    func insecureProgramIsWarned() async throws {
        try await TestHost.with { host in
            try createExecutables(host)
            // The last program fails because its user cannot enter the directory of the test. This test does not check
            // that.
            _ = try await host.run("apply", "--timeout", "5s")
            for executable in Self.executables {
                guard let part = executable.warnedSuffix else { continue }
                _ = try await host.waitForEvent("warning", "insecure_exec: \(host.root)/\(executable.name)\(part): ")
            }
            let reported = try await host.events().compactMap { $0["text"] as? String }.filter {
                $0.hasPrefix("insecure_exec")
            }
            #expect(reported.count == Self.executables.count { $0.warnedSuffix != nil }, "\(reported)")
        }
    }

    @Test(
        "The key strict_exec refuses a program that other users can change (FS-4)",
        .enabled(if: isRoot, "needs root")
    )
    func strictExecRefusesInsecureProgram() async throws {
        try await TestHost.with { host in
            try createExecutables(host, "strict_exec: true")
            #expect(try await host.run("apply", "--timeout", "5s").exitCode == 1)
            let reported = try await host.events().compactMap { $0["text"] as? String }
            for executable in Self.executables {
                let directory = "\(host.root)/\(executable.name)"
                #expect(
                    FileManager.default.fileExists(atPath: directory + "/ran") == (executable.refusedSuffix == nil),
                    "\(executable.name)"
                )
                let reason = "cannot execute: `strict_exec` refuses \(directory)\(executable.refusedSuffix ?? ""): "
                #expect(
                    reported.contains { $0.contains(reason) } == (executable.refusedSuffix != nil),
                    "\(executable.name): \(reported)"
                )
            }
            #expect(!reported.contains { $0.contains("insecure_exec") }, "\(reported)")
        }
    }

    @Test("An environment variable allows an unsafe services directory (FS-1)")
    func unsafeDirectoryCanBeAllowed() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            chmod(host.servicesDirectory, 0o777)
            let refused = try await host.run("apply")
            #expect(
                refused.exitCode == 2 && refused.errorOutput.contains("HEROPROC_ALLOW_UNSAFE_DIR=1"),
                "\(refused.errorOutput)"
            )
            #expect(!FileManager.default.fileExists(atPath: host.stateDirectory))
            #expect(try await host.run("apply", environment: ["HEROPROC_ALLOW_UNSAFE_DIR": "1"]).exitCode == 0)
        }
    }
}

import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// What is secret is in the environment of its service, and in what that writes itself, and nowhere else (reliability.md SE-1, SE-2).
@Suite("Secrets", .serialized)
struct SecretTests {
    /// Twenty texts that stand nowhere else.
    private static let canaries = (0..<20).map { "canary\(String($0, radix: 36))x\(UUID().uuidString.prefix(13))" }

    /// Everything that any command said, on both streams.
    private actor OutputCollector {
        private(set) var output = ""
        func add(_ answer: TestHost.CommandResult) { output += answer.output + answer.errorOutput }
    }

    @Test("SE-1: twenty secrets through every feature; none is found where it does not belong")
    func secretsStayInTheEnvironment() async throws {
        try await TestHost.with { world in
            let ear = OutputCollector()
            // What the operator's shell happens to hold is a secret as well.
            let shell = ["AWS_SECRET_ACCESS_KEY": Self.canaries[0], "TOKEN_OF_NOBODY": Self.canaries[1]]
            func say(_ arguments: String...) async throws {
                await ear.add(try await world.run(arguments, extra: shell))
            }
            try declare(world)
            for arguments in [["validate"], ["diff"], ["doctor"]] {
                await ear.add(try await world.run(arguments, extra: shell))
                await ear.add(try await world.run(arguments + ["-o", "json"], extra: shell))
            }
            let plan = try await world.run(["diff", "-o", "json"], extra: shell)
            #expect(plan.exitCode == 1, "\(plan.errorOutput)")
            try Data(plan.output.utf8).write(to: URL(fileURLWithPath: world.root + "/plan.json"))
            try await say("apply", "--plan", world.root + "/plan.json", "--timeout", "3s")

            // It is there where it belongs: else the rest would prove nothing.
            let web = try await world.runningInstance("web")
            let own = world.readText("/proc/\(web.pid)/environ")
            for canary in Self.canaries[2...5] { #expect(own.contains(canary)) }
            try await eventually("the probe of `sick` has failed") {
                try await world.jobs(of: "sick").contains { ($0["error"] as? String)?.contains("exit code 3") ?? false }
            }
            try await eventually("`crash` has crashed") {
                world.readText(world.traceDirectory + "/crash.run.trace").contains("CRASH")
            }

            // A mistake in a manifest beside a secret, and one in a value.
            let good = world.readText(world.servicesDirectory + "/web.yaml")
            try world.writeManifest("web.yaml", good + "requird: true\n")
            for command in ["validate", "diff", "apply"] { try await say(command) }
            try world.writeManifest("web.yaml", good.replacing("sleep", with: "${TOKEN_OF_NOBODY}"))
            for command in ["validate", "diff", "apply"] { try await say(command) }
            try world.writeManifest("web.yaml", good)

            // Crash and return of the reconciler, a change, and all that there is to read.
            try await world.killReconciler()
            try Data("\(Self.canaries[19])\n".utf8).write(to: URL(fileURLWithPath: world.servicesDirectory + "/token"))
            try await say("diff", "-v")
            try await say("apply", "-o", "json", "--timeout", "3s")
            let commands = [
                ["status"], ["why", "web"], ["why", "bad"], ["why", "sick"], ["tree"], ["graph"], ["jobs"], ["events"],
                ["history"], ["diff"], ["doctor"], ["validate"],
            ]
            for command in commands {
                await ear.add(try await world.run(command, extra: shell))
                if command != ["graph"] { await ear.add(try await world.run(command + ["-o", "json"], extra: shell)) }
            }
            for job in try await world.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]] ?? [] {
                try await say("jobs", "show", "\(job["id"] ?? "")", "-o", "json")
            }
            for arguments in [["diff", "--against", "revision:1", "-o", "json"], ["diff", "-o", "markdown"]] {
                await ear.add(try await world.run(arguments, extra: shell))
            }

            expectAbsent(Self.canaries, in: Array(await ear.output.utf8), "what heroproc said")
            try searchFiles(world)
            try searchProcesses(world)
        }
    }

    /// Every way a secret can take, and every way it can go wrong.
    private func declare(_ world: TestHost) throws {
        func file(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(world.servicesDirectory)/\(name)"))
        }
        let canaries = Self.canaries
        try file("token", canaries[2] + "\n")
        try file("web.env", "PASSWORD=\(canaries[3])\n")
        try file("own.env", "export OWN='\(canaries[4])'\n")
        try file("shared", canaries[5])
        try world.declare(
            "web",
            "env_file: [web.env]",
            actions: .process(
                "sleep -1",
                "env: {TOKEN: {from_file: token}, SHARED: {from_file: shared}}",
                "env_file: [own.env]"
            )
        )
        // A line that cannot be read, a value that no variable can hold, and one that is too large.
        try file("bad.env", "GOOD=1\nOTHER='\(canaries[6])\n")
        try file("nul", canaries[7] + "\0")
        try file("large", String(repeating: canaries[8], count: 4096))
        let once = "retry: {max_attempts: 1}"
        try world.declare("bad", "env_file: [bad.env]", actions: .oneShot("exit 0", once))
        try world.declare("nul", actions: .oneShot("exit 0", "env: {A: {from_file: nul}}", once))
        try world.declare("large", actions: .oneShot("exit 0", "env: {A: {from_file: large}}", once))
        // A probe that says what it was told.
        try file("probed", canaries[9])
        try world.declare(
            "sick",
            actions: .process(
                "sleep -1",
                "env: {PROBED: {from_file: probed}}",
                "ready: {exec: [sh, -c, \"echo the token is $PROBED >&2; exit 3\"], interval: 100ms}",
                "start_timeout: 5s",
                "retry: {max_attempts: 1}"
            )
        )
        try file("crashed", canaries[10])
        try world.declare(
            "crash",
            actions: .process("crash 6", "env: {C: {from_file: crashed}}", "retry: {max_attempts: 2, delay: 50ms}")
        )
        // One that writes it into its own log, where it may be.
        try file("printed", canaries[11])
        try world.declare("printer", actions: .oneShot("print-env exit 0", "env: {P: {from_file: printed}}"))
        // A script, a program that is not there, a user that is not there.
        try file("script", canaries[12])
        try world.writeManifest(
            "script.yaml",
            "kind: Action\nname: script\nrun_on: apply\nscript: |\n  test -n \"$S\"\nenv: {S: {from_file: script}}\n"
        )
        try file("lost", canaries[13])
        for (name, key) in [("lost", "exec: [/no/such/program]"), ("nouser", "exec: [\"true\"]\n    user: nosuchuser")]
        {
            try world.writeManifest(
                "\(name).yaml",
                """
                kind: Service
                name: \(name)
                actions:
                  - name: run
                    \(key)
                    env: {S: {from_file: lost}}
                    \(once)

                """
            )
        }
        // Files whose rights are wrong are not read at all.
        for (index, mode) in [(14, mode_t(0o666)), (15, mode_t(0o622))] {
            try file("loose\(index)", canaries[index])
            chmod("\(world.servicesDirectory)/loose\(index)", mode)
            try world.declare(
                "loose\(index)",
                actions: .oneShot("exit 0", "env: {L: {from_file: loose\(index)}}", once)
            )
        }
        // A health probe that fails, and one that a signal ends.
        for (index, end) in [(16, "exit 1"), (17, "kill -9 $$")] {
            try file("health\(index)", canaries[index])
            try world.declare(
                "health\(index)",
                actions: .process(
                    "sleep -1",
                    "env: {H: {from_file: health\(index)}}",
                    "health: {exec: [sh, -c, \"echo $H >&2; \(end)\"], interval: 200ms, failures: 2}",
                    "retry: {max_attempts: 2, delay: 50ms}"
                )
            )
        }
        // Of two layers the stronger one counts.
        try file("weaker.env", "L=\(canaries[18])\n")
        try world.declare("layers", "env_file: [weaker.env]", actions: .process("sleep -1", "env: {L: plain}"))
    }

    private func expectAbsent(_ canaries: [String], in bytes: [UInt8], _ place: String) {
        let data = Data(bytes)
        for (index, canary) in canaries.enumerated() where data.range(of: Data(canary.utf8)) != nil {
            Issue.record("secret \(index) is in \(place)")
        }
    }

    private func searchFiles(_ world: TestHost) throws {
        for folder in [world.stateDirectory, world.paths.run] {
            for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
                let path = "\(folder)/\(name)"
                guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path)) else { continue }
                // What a service writes of its own secrets is its own affair.
                let isOwnLog = path.contains("/logs/core/printer/")
                expectAbsent(
                    isOwnLog ? Self.canaries.filter { $0 != Self.canaries[11] } : Self.canaries,
                    in: Array(bytes),
                    path
                )
            }
        }
    }

    /// Command lines of all processes; environments of reconciler, keeper and shims.
    private func searchProcesses(_ world: TestHost) throws {
        let keepers = [world.reconcilerPID, world.monitorPID].compactMap { $0 }
        #expect(keepers.count == 2)
        for pid in processIDs() {
            expectAbsent(
                Self.canaries,
                in: Array(world.readText("/proc/\(pid)/cmdline").utf8),
                "the command line of \(pid)"
            )
            guard keepers.contains(pid) || world.readText("/proc/\(pid)/comm") == "hpshim\n" else { continue }
            expectAbsent(
                Self.canaries,
                in: Array(world.readText("/proc/\(pid)/environ").utf8),
                "the environment of \(pid)"
            )
        }
    }

    @Test(
        "SE-2: a second after the start nothing of a secret is left in the memory of its shim",
        .enabled(if: isRoot, "needs root")
    )
    func shimMemoryIsCleared() async throws {
        try await TestHost.with { world in
            let canary = Self.canaries[0]
            try Data(canary.utf8).write(to: URL(fileURLWithPath: world.servicesDirectory + "/token"))
            try world.declare("web", actions: .process("sleep -1", "env: {TOKEN: {from_file: token}}"))
            try await world.apply()
            let web = try await world.runningInstance("web")
            #expect(readMemory(of: web.pid).range(of: Data(canary.utf8)) != nil, "the search finds what is there")
            let pid = try #require(parentShim(web.pid))
            try await eventually("it has forgotten") { readMemory(of: pid).range(of: Data(canary.utf8)) == nil }
            // Nothing is left open that could be read again.
            let open = openFiles(of: pid)
            #expect(!open.isEmpty && !open.contains { $0.contains("memfd") }, "\(open)")
        }
    }

    /// All that a process has mapped and that can be read.
    private func readMemory(of pid: pid_t) -> Data {
        var found = Data()
        let descriptor = open("/proc/\(pid)/mem", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return found }
        defer { close(descriptor) }
        let maps = String(decoding: fileContents("/proc/\(pid)/maps"), as: UTF8.self)
        for line in maps.split(separator: "\n")
        where line.split(separator: " ").dropFirst().first?.hasPrefix("r") ?? false {
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard range.count == 2, range[1] - range[0] < 64 << 20, !line.hasSuffix("[vvar]") else { continue }
            var bytes = [UInt8](repeating: 0, count: Int(range[1] - range[0]))
            let count = pread(descriptor, &bytes, bytes.count, off_t(Int64(bitPattern: range[0])))
            if count > 0 { found += bytes[..<count] }
        }
        return found
    }
}

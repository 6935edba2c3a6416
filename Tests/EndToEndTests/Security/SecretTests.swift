import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Secrets exist only in the environment of their service and in its own output (guarantees SE-1, SE-2).
@Suite("Secrets", .serialized)
struct SecretTests {
    /// Twenty unique texts.
    private static let canaries = (0..<20).map { "canary\(String($0, radix: 36))x\(UUID().uuidString.prefix(13))" }

    /// The output of all commands, from both streams.
    private actor OutputCollector {
        private(set) var output = ""
        func add(_ result: CommandResult) { output += result.output + result.errorOutput }
    }

    @Test("Twenty secrets are found nowhere except in their service environments (SE-1)")
    func secretsStayInTheEnvironment() async throws {
        try await TestHost.with { host in
            let collector = OutputCollector()
            // The variables of the operator's shell are secrets, too.
            let shell = ["AWS_SECRET_ACCESS_KEY": Self.canaries[0], "TOKEN_OF_NOBODY": Self.canaries[1]]
            func collect(_ arguments: String...) async throws {
                await collector.add(try await host.run(arguments, environment: shell))
            }
            try declare(host)
            for arguments in [["validate"], ["diff"], ["doctor"]] {
                await collector.add(try await host.run(arguments, environment: shell))
                await collector.add(try await host.run(arguments + ["-o", "json"], environment: shell))
            }
            let plan = try await host.run(["diff", "-o", "json"], environment: shell)
            #expect(plan.exitCode == 1, "\(plan.errorOutput)")
            try Data(plan.output.utf8).write(to: URL(fileURLWithPath: host.root + "/plan.json"))
            try await collect("apply", "--plan", host.root + "/plan.json", "--timeout", "3s")

            // The secrets are in the environments of their services. Otherwise the test would prove nothing.
            let web = try await host.runningInstance("web")
            let own = host.readText("/proc/\(web.pid)/environ")
            for canary in Self.canaries[2...5] { #expect(own.contains(canary)) }
            try await eventually("the probe of `sick` has failed") {
                try await host.jobs(of: "sick").contains { ($0["error"] as? String)?.contains("exit code 3") ?? false }
            }
            try await eventually("`crash` has crashed") {
                host.readText(host.traceDirectory + "/crash.run.trace").contains("CRASH")
            }

            // An error next to a secret in a manifest, and an error in a value.
            let good = host.readText(host.servicesDirectory + "/web.yaml")
            try host.writeManifest("web.yaml", good + "requird: true\n")
            for command in ["validate", "diff", "apply"] { try await collect(command) }
            try host.writeManifest("web.yaml", good.replacing("sleep", with: "${TOKEN_OF_NOBODY}"))
            for command in ["validate", "diff", "apply"] { try await collect(command) }
            try host.writeManifest("web.yaml", good)

            // A crash and a restart of the reconciler, a change, and all commands that read.
            try await host.killReconciler()
            try Data("\(Self.canaries[19])\n".utf8).write(to: URL(fileURLWithPath: host.servicesDirectory + "/token"))
            try await collect("diff", "-v")
            try await collect("apply", "-o", "json", "--timeout", "3s")
            let commands = [
                ["status"], ["why", "web"], ["why", "bad"], ["why", "sick"], ["tree"], ["graph"], ["jobs"], ["events"],
                ["history"], ["diff"], ["doctor"], ["validate"],
            ]
            for command in commands {
                await collector.add(try await host.run(command, environment: shell))
                if command != ["graph"] {
                    await collector.add(try await host.run(command + ["-o", "json"], environment: shell))
                }
            }
            for job in try await host.run("jobs", "-o", "json").json["jobs"] as? [[String: Any]] ?? [] {
                try await collect("jobs", "show", "\(job["id"] ?? "")", "-o", "json")
            }
            for arguments in [["diff", "--against", "revision:1", "-o", "json"], ["diff", "-o", "markdown"]] {
                await collector.add(try await host.run(arguments, environment: shell))
            }

            expectAbsent(Self.canaries, in: Array(await collector.output.utf8), "the output of heroproc")
            try searchFiles(host)
            try searchProcesses(host)
        }
    }

    /// Declares every use of a secret and every possible error with it.
    private func declare(_ host: TestHost) throws {
        func file(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(host.servicesDirectory)/\(name)"))
        }
        let canaries = Self.canaries
        try file("token", canaries[2] + "\n")
        try file("web.env", "PASSWORD=\(canaries[3])\n")
        try file("own.env", "export OWN='\(canaries[4])'\n")
        try file("shared", canaries[5])
        try host.declare(
            "web",
            "env_file: [web.env]",
            actions: .process(
                "sleep -1",
                "env: {TOKEN: {from_file: token}, SHARED: {from_file: shared}}",
                "env_file: [own.env]"
            )
        )
        // A line with a syntax error, a value with a NUL byte, and a value that is too large.
        try file("bad.env", "GOOD=1\nOTHER='\(canaries[6])\n")
        try file("nul", canaries[7] + "\0")
        try file("large", String(repeating: canaries[8], count: 4096))
        let once = "retry: {max_attempts: 1}"
        try host.declare("bad", "env_file: [bad.env]", actions: .oneShot("exit 0", once))
        try host.declare("nul", actions: .oneShot("exit 0", "env: {A: {from_file: nul}}", once))
        try host.declare("large", actions: .oneShot("exit 0", "env: {A: {from_file: large}}", once))
        // A probe that prints a secret.
        try file("probed", canaries[9])
        try host.declare(
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
        try host.declare(
            "crash",
            actions: .process("crash 6", "env: {C: {from_file: crashed}}", "retry: {max_attempts: 2, delay: 50ms}")
        )
        // A service may write a secret to its own log.
        try file("printed", canaries[11])
        try host.declare("printer", actions: .oneShot("print-env exit 0", "env: {P: {from_file: printed}}"))
        // A script, a missing program and an unknown user.
        try file("script", canaries[12])
        try host.writeManifest(
            "script.yaml",
            "kind: Action\nname: script\nrun_on: apply\nscript: |\n  test -n \"$S\"\nenv: {S: {from_file: script}}\n"
        )
        try file("lost", canaries[13])
        for (name, key) in [("lost", "exec: [/no/such/program]"), ("nouser", "exec: [\"true\"]\n    user: nosuchuser")]
        {
            try host.writeManifest(
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
        // Files with unsafe permissions are not read.
        for (index, mode) in [(14, mode_t(0o666)), (15, mode_t(0o622))] {
            try file("loose\(index)", canaries[index])
            chmod("\(host.servicesDirectory)/loose\(index)", mode)
            try host.declare(
                "loose\(index)",
                actions: .oneShot("exit 0", "env: {L: {from_file: loose\(index)}}", once)
            )
        }
        // A health probe that fails, and one that a signal ends.
        for (index, end) in [(16, "exit 1"), (17, "kill -9 $$")] {
            try file("health\(index)", canaries[index])
            try host.declare(
                "health\(index)",
                actions: .process(
                    "sleep -1",
                    "env: {H: {from_file: health\(index)}}",
                    "health: {exec: [sh, -c, \"echo $H >&2; \(end)\"], interval: 200ms, failures: 2}",
                    "retry: {max_attempts: 2, delay: 50ms}"
                )
            )
        }
        // The stronger of two layers sets the variable.
        try file("weaker.env", "L=\(canaries[18])\n")
        try host.declare("layers", "env_file: [weaker.env]", actions: .process("sleep -1", "env: {L: plain}"))
    }

    private func expectAbsent(_ canaries: [String], in bytes: [UInt8], _ place: String) {
        let data = Data(bytes)
        for (index, canary) in canaries.enumerated() where data.range(of: Data(canary.utf8)) != nil {
            Issue.record("secret \(index) is in \(place)")
        }
    }

    private func searchFiles(_ host: TestHost) throws {
        for directory in [host.stateDirectory, host.paths.run] {
            for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
                let path = "\(directory)/\(name)"
                guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path)) else { continue }
                // A service may write its own secrets to its log.
                let isOwnLog = path.contains("/logs/core/printer/")
                expectAbsent(
                    isOwnLog ? Self.canaries.filter { $0 != Self.canaries[11] } : Self.canaries,
                    in: Array(bytes),
                    path
                )
            }
        }
    }

    /// Checks the command lines of all processes, and the environments of reconciler, monitor and shims.
    private func searchProcesses(_ host: TestHost) throws {
        let monitors = [host.reconcilerPID, host.monitorPID].compactMap { $0 }
        #expect(monitors.count == 2)
        for pid in processIDs() {
            expectAbsent(
                Self.canaries,
                in: Array(host.readText("/proc/\(pid)/cmdline").utf8),
                "the command line of \(pid)"
            )
            guard monitors.contains(pid) || host.readText("/proc/\(pid)/comm") == "hpshim\n" else { continue }
            expectAbsent(
                Self.canaries,
                in: Array(host.readText("/proc/\(pid)/environ").utf8),
                "the environment of \(pid)"
            )
        }
    }

    @Test(
        "The shim clears a secret from its memory after the start (SE-2)",
        .enabled(if: isRoot, "needs root")
    )
    func shimMemoryIsCleared() async throws {
        try await TestHost.with { host in
            let canary = Self.canaries[0]
            try Data(canary.utf8).write(to: URL(fileURLWithPath: host.servicesDirectory + "/token"))
            try host.declare("web", actions: .process("sleep -1", "env: {TOKEN: {from_file: token}}"))
            try await host.apply()
            let web = try await host.runningInstance("web")
            #expect(
                readMemory(of: web.pid).range(of: Data(canary.utf8)) != nil,
                "the search finds the secret in the service"
            )
            let pid = try #require(parentShim(web.pid))
            try await eventually("the shim has cleared its memory") {
                readMemory(of: pid).range(of: Data(canary.utf8)) == nil
            }
            // No open descriptor contains the secret.
            let open = openFiles(of: pid)
            #expect(!open.isEmpty && !open.contains { $0.contains("memfd") }, "\(open)")
        }
    }

    /// All readable mapped memory of a process.
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

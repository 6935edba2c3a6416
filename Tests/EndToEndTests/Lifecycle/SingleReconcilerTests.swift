import Foundation
import Glibc
import HeroLinux
import Testing

/// At most one reconciler runs per state directory.
@Suite("A single reconciler", .serialized)
struct SingleReconcilerTests {
    @Test("An apply from another directory that would stop services needs --switch-dir", arguments: [true, false])
    func switchedDirectory(_ isReconcilerAlive: Bool) async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            if !isReconcilerAlive { try await host.killReconciler() }
            let other = host.root + "/other"
            mkdir(other, 0o700)
            let manifest = host.manifest("foreign", [], [.process()])
            try Data(manifest.utf8).write(to: URL(fileURLWithPath: other + "/s.yaml"))
            let diff = try await host.run("diff", "--dir", other)
            #expect(diff.exitCode == 1 && diff.errorOutput.contains("--switch-dir"), "\(diff.errorOutput)")
            let commands = isReconcilerAlive ? ["apply"] : ["apply", "reconcile"]
            for command in commands {
                let result = try await host.run(command, "--dir", other)
                #expect(result.exitCode == 2, "\(result.output)\(result.errorOutput)")
                for part in [host.servicesDirectory, other, "core/web", "--switch-dir"] {
                    #expect(result.errorOutput.contains(part), "\(result.errorOutput)")
                }
            }
            #expect(isAlive(web.pid) && host.instances("foreign").isEmpty)
            // Another spelling of the same directory is the same directory.
            symlink(host.servicesDirectory, host.root + "/link")
            try host.declare("web", "generation: 1")
            #expect(try await host.run("apply", "--dir", host.root + "/link").exitCode == 0)
            let result = try await host.run("apply", "--dir", other, "--switch-dir")
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            #expect(!isAlive(web.pid))
        }
    }

    @Test("A background reconciler sends the whole result of a down before it exits")
    func longReply() async throws {
        try await TestHost.with { host in
            // The result names every declared service, and is larger than the buffer of the socket.
            let documents = (0..<2000).map {
                "kind: Service\nname: s\($0)\nstatus: stop\nactions: [{name: a, exec: [a]}]"
            }
            try host.writeManifest("many.yaml", documents.joined(separator: "\n---\n") + "\n")
            try host.declare("web")
            try await host.apply()
            let result = try await host.run("down", "--all")
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
        }
    }

    @Test("A second reconciler exits with 2 and names the first (LK-1)")
    func secondReconcilerIsRefused() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let first = try host.startReconciler()
            let web = try await host.runningInstance("web")
            try host.declare("more", "status: stop")
            try await eventually("the first reconciler has applied the change") {
                try await host.run("diff").exitCode == 0
            }
            for arguments in [["reconcile", "--watch"], ["reconcile"]] {
                let began = ContinuousClock.now
                let running = try host.start(arguments)
                #expect(try await host.exitCode(of: running) == 2)
                #expect(ContinuousClock.now - began < .seconds(5))
                #expect(
                    host.readText(running.errorPath).contains("pid \(first.pid)"),
                    "\(host.readText(running.errorPath))"
                )
            }
            #expect(host.reconcilerPID == first.pid && isAlive(first.pid))
            #expect(try await host.runningInstance("web", number: 1) == web)
        }
    }

    @Test("One of five simultaneously started reconcilers remains (LK-1)")
    func simultaneousStarts() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            var running: [RunningCommand] = []
            for _ in 0..<5 { running.append(try host.startReconciler()) }
            let web = try await host.runningInstance("web", number: 1)
            try await eventually("one reconciler remains") { host.reconcilerPID != nil }
            let winner = try #require(host.reconcilerPID)
            for other in running where other.pid != winner {
                #expect(try await host.exitCode(of: other) == 2)
                #expect(host.readText(other.errorPath).contains("cannot reconcile"))
            }
            #expect(running.contains { $0.pid == winner } && isAlive(winner))
            #expect(try await host.runningInstance("web", number: 1) == web)
        }
    }

    @Test(
        "An apply with another run directory names the directory and the remedy",
        .enabled(if: geteuid() != 0, "the run directory of root depends on no variable")
    )
    func otherRunDirectory() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web")
            let result = try await host.run("apply", environment: ["XDG_RUNTIME_DIR": ""])
            #expect(result.exitCode == 2)
            #expect(
                result.errorOutput.contains("control.sock does not exist")
                    && result.errorOutput.contains("XDG_RUNTIME_DIR"),
                "\(result.errorOutput)"
            )
            #expect(try await host.runningInstance("web", number: 1) == web)
        }
    }

    @Test("An apply from another directory is refused during a sync")
    func otherDirectory() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            _ = try host.startReconciler()
            let web = try await host.runningInstance("web")
            let other = host.root + "/other"
            mkdir(other, 0o700)
            try Data(host.manifest("foreign", [], [.process()]).utf8).write(
                to: URL(fileURLWithPath: other + "/s.yaml")
            )
            let result = try await host.run("apply", "--dir", other)
            #expect(result.exitCode == 2)
            #expect(result.errorOutput.contains(host.servicesDirectory), "\(result.errorOutput)")
            #expect(host.instances("foreign").isEmpty)
            #expect(try await host.runningInstance("web", number: 1) == web)
            let history = try await host.run("history", "-o", "json").json["revisions"] as? [[String: Any]]
            #expect(history?.count == 1)
        }
    }

    @Test("Simultaneous applies start one reconciler and one instance of each service")
    func twoApplies() async throws {
        try await TestHost.with { host in
            for name in ["a", "b", "c"] { try host.declare(name) }
            let running = try (0..<4).map { _ in try host.start(["apply"]) }
            for apply in running {
                let code = try await host.exitCode(of: apply)
                #expect(code == 0, "\(host.readText(apply.outputPath)) \(host.readText(apply.errorPath))")
            }
            for name in ["a", "b", "c"] { #expect(host.instances(name).count == 1) }
            try await host.expectEmptyDiff()
        }
    }

    @Test("Two state directories with long paths stay independent")
    func longStatePath() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let first = try await host.runningInstance("web")
            // The same service in a second state directory, with traces in another directory.
            let other = host.root + "/" + String(repeating: "deep/", count: 40) + "state"
            let traces = host.root + "/other"
            mkdir(traces, 0o700)
            let text = host.readText("\(host.servicesDirectory)/web.yaml").replacing(
                host.traceDirectory,
                with: traces
            )
            let services = host.root + "/other.d"
            mkdir(services, 0o700)
            try Data(text.utf8).write(to: URL(fileURLWithPath: services + "/web.yaml"))
            let environment = ["HEROPROC_STATE": other, "HEROPROC_DIR": services]
            let result = try await host.run("apply", environment: environment)
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            #expect(try await host.run("status", environment: environment).exitCode == 0)
            #expect(host.readText(traces + "/web.run.trace").hasPrefix("START "))
            #expect(try await host.run("down", "--all", environment: environment).exitCode == 0)
            #expect(host.readText(traces + "/web.run.trace").contains("\nEXIT "))
            #expect(try await host.runningInstance("web", number: 1) == first)
            try? FileManager.default.removeItem(
                atPath: RuntimePaths.resolve(state: other, environment: host.environment).run
            )
        }
    }
}

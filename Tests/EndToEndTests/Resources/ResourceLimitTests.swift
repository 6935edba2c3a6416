import Foundation
import Glibc
import HeroLinux
import Testing

/// Supervision with few descriptors, no PIDs or little memory (guarantees RX).
@Suite("Resource limits", .serialized)
struct ResourceLimitTests {
    private static let prlimit = "/usr/bin/prlimit"
    private static let hasPrlimit = access(prlimit, X_OK) == 0

    /// Opens a connection to the control socket and sends nothing.
    private func connect(_ host: TestHost) -> Int32 {
        let descriptor = socket(
            AF_UNIX,
            Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0
        )
        _ = withUnixAddress(host.paths.controlSocket) { Glibc.connect(descriptor, $0, $1) }
        return descriptor
    }

    private func limitDescriptors(_ running: RunningCommand, to count: Int, _ host: TestHost) async throws {
        let prlimit = try host.start(["--pid", "\(running.pid)", "--nofile=\(count):"], program: Self.prlimit)
        try #require(try await host.exitCode(of: prlimit) == 0)
    }

    @Test(
        "With 64 descriptors the reconciler delays starts without counting attempts (RX-1)",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func fewDescriptors() async throws {
        try await TestHost.with { host in
            let names = (0..<60).map { "s\($0)" }
            let retry = "retry: {delay: 50ms, max_delay: 300ms}"
            let watch = try host.startReconciler()
            // The reconciler has already raised its own limit and does not raise it again.
            try await eventually("the reconciler listens") { access(host.paths.controlSocket, F_OK) == 0 }
            try await limitDescriptors(watch, to: 64, host)
            for name in names { try host.declare(name, actions: .process("sleep -1", retry)) }
            _ = try await host.waitForEvent("warning", "cannot start a shim: Too many open files")
            func started() -> [String] { names.filter { !host.instances($0).isEmpty } }
            let some = started().count
            #expect(some >= 10 && some < 50, "\(some) of 60")
            let open = descriptorCount(of: watch.pid)
            #expect(open <= 64 - 10, "the reconciler keeps a reserve: \(open) of 64")
            // A killed service is restarted as usual.
            let victim = try #require(started().first)
            let instance = try await host.runningInstance(victim, number: 1)
            #expect(kill(instance.pid, SIGKILL) == 0)
            #expect(try await host.runningInstance(victim, number: 2).restartCount == 1)

            try await limitDescriptors(watch, to: 1024, host)
            try await eventually("all services are ready", within: 60) { started().count == names.count }
            for name in names where name != victim {
                #expect(host.instances(name).map(\.restartCount) == [0])
                let job = try #require(try await host.jobs(of: name).first)
                #expect(job["restart_count"] as? Int == 0)
            }
            let most = descriptorCount(of: watch.pid)
            #expect(most <= 3 * names.count + 40, "at most 3 descriptors per job: \(most)")
        }
    }

    @Test(
        "A reconciler that could not accept a client does not start",
        .enabled(if: hasPrlimit, "prlimit is not installed"),
        arguments: [["apply"], ["reconcile"], ["reconcile", "--watch"]]
    )
    func tooFewDescriptors(_ arguments: [String]) async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let result = try await host.run(arguments, through: [Self.prlimit, "--nofile=20:20"])
            #expect(result.exitCode == 2, "\(result.output)\(result.errorOutput)")
            #expect(result.errorOutput.contains("the limit of open files is 20, and it needs 48"))
            #expect(host.instances("web").isEmpty && host.reconcilerPID == nil)
        }
    }

    @Test(
        "With the lowest limit of open files a reconciler still accepts a client",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func lowestLimit() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let result = try await host.run(["apply"], through: [Self.prlimit, "--nofile=48:48"])
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            _ = try await host.runningInstance("web", number: 1)
            try host.declare("web", "generation: 1")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
        }
    }

    @Test(
        "A reconciler with few descriptors leaves unadopted jobs running (RX-1)",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func successorWithFewDescriptors() async throws {
        try await TestHost.with { host in
            let names = (0..<(TestSettings.isLong ? 200 : 60)).map { "s\($0)" }
            let retry = "retry: {delay: 20ms, max_delay: 500ms, jitter: 0}"
            let probe = "health: {exec: [\"true\"], interval: 50ms, timeout: 30s, failures: 1}"
            for name in names { try host.declare(name, actions: .process("sleep -1", retry)) }
            try host.declare("probed", actions: .process("sleep -1", probe, retry))
            let first = try host.start(["reconcile", "--watch"], through: [Self.prlimit, "--nofile=64:4096"])
            // The reconciler raises its own limit to the hard limit. Its services get the original limits.
            let probed = try await host.runningInstance("probed")
            let line = host.readText("/proc/\(probed.pid)/limits").split(separator: "\n").first {
                $0.hasPrefix("Max open files")
            }
            #expect((line ?? "").split(separator: " ").dropFirst(3).prefix(2) == ["64", "4096"])
            try await eventually("all services are ready", within: 60) {
                let isUp = try await host.run("status").exitCode == 0
                return isUp && names.allSatisfy { !host.instances($0).isEmpty }
            }
            #expect(kill(first.pid, SIGKILL) == 0)
            _ = try await host.exitCode(of: first)

            let second = try host.start(["reconcile", "--watch"], through: [Self.prlimit, "--nofile=64:64"])
            try await eventually("the reconciler has adopted some jobs") {
                try await host.events().contains { ($0["text"] as? String)?.contains("adopted") ?? false }
            }
            let flood = (0..<100).map { _ in connect(host) }
            defer { for descriptor in flood { close(descriptor) } }
            // The reconciler watches some of these jobs and only has records of the others.
            for name in names.prefix(5) + names.suffix(5) {
                let instance = try await host.runningInstance(name, number: 1)
                #expect(kill(instance.pid, SIGKILL) == 0)
            }
            // The delay covers many probes and many checks of the unadopted jobs.
            try await Task.sleep(for: .seconds(3))
            #expect(isAlive(second.pid))
            for name in names.dropFirst(5).dropLast(5) { #expect(host.instances(name).count == 1, "\(name)") }
            #expect(
                try await host.runningInstance("probed", number: 1) == probed,
                "a failed probe start is no unhealthy result"
            )
            #expect(kill(second.pid, SIGKILL) == 0)
            _ = try await host.exitCode(of: second)

            try await host.apply()
            for name in names.prefix(5) + names.suffix(5) {
                let instance = try await host.runningInstance(name, number: 2)
                #expect(instance.restartCount == 1, "\(name)")
            }
            for name in names {
                let job = try #require(try await host.jobs(of: name).first)
                let isVictim = names.prefix(5).contains(name) || names.suffix(5).contains(name)
                #expect(job["restart_count"] as? Int == (isVictim ? 1 : 0), "\(name)")
            }
            let texts = try await host.events().compactMap { $0["text"] as? String }
            #expect(!texts.contains { $0.contains("lost") }, "no end is invented")
            #expect(texts.filter { $0.hasPrefix("signal KILL") }.count == 10, "each end is recorded exactly")
        }
    }

    @Test(
        "A flood of clients does not prevent restarts (RX-1)",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func clientFlood() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 20ms, jitter: 0, max_delay: 100ms}"))
            let watch = try host.start(["reconcile", "--watch"], through: [Self.prlimit, "--nofile=72:72"])
            _ = try await host.runningInstance("web")
            try await eventually("the service is ready") { try await host.state(of: "web") == "running" }
            var clients = (0..<150).map { _ in connect(host) }
            defer { for client in clients { close(client) } }
            for round in 2...6 {
                let instance = try await host.runningInstance("web", number: round - 1)
                #expect(kill(instance.pid, SIGKILL) == 0)
                _ = try await host.runningInstance("web", number: round)
            }
            let open = descriptorCount(of: watch.pid)
            #expect(open <= 72 - 30, "the reconciler keeps a reserve: \(open) of 72")
            // Closed connections free descriptors for new clients.
            for client in clients { close(client) }
            clients = []
            try await eventually("a client is served again") {
                try await host.run("apply", "--timeout", "5s").exitCode == 0
            }
        }
    }

    // MARK: PIDs

    private static let hasPIDController = ControlGroup.isControllerAvailable("pids")

    @Test(
        "Without free PIDs services stop in time and restart later (RX-2)",
        .enabled(if: hasPIDController, "needs root, and a pids controller of cgroup v1")
    )
    func noFreePIDs() async throws {
        try await TestHost.with { host in
            let group = try ControlGroup("pids", host)
            let names = (0..<20).map { "s\($0)" }
            let probe = "health: {exec: [\"true\"], interval: 30ms, timeout: 30s, failures: 1}"
            for (index, name) in names.enumerated() {
                let commands = index % 4 == 0 ? "ignore-term fork 2" : "fork 1"
                try host.declare(
                    name,
                    actions: .process(commands, "stop: {timeout: 500ms}", "retry: {delay: 50ms, max_delay: 200ms}")
                )
            }
            try host.declare("probed", actions: .process("sleep -1", probe))
            // A name lookup needs a thread, which also needs a PID.
            let named =
                "health: {http: \"http://\(ProcessInfo.processInfo.hostName):9/\", interval: 30ms, failures: 1000000}"
            try host.declare("named", actions: .process("sleep -1", named))
            let watch = try host.start(["reconcile", "--watch", "--down-on-exit"], through: group.entryCommand)
            try await eventually("all services are ready", within: 60) {
                try await host.run("status").exitCode == 0
                    && names.allSatisfy { !(host.instances($0).first?.children.isEmpty ?? true) }
            }
            let probed = try await host.runningInstance("probed")
            try group.write("1", "pids.max")

            // A service crashes now. Its tree ends, and it cannot restart before a PID is free.
            let crashed = try await host.runningInstance("s1")
            #expect(kill(crashed.pid, SIGKILL) == 0)
            _ = try await host.waitForEvent("warning", "cannot start yet", "Resource temporarily unavailable")
            #expect(host.instances("s1").count == 1)
            #expect(
                try await host.runningInstance("probed", number: 1) == probed,
                "a failed probe start is no unhealthy result"
            )
            try group.write("max", "pids.max")
            let healed = try await host.runningInstance("s1", number: 2)
            #expect(healed.restartCount == 1, "a program that was never executed is no restart")
            try await eventually("all services are ready") { try await host.run("status").exitCode == 0 }

            // A stop needs no new process, also as PID 1 of a full container.
            try group.write("1", "pids.max")
            let began = bootTime()
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: watch) == 0)
            let took = (bootTime() - began) / 1_000_000
            #expect(took < 30_000, "took \(took) ms")
            for name in names + ["probed", "named"] {
                for instance in host.instances(name) {
                    #expect(!isAlive(instance.pid) && !instance.children.contains(where: isAlive), "\(name)")
                }
            }
        }
    }

    // MARK: Memory

    private static let hasMemoryController = ControlGroup.isControllerAvailable("memory")

    @Test(
        "Forty services and their reconciler run within 64 MiB (RX-3)",
        .enabled(if: hasMemoryController, "needs root, and a memory controller of cgroup v1")
    )
    func littleMemory() async throws {
        try await TestHost.with { host in
            let group = try ControlGroup("memory", host)
            try group.write("\(64 << 20)", "memory.limit_in_bytes")
            let names = (0..<40).map { "s\($0)" }
            for name in names { try host.declare(name, actions: .process("sleep -1", "retry: {delay: 50ms}")) }
            let watch = try host.start(["reconcile", "--watch"], through: group.entryCommand)
            try await eventually("all services are ready", within: 60) { try await host.run("status").exitCode == 0 }
            for name in names.prefix(10) {
                let instance = try await host.runningInstance(name, number: 1)
                #expect(kill(instance.pid, SIGKILL) == 0)
                #expect(try await host.runningInstance(name, number: 2).restartCount == 1)
            }
            #expect(isAlive(watch.pid))
            let failures = group.read("memory.oom_control")
            #expect(failures.contains("oom_kill 0"), "\(failures)")
            let resident = try #require(statusValue("VmRSS", of: watch.pid))
            // A debug build is larger than the released one, which `make bench` measures.
            #expect(resident < 64 << 10, "\(resident) KiB")
        }
    }

    // MARK: Files

    @Test("Removed services leave no runtime file and no open descriptor (RX-6)")
    func nothingAccumulates() async throws {
        try await TestHost.with { host in
            let rounds = TestSettings.isLong ? 1000 : 8
            try host.declare("stays")
            try await host.apply()
            let reconciler = try #require(host.reconcilerPID)
            func files() -> [String] {
                ((try? FileManager.default.subpathsOfDirectory(atPath: host.paths.run)) ?? []).sorted()
            }
            let before = files()
            var open = 0
            for round in 1...rounds {
                for number in 0..<6 {
                    try host.declare(
                        "guest\(number)",
                        actions: number % 2 == 0
                            ? .process("sleep -1", "singleton: true") : .oneShot("exit 0")
                    )
                }
                try host.writeManifest(
                    "script.yaml",
                    "kind: Service\nname: script\nactions: [{name: run, is_process: true, script: \"exec sleep 600\"}]\n"
                )
                try await host.apply()
                for number in 0..<6 { host.removeManifest("guest\(number)") }
                host.removeManifest("script")
                try await host.apply()
                try await eventually("round \(round) leaves no file") { files() == before }
                if round == 2 { open = descriptorCount(of: reconciler) }
            }
            try await eventually("no descriptor stays open") { descriptorCount(of: reconciler) <= open }
            #expect(try FileManager.default.contentsOfDirectory(atPath: host.stateDirectory + "/pids").isEmpty)
            let own = files().filter { $0.hasPrefix("jobs/") }
            #expect(own.count <= 8, "\(own)")
        }
    }
}

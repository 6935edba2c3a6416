import Foundation
import Glibc
import HeroLinux
import Testing

/// Few descriptors, no pids, little memory: what is supervised goes on being supervised (reliability.md 4.13).
@Suite("Scarcity", .serialized)
struct ResourceLimitTests {
    private static let prlimit = "/usr/bin/prlimit"
    private static let hasPrlimit = access(prlimit, X_OK) == 0

    /// A connection to the control socket that says nothing.
    private func connect(_ world: TestHost) -> Int32 {
        let descriptor = socket(
            AF_UNIX,
            Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
            0
        )
        _ = withUnixAddress(world.paths.controlSocket) { Glibc.connect(descriptor, $0, $1) }
        return descriptor
    }

    private func limitDescriptors(_ running: TestHost.RunningCommand, to count: Int, _ world: TestHost) async throws {
        let prlimit = try world.start(["--pid", "\(running.pid)", "--nofile=\(count):"], program: Self.prlimit)
        try #require(try await world.exitCode(of: prlimit) == 0)
    }

    @Test(
        "RX-1: with 64 descriptors it starts what there is room for and waits with the rest, which counts for nothing",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func fewDescriptors() async throws {
        try await TestHost.with { world in
            let names = (0..<60).map { "s\($0)" }
            let retry = "retry: {delay: 50ms, max_delay: 300ms}"
            let watch = try world.startReconciler()
            // By then it has raised its own limit, and will not do so again.
            try await eventually("it listens") { access(world.paths.controlSocket, F_OK) == 0 }
            try await limitDescriptors(watch, to: 64, world)
            for name in names { try world.declare(name, actions: .process("sleep -1", retry)) }
            _ = try await world.waitForEvent("warning", "cannot start a shim: Too many open files")
            func started() -> [String] { names.filter { !world.instances($0).isEmpty } }
            let some = started().count
            #expect(some >= 10 && some < 50, "\(some) of 60")
            let open = descriptorCount(of: watch.pid)
            #expect(open <= 64 - 10, "it keeps some for itself: \(open) of 64")
            // What dies is healed, there as anywhere.
            let victim = try #require(started().first)
            let life = try await world.runningInstance(victim, number: 1)
            #expect(kill(life.pid, SIGKILL) == 0)
            #expect(try await world.runningInstance(victim, number: 2).restartCount == 1)

            try await limitDescriptors(watch, to: 1024, world)
            try await eventually("all are up", within: 60) { started().count == names.count }
            for name in names where name != victim {
                #expect(world.instances(name).map(\.restartCount) == [0])
                let job = try #require(try await world.jobs(of: name).first)
                #expect(job["restart_count"] as? Int == 0)
            }
            let most = descriptorCount(of: watch.pid)
            #expect(most <= 3 * names.count + 40, "at most 3 for each job: \(most)")
        }
    }

    @Test(
        "RX-1: one that may not open enough to take up what runs leaves it alone; no end is lost, and a service gets the limit that its reconciler began with",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func successorWithFewDescriptors() async throws {
        try await TestHost.with { world in
            let names = (0..<(TestSettings.isLong ? 200 : 60)).map { "s\($0)" }
            let retry = "retry: {delay: 20ms, max_delay: 500ms, jitter: 0}"
            let probe = "health: {exec: [\"true\"], interval: 50ms, timeout: 30s, failures: 1}"
            for name in names { try world.declare(name, actions: .process("sleep -1", retry)) }
            try world.declare("asked", actions: .process("sleep -1", probe, retry))
            let rich = try world.start(["reconcile", "--watch"], through: [Self.prlimit, "--nofile=64:4096"])
            // It raises its own limit to the hard one; what it starts gets what it was started with itself.
            let asked = try await world.runningInstance("asked")
            let line = world.readText("/proc/\(asked.pid)/limits").split(separator: "\n").first {
                $0.hasPrefix("Max open files")
            }
            #expect((line ?? "").split(separator: " ").dropFirst(3).prefix(2) == ["64", "4096"])
            try await eventually("all are up", within: 60) {
                let isUp = try await world.run("status").exitCode == 0
                return isUp && names.allSatisfy { !world.instances($0).isEmpty }
            }
            #expect(kill(rich.pid, SIGKILL) == 0)
            _ = try await world.exitCode(of: rich)

            let poor = try world.start(["reconcile", "--watch"], through: [Self.prlimit, "--nofile=64:64"])
            try await eventually("it has taken up what it could") {
                try await world.events().contains { ($0["text"] as? String)?.contains("adopted") ?? false }
            }
            let flood = (0..<100).map { _ in connect(world) }
            defer { for descriptor in flood { close(descriptor) } }
            // Some of them it follows, of others it only knows.
            for name in names.prefix(5) + names.suffix(5) {
                let life = try await world.runningInstance(name, number: 1)
                #expect(kill(life.pid, SIGKILL) == 0)
            }
            // Long enough for many probes, and for many looks at what it cannot follow: the wait is the fault itself.
            try await Task.sleep(for: .seconds(3))
            #expect(isAlive(poor.pid))
            for name in names.dropFirst(5).dropLast(5) { #expect(world.instances(name).count == 1, "\(name)") }
            #expect(try await world.runningInstance("asked", number: 1) == asked, "who could not be asked is not sick")
            #expect(kill(poor.pid, SIGKILL) == 0)
            _ = try await world.exitCode(of: poor)

            try await world.apply()
            for name in names.prefix(5) + names.suffix(5) {
                let life = try await world.runningInstance(name, number: 2)
                #expect(life.restartCount == 1, "\(name)")
            }
            for name in names {
                let job = try #require(try await world.jobs(of: name).first)
                let isVictim = names.prefix(5).contains(name) || names.suffix(5).contains(name)
                #expect(job["restart_count"] as? Int == (isVictim ? 1 : 0), "\(name)")
            }
            let texts = try await world.events().compactMap { $0["text"] as? String }
            #expect(!texts.contains { $0.contains("lost") }, "no end is invented")
            #expect(texts.filter { $0.hasPrefix("signal KILL") }.count == 10, "each end is told exactly")
        }
    }

    @Test(
        "RX-1: clients leave room for what is supervised: a flood of them keeps nothing from being healed",
        .enabled(if: hasPrlimit, "prlimit is not installed")
    )
    func clientFlood() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("sleep -1", "retry: {delay: 20ms, jitter: 0, max_delay: 100ms}"))
            let watch = try world.start(["reconcile", "--watch"], through: [Self.prlimit, "--nofile=72:72"])
            _ = try await world.runningInstance("web")
            try await eventually("it is up") { try await world.state(of: "web") == "running" }
            var clients = (0..<150).map { _ in connect(world) }
            defer { for client in clients { close(client) } }
            for round in 2...6 {
                let life = try await world.runningInstance("web", number: round - 1)
                #expect(kill(life.pid, SIGKILL) == 0)
                _ = try await world.runningInstance("web", number: round)
            }
            let open = descriptorCount(of: watch.pid)
            #expect(open <= 72 - 30, "it keeps some for itself: \(open) of 72")
            // Those that leave make room for others, soon.
            for client in clients { close(client) }
            clients = []
            try await eventually("somebody is let in again") {
                try await world.run("apply", "--timeout", "5s").exitCode == 0
            }
        }
    }

    // MARK: Pids

    private static let hasPIDController = ControlGroup.isControllerAvailable("pids")

    @Test(
        "RX-2: without a single free pid twenty services are stopped in time, none is taken for sick, and what dies comes back later",
        .enabled(if: hasPIDController, "needs root, and a pids controller of cgroup v1")
    )
    func noFreePIDs() async throws {
        try await TestHost.with { world in
            let group = try ControlGroup("pids", world)
            let names = (0..<20).map { "s\($0)" }
            let probe = "health: {exec: [\"true\"], interval: 30ms, timeout: 30s, failures: 1}"
            for (index, name) in names.enumerated() {
                let words = index % 4 == 0 ? "ignore-term fork 2" : "fork 1"
                try world.declare(
                    name,
                    actions: .process(words, "stop: {timeout: 500ms}", "retry: {delay: 50ms, max_delay: 200ms}")
                )
            }
            try world.declare("asked", actions: .process("sleep -1", probe))
            // A name that must be looked up takes a thread, which is a pid as well.
            let named =
                "health: {http: \"http://\(ProcessInfo.processInfo.hostName):9/\", interval: 30ms, failures: 1000000}"
            try world.declare("named", actions: .process("sleep -1", named))
            let watch = try world.start(["reconcile", "--watch", "--down-on-exit"], through: group.entryCommand)
            try await eventually("all are up", within: 60) {
                try await world.run("status").exitCode == 0
                    && names.allSatisfy { !(world.instances($0).first?.children.isEmpty ?? true) }
            }
            let asked = try await world.runningInstance("asked")
            try group.write("1", "pids.max")

            // A crash now: its tree ends, and it cannot come back before there is room.
            let crashed = try await world.runningInstance("s1")
            #expect(kill(crashed.pid, SIGKILL) == 0)
            _ = try await world.waitForEvent("warning", "cannot start yet", "Resource temporarily unavailable")
            #expect(world.instances("s1").count == 1)
            #expect(try await world.runningInstance("asked", number: 1) == asked, "who cannot be asked is not sick")
            try group.write("max", "pids.max")
            let healed = try await world.runningInstance("s1", number: 2)
            #expect(healed.restartCount == 1, "what was never executed is no restart")
            try await eventually("all are up") { try await world.run("status").exitCode == 0 }

            // Nothing of a stop needs a new process: as PID 1 of a full container would, it takes all down.
            try group.write("1", "pids.max")
            let began = bootTime()
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await world.exitCode(of: watch) == 0)
            let took = (bootTime() - began) / 1_000_000
            #expect(took < 30_000, "took \(took) ms")
            for name in names + ["asked", "named"] {
                for life in world.instances(name) {
                    #expect(!isAlive(life.pid) && !life.children.contains(where: isAlive), "\(name)")
                }
            }
        }
    }

    // MARK: Memory

    private static let hasMemoryController = ControlGroup.isControllerAvailable("memory")

    @Test(
        "RX-3: forty services and their reconciler live in 64 MiB, and heal there",
        .enabled(if: hasMemoryController, "needs root, and a memory controller of cgroup v1")
    )
    func littleMemory() async throws {
        try await TestHost.with { world in
            let group = try ControlGroup("memory", world)
            try group.write("\(64 << 20)", "memory.limit_in_bytes")
            let names = (0..<40).map { "s\($0)" }
            for name in names { try world.declare(name, actions: .process("sleep -1", "retry: {delay: 50ms}")) }
            let watch = try world.start(["reconcile", "--watch"], through: group.entryCommand)
            try await eventually("all are up", within: 60) { try await world.run("status").exitCode == 0 }
            for name in names.prefix(10) {
                let life = try await world.runningInstance(name, number: 1)
                #expect(kill(life.pid, SIGKILL) == 0)
                #expect(try await world.runningInstance(name, number: 2).restartCount == 1)
            }
            #expect(isAlive(watch.pid))
            let failures = group.read("memory.oom_control")
            #expect(failures.contains("oom_kill 0"), "\(failures)")
            let resident = try #require(statusValue("VmRSS", of: watch.pid))
            // A build for tests is larger than the one that is shipped: `make bench` has the figure of that.
            #expect(resident < 64 << 10, "\(resident) KiB")
        }
    }

    // MARK: Files

    @Test("RX-6: services that come and go leave no file in the run directory and no descriptor in the reconciler")
    func nothingAccumulates() async throws {
        try await TestHost.with { world in
            let rounds = TestSettings.isLong ? 1000 : 8
            try world.declare("stays")
            try await world.apply()
            let reconciler = try #require(world.reconcilerPID)
            func files() -> [String] {
                ((try? FileManager.default.subpathsOfDirectory(atPath: world.paths.run)) ?? []).sorted()
            }
            let before = files()
            var open = 0
            for round in 1...rounds {
                for number in 0..<6 {
                    try world.declare(
                        "guest\(number)",
                        actions: number % 2 == 0
                            ? .process("sleep -1", "singleton: true") : .oneShot("exit 0")
                    )
                }
                try world.writeManifest(
                    "script.yaml",
                    "kind: Service\nname: script\nactions: [{name: run, is_process: true, script: \"exec sleep 600\"}]\n"
                )
                try await world.apply()
                for number in 0..<6 { world.removeManifest("guest\(number)") }
                world.removeManifest("script")
                try await world.apply()
                try await eventually("round \(round) has left nothing") { files() == before }
                if round == 2 { open = descriptorCount(of: reconciler) }
            }
            try await eventually("no descriptor was kept") { descriptorCount(of: reconciler) <= open }
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.stateDirectory + "/pids").isEmpty)
            let own = files().filter { $0.hasPrefix("jobs/") }
            #expect(own.count <= 8, "\(own)")
        }
    }
}

import Foundation
import Glibc
import Testing

/// Probe commands at their worst, again and again (reliability.md RS-5).
@Suite("Probe commands", .serialized)
struct ProbeCommandTests {
    /// How often each of them is asked; a thousand times where `HP_TORTURE` is set.
    private static let cycleCount = TestSettings.isLong ? 1000 : 25

    /// What a command does besides writing its pid: nothing of it ends by itself.
    private static let behaviors: [(name: String, script: String)] = [
        ("sleeps for ever", "exec sleep 10000"),
        ("forks", "sleep 10000 & sleep 10000 & wait"),
        (
            "ignores TERM and leaves its session",
            "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 10000' & sleep 10000"
        ),
        ("ends well and leaves somebody behind", "setsid sleep 10000 & exit 0"),
        ("fails and leaves somebody behind", "(setsid sleep 10000 &) ; exit 1"),
    ]

    /// Processes with this text in their environment, which every command has.
    private func liveProcesses(_ world: TestHost, with mark: String) -> [pid_t] {
        processIDs().filter { isAlive($0) && world.readText("/proc/\($0)/environ").contains(mark) }
    }

    @Test(
        "RS-5: whatever probe commands do, one at a time is run for each job, nothing is left of them, and nothing leaks"
    )
    func noProbeProcessIsLeft() async throws {
        try await TestHost.with { world in
            for (index, manner) in Self.behaviors.enumerated() {
                // The number of the first process, then what it is bad at.
                let file = "\(world.root)/probe\(index)"
                let path = "\(file).sh"
                try Data("echo $$ >> \(file)\n\(manner.script)\n".utf8).write(to: URL(fileURLWithPath: path))
                let probe =
                    "health: {exec: [sh, \(path)], interval: 10ms, timeout: 150ms, failures: 1000000, start_period: 0s}"
                try world.declare("p\(index)", actions: .process("sleep -1", probe))
            }
            try await world.apply()
            let reconciler = try #require(world.reconcilerPID)
            func asked(_ index: Int) -> [pid_t] {
                world.readText("\(world.root)/probe\(index)").split(separator: "\n").compactMap { pid_t($0) }
            }
            let all = Array(Self.behaviors.indices)
            try await eventually("all were asked a few times", within: 60) { all.allSatisfy { asked($0).count > 5 } }
            let before = descriptorCount(of: reconciler)
            var (most, highest) = (0, 0)
            try await eventually("all were asked \(Self.cycleCount) times", within: Self.cycleCount * 3) {
                for index in all { most = max(most, asked(index).suffix(4).filter(isAlive).count) }
                highest = max(highest, descriptorCount(of: reconciler))
                return all.allSatisfy { asked($0).count >= Self.cycleCount }
            }
            // One that was just killed may be seen beside the next.
            #expect(most <= 2, "\(most) of one job at a time")
            #expect(highest <= before + 3 * Self.behaviors.count, "\(before) descriptors became \(highest)")
            for index in all { #expect(world.instances("p\(index)").count == 1, "\(Self.behaviors[index].name)") }
            for index in all { try world.declare("p\(index)", "status: stop", actions: .process("sleep -1")) }
            try await world.apply()
            try await eventually("nobody is left") {
                liveProcesses(world, with: "HEROPROC_PROBE=").allSatisfy { pid in
                    !world.readText("/proc/\(pid)/environ").contains(world.root + "/")
                }
            }
            #expect(world.reconcilerPID == reconciler)
            try await eventually("its descriptors are free") { descriptorCount(of: reconciler) <= before }
        }
    }

    @Test("RS-5: an answer that comes after its instance has died is nobody's")
    func staleResultsAreIgnored() async throws {
        try await TestHost.with { world in
            // A command waits for its word: then it says no, unless all is good by then.
            let probe = world.root + "/probe"
            let script = """
                echo $$ >> \(probe)
                while test ! -e \(probe).$$; do
                    test ! -e \(world.root)/good || exit 0
                    sleep 0.02
                done
                exit 1

                """
            try Data(script.utf8).write(to: URL(fileURLWithPath: probe + ".sh"))
            try world.declare(
                "web",
                actions: .process(
                    "sleep -1",
                    "health: {exec: [sh, \(probe).sh], interval: 20ms, timeout: 10m, failures: 1}",
                    "retry: {delay: 10ms, jitter: 0}"
                )
            )
            try await world.apply()
            func asked() -> [pid_t] { world.readText(probe).split(separator: "\n").compactMap { pid_t($0) } }
            for round in 1...5 {
                let life = try await world.runningInstance("web", number: round)
                try await eventually("it is asked") { asked().count == round }
                let command = try #require(asked().last)
                #expect(kill(life.pid, SIGKILL) == 0)
                let next = try await world.runningInstance("web", number: round + 1)
                #expect(next.restartCount == round)
                // Its word comes when nobody waits for it any more.
                try Data().write(to: URL(fileURLWithPath: "\(probe).\(command)"))
                try await eventually("the command is gone") { !isAlive(command) }
            }
            try Data().write(to: URL(fileURLWithPath: world.root + "/good"))
            try await eventually("it is healthy") { try await world.actionStatus("web")["healthy"] as? Bool == true }
            #expect(world.instances("web").count == 6)
        }
    }
}

import Foundation
import Glibc
import Testing

/// Probe commands that misbehave (guarantee RS-5).
@Suite("Probe commands", .serialized)
struct ProbeCommandTests {
    /// The number of probes of each command: a thousand in the long form.
    private static let cycleCount = TestSettings.isLong ? 1000 : 25

    /// The behavior of a command after it has written its PID.
    ///
    /// None of these processes ends by itself.
    private static let behaviors: [(name: String, script: String)] = [
        ("sleeps forever", "exec sleep 10000"),
        ("forks", "sleep 10000 & sleep 10000 & wait"),
        (
            "ignores TERM and leaves its session",
            "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 10000' & sleep 10000"
        ),
        ("exits with 0 and leaves a process behind", "setsid sleep 10000 & exit 0"),
        ("fails and leaves a process behind", "(setsid sleep 10000 &) ; exit 1"),
    ]

    /// Running processes with this text in their environment, which every probe command has.
    private func liveProcesses(_ host: TestHost, with mark: String) -> [pid_t] {
        processIDs().filter { isAlive($0) && host.readText("/proc/\($0)/environ").contains(mark) }
    }

    @Test(
        "Probe commands run one at a time per job and leave nothing (RS-5)"
    )
    func noProbeProcessIsLeft() async throws {
        try await TestHost.with { host in
            for (index, behavior) in Self.behaviors.enumerated() {
                // The script writes the PID of its first process and then misbehaves.
                let file = "\(host.root)/probe\(index)"
                let path = "\(file).sh"
                try Data("echo $$ >> \(file)\n\(behavior.script)\n".utf8).write(to: URL(fileURLWithPath: path))
                let probe =
                    "health: {exec: [sh, \(path)], interval: 10ms, timeout: 150ms, failures: 1000000, start_period: 0s}"
                try host.declare("p\(index)", actions: .process("sleep -1", probe))
            }
            try await host.apply()
            let reconciler = try #require(host.reconcilerPID)
            func probePIDs(_ index: Int) -> [pid_t] {
                host.readText("\(host.root)/probe\(index)").split(separator: "\n").compactMap { pid_t($0) }
            }
            let all = Array(Self.behaviors.indices)
            try await eventually("all probes ran a few times", within: 60) {
                all.allSatisfy { probePIDs($0).count > 5 }
            }
            let before = descriptorCount(of: reconciler)
            var (most, highest) = (0, 0)
            try await eventually("all probes ran \(Self.cycleCount) times", within: Self.cycleCount * 3) {
                for index in all { most = max(most, probePIDs(index).suffix(4).filter(isAlive).count) }
                highest = max(highest, descriptorCount(of: reconciler))
                return all.allSatisfy { probePIDs($0).count >= Self.cycleCount }
            }
            // A killed command may still be visible next to the next one.
            #expect(most <= 2, "\(most) probes of one job at once")
            #expect(highest <= before + 3 * Self.behaviors.count, "\(before) descriptors became \(highest)")
            for index in all { #expect(host.instances("p\(index)").count == 1, "\(Self.behaviors[index].name)") }
            for index in all { try host.declare("p\(index)", "status: stop", actions: .process("sleep -1")) }
            try await host.apply()
            try await eventually("no process is left") {
                liveProcesses(host, with: "HEROPROC_PROBE=").allSatisfy { pid in
                    !host.readText("/proc/\(pid)/environ").contains(host.root + "/")
                }
            }
            #expect(host.reconcilerPID == reconciler)
            try await eventually("the descriptors are closed") { descriptorCount(of: reconciler) <= before }
        }
    }

    @Test("A probe result of a dead instance is ignored (RS-5)")
    func staleResultsAreIgnored() async throws {
        try await TestHost.with { host in
            // The command waits for a file and then fails, unless another file exists first.
            let probe = host.root + "/probe"
            let script = """
                echo $$ >> \(probe)
                while test ! -e \(probe).$$; do
                    test ! -e \(host.root)/good || exit 0
                    sleep 0.02
                done
                exit 1

                """
            try Data(script.utf8).write(to: URL(fileURLWithPath: probe + ".sh"))
            try host.declare(
                "web",
                actions: .process(
                    "sleep -1",
                    "health: {exec: [sh, \(probe).sh], interval: 20ms, timeout: 10m, failures: 1}",
                    "retry: {delay: 10ms, jitter: 0}"
                )
            )
            try await host.apply()
            func probePIDs() -> [pid_t] { host.readText(probe).split(separator: "\n").compactMap { pid_t($0) } }
            for round in 1...5 {
                let instance = try await host.runningInstance("web", number: round)
                try await eventually("the probe runs") { probePIDs().count == round }
                let command = try #require(probePIDs().last)
                #expect(kill(instance.pid, SIGKILL) == 0)
                let next = try await host.runningInstance("web", number: round + 1)
                #expect(next.restartCount == round)
                // The file appears after the instance of this probe has died.
                try Data().write(to: URL(fileURLWithPath: "\(probe).\(command)"))
                try await eventually("the probe command is gone") { !isAlive(command) }
            }
            try Data().write(to: URL(fileURLWithPath: host.root + "/good"))
            try await eventually("the service is healthy") {
                try await host.actionStatus("web")["healthy"] as? Bool == true
            }
            #expect(host.instances("web").count == 6)
        }
    }
}

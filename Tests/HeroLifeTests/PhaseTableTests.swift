import Foundation
import HeroLife
import HeroModel
import Testing

/// `docs/reference/phases.md` is rendered from the machine itself, so that it cannot drift.
@Suite("The reference of phases")
struct PhaseTableTests {
    @Test("says what the machine does; RECORD_GOLDENS=1 writes it anew")
    func table() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/reference/phases.md").standardized
        let rendered = Self.page
        if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] != nil {
            try rendered.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("docs/reference/phases.md was written; read it, and run the tests again")
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(committed == rendered, "docs/reference/phases.md is not what the machine does")
    }

    private static let events: [(name: String, event: JobEvent)] = [
        ("ordered up", .orderedUp),
        ("ordered down", .orderedDown),
        ("saw nothing in the way", .saw(Obstacles())),
        ("saw a port taken", .saw(Obstacles(hindrances: ["tcp 80 is taken"]))),
        ("called off", .calledOff(generation: 1)),
        (
            "started",
            .started(
                generation: 1,
                process: Bench.identity(101),
                at: Moment(nanoseconds: 1_000_000_000),
                time: WallTime(microseconds: 0)
            )
        ),
        ("ended well", .ended(generation: 1, .exited(0), executed: true, time: nil)),
        ("ended badly", .ended(generation: 1, .exited(1), executed: true, time: nil)),
        (
            "lost its shim",
            .orphaned(
                generation: 1,
                process: Bench.identity(101),
                at: Moment(nanoseconds: 1_000_000_000),
                time: WallTime(microseconds: 0)
            )
        ),
        ("answered yes", .answeredYes(generation: 1, serial: 1)),
        ("answered no", .answeredNo(generation: 1, serial: 1, "refused")),
        ("deadline", .woke),
    ]

    private static let process = Bench.process { $0.tcpPorts = [TCPEndpoint(port: 80)] }

    /// Every phase with the steps that lead to it.
    private static let phases: [(name: String, action: ActionSpec, steps: @Sendable (inout Bench) -> Void)] = [
        ("pending", process, { _ in }),
        (
            "clearing", process,
            {
                $0.obstacles = nil
                $0.handle(.orderedUp)
            }
        ),
        (
            "clearing, blocked", process,
            {
                $0.obstacles = nil
                $0.handle(.orderedUp)
                $0.handle(.saw(Obstacles(hindrances: ["tcp 80 is taken"])))
            }
        ),
        ("launching", process, { $0.handle(.orderedUp) }),
        ("starting", process, { $0.bringUp() }),
        (
            "up", process,
            {
                $0.bringUp()
                $0.handle(.answeredYes(generation: 1, serial: 1))
            }
        ),
        ("working (one-shot)", Bench.oneShot { $0.timeout = .seconds(60) }, { $0.bringUp() }),
        (
            "stopping what was never launched", process,
            {
                $0.handle(.orderedUp)
                $0.handle(.orderedDown)
            }
        ),
        (
            "stopping", process,
            {
                $0.bringUp()
                $0.handle(.orderedDown)
            }
        ),
        (
            "backing off", process,
            {
                $0.bringUp()
                $0.end(.exited(1))
            }
        ),
        (
            "over", Bench.oneShot(),
            {
                $0.bringUp()
                $0.end(.exited(0))
            }
        ),
    ]

    private static var page: String {
        var text = """
            # Phases of a job

            What each event does in each phase, rendered from the machine (`HeroLife`) by its tests. A dash means: nothing
            happens. `note` is an event for people. `starting`, `up` and `stopping` are of a process that declares a port;
            a process that declares nothing is up once it executes.


            """
        for phase in phases {
            text += "## \(phase.name)\n\n| event | becomes | does |\n|---|---|---|\n"
            for (name, event) in events {
                var bench = Bench(phase.action)
                phase.steps(&bench)
                bench.obstacles = nil
                if event == .woke { bench.now = bench.life.deadline ?? bench.now }
                let before = bench.life
                let effects = bench.handle(event)
                let becomes = bench.life == before ? "-" : Self.name(bench.life.phase)
                text +=
                    "| \(name) | \(becomes) | \(effects.isEmpty ? "-" : effects.map(Self.name).joined(separator: ", ")) |\n"
            }
            text += "\n"
        }
        return text
    }

    private static func name(_ phase: JobLife.Phase) -> String {
        switch phase {
        case .pending: "pending"
        case .clearing: "clearing"
        case .launching: "launching"
        case .starting: "starting"
        case .up: "up"
        case .working: "working"
        case .stopping(let stopping): stopping.next == .rest ? "stopping" : "stopping, then the next try"
        case .backingOff: "backing off"
        case .over(.succeeded): "over: succeeded"
        case .over(.failed): "over: failed"
        case .over(.cancelled): "over: cancelled"
        }
    }

    private static func name(_ effect: JobEffect) -> String {
        switch effect {
        case .launch: "launch"
        case .removeSocket: "remove the socket"
        case .signal(_, let signal): "signal \(signal)"
        case .killTree: "kill the tree"
        case .ask: "ask"
        case .stopAsking: "stop asking"
        case .forget: "forget"
        case .note(_, let text): "note: \(text)"
        }
    }
}

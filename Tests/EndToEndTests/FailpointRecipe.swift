import Foundation
import Glibc
import Testing

/// How a failpoint is met: what runs, what is edited, and what happens then.
///
/// In every run a service `steady` is up before, which nobody touches; most recipes add a service `web`.
struct FailpointRecipe: Sendable {
    /// What a service shall be once the fault is over.
    enum Wanted: Sendable {
        case up, down
    }

    /// What a run knows that its recipe needs.
    struct Scene: Sendable {
        let world: World
        let port: Int
        var go: String { world.root + "/go" }
        var socket: String { world.root + "/web.sock" }
        var pidFile: String { world.root + "/web.pid" }
    }

    /// What is declared, and up, before anything else.
    var before: @Sendable (Scene) throws -> Void = { _ in }
    /// What is done to the machine when no reconciler lives.
    var alone: @Sendable (Scene) async throws -> Void = { _ in }
    /// A reconciler that meets its end by itself, before the one that is looked at: a list of failpoints.
    var prelude: String?
    /// What is edited before the reconciler with the failpoint begins.
    var edit: @Sendable (Scene) throws -> Void = { _ in }
    /// What happens once that reconciler is at work and `web` lives; nil: nothing has to.
    var kick: (@Sendable (Scene) async throws -> Void)?
    /// Whether the shim of `web` is killed on the way: with the kick, or else while no reconciler lives.
    var killsShim = false
    /// After the fault, before it must converge.
    var settle: @Sendable (Scene) throws -> Void = { _ in }
    /// The hit that counts, in one process.
    var at = 1
    /// What the point does; nil: it stops its process, and the victims of the variant are killed.
    var action: String?
    /// Whether the machine has never seen heroproc: not even `steady` is there.
    var isFirst = false
    /// Whether somebody listens on the port who is in the way.
    var hasHolder = false
    var arguments = ["reconcile", "--watch"]
    /// The services, and what each shall be.
    var wanted: [String: Wanted] = ["web": .up]
    /// Who requires whom.
    var edges: [(dependent: String, required: String)] = []
    /// Log files that may be gone: the oldest ones.
    var retiresLogs = false
    /// What tells it from the point's first recipe.
    var label = ""
    /// More variables of every reconciler of the run.
    var variables: [String: String] = [:]
}

extension FailpointRecipe {
    private static let quick = "retry: {delay: 100ms, jitter: 0}"
    /// Without a shim a pipe fills, and the oracle hears of nothing while it writes: it ends by SIGKILL.
    private static let soon = "stop: {timeout: 2s}"
    private static let keepAll = "log: {max_size: 1MiB, keep: 99}"

    static func web(_ scene: Scene, _ words: String = "lines 100", _ keys: String..., service: String...) throws {
        let usual = [quick, soon, keepAll].filter { usual in
            !keys.contains { $0.hasPrefix(usual.prefix { $0 != ":" }) }
        }
        let deed = World.Deed(name: "run", words: words, keys: usual + keys, isProcess: true)
        try scene.world.write("web.yaml", scene.world.manifest("web", service, [deed]))
    }

    static func steady(_ world: World) throws {
        try world.declare("steady", does: .process("lines 100", quick, soon, keepAll))
    }

    private static func touch(_ path: String) throws { try Data().write(to: URL(fileURLWithPath: path)) }

    /// A service begins.
    private static let start = FailpointRecipe(edit: { try web($0) })

    /// A service that runs is wanted down.
    private static let stop = FailpointRecipe(
        before: { try web($0) },
        edit: { try web($0, service: "status: stop") },
        wanted: ["web": .down]
    )

    /// The reconciler begins with what runs.
    private static let adoption = FailpointRecipe(before: { try web($0) })

    /// A program that was started here crashes once, and comes back.
    private static let crash = FailpointRecipe(
        edit: { try web($0, "lines 100 wait-for \($0.go) fails 1 7") },
        kick: { try touch($0.go) }
    )

    /// What leaves a child behind, started here, is wanted down.
    private static let leftover = FailpointRecipe(
        edit: { try web($0, "daemonize lines 100") },
        kick: { try web($0, "daemonize lines 100", service: "status: stop") },
        wanted: ["web": .down]
    )

    private static let stalePath = FailpointRecipe(
        alone: { try leaveStaleSocket(at: $0.socket) },
        edit: { try web($0, "listen-unix \($0.socket) lines 100", "sockets: [\($0.socket)]") }
    )

    private static let held = FailpointRecipe(
        edit: { try web($0, "listen \($0.port) lines 100", "tcp_ports: [\($0.port)]", "kill_others: true") },
        hasHolder: true
    )

    private static let single = FailpointRecipe(edit: { try web($0, "lines 100", "singleton: true") })

    private static let probed = FailpointRecipe(
        edit: { try web($0, "listen \($0.port) lines 100", "ready: {tcp: \($0.port), interval: 50ms}") }
    )

    private static let rotating = FailpointRecipe(
        edit: { try web($0, "lines 1000", "log: {max_size: 64KiB, keep: 2}") },
        retiresLogs: true
    )

    private static let first = FailpointRecipe(edit: { try web($0) }, isFirst: true)

    private static let kept = FailpointRecipe(
        before: { try web($0) },
        arguments: ["reconcile", "--watch", "--keep"]
    )

    /// A program that ran before crashes once, and is started again at the point.
    private static let restart = FailpointRecipe(
        before: { try web($0, "lines 100 wait-for \($0.go) fails 1 7") },
        kick: { try touch($0.go) },
        label: " again"
    )

    /// What is met at a restart as well as at the first start.
    static let atRestart = [
        "FP-ST-3", "FP-ST-4", "FP-ST-5", "FP-ST-6", "FP-ST-8", "FP-ST-9", "FP-ST-10", "FP-ST-11", "FP-ST-12",
        "FP-ST-14",
        "FP-ST-15", "FP-LG-1",
    ].map { (name: $0, recipe: restart) }

    /// Every failpoint's recipe.
    static let all: [String: FailpointRecipe] = [
        "FP-ST-1": start, "FP-ST-2": start, "FP-ST-3": start, "FP-ST-4": start, "FP-ST-5": start,
        "FP-ST-6": start, "FP-ST-8": start, "FP-ST-9": start, "FP-ST-10": start, "FP-ST-11": start,
        "FP-ST-12": start, "FP-ST-13": probed, "FP-ST-14": start, "FP-ST-15": start,
        "FP-ST-16": start.with { $0.prelude = "FP-ST-3=kill9" },

        "FP-RC-1": held, "FP-RC-2": held, "FP-RC-3": stalePath, "FP-RC-4": stalePath,
        "FP-PF-1": single, "FP-PF-2": single,
        "FP-PF-3": stop.with {
            $0.before = single.edit
            $0.edit = { try web($0, "lines 100", "singleton: true", service: "status: stop") }
        },

        "FP-SP-1": stop, "FP-SP-2": stop, "FP-SIG-1": stop, "FP-SP-6": stop, "FP-EX-6": stop,
        "FP-SP-3": FailpointRecipe(
            before: { try web($0, "ignore-term lines 100", "stop: {timeout: 200ms}") },
            edit: { try web($0, "ignore-term lines 100", "stop: {timeout: 200ms}", service: "status: stop") },
            wanted: ["web": .down]
        ),
        "FP-SP-4": leftover, "FP-SP-5": leftover,
        "FP-SP-7": cascade,

        "FP-EX-1": crash, "FP-EX-3": crash, "FP-EX-4": crash, "FP-EX-5": crash,
        "FP-RS-1": crash, "FP-RS-2": crash,
        "FP-EX-7": FailpointRecipe(
            edit: { try web($0, "daemonize lines 100") },
            kick: { _ in },
            killsShim: true
        ),
        "FP-HO-1": FailpointRecipe(
            edit: { try web($0, "fork-away \($0.pidFile) lines 100", "pid_file: \($0.pidFile)") }
        ),

        "FP-LG-1": rotating.with { $0.at = 2 }, "FP-LG-2": start, "FP-LG-3": rotating,

        "FP-DB-1": start, "FP-DB-2": start,
        "FP-MIG-1": first.with { $0.at = 5 }, "FP-MIG-2": first, "FP-MIG-3": first,
        "FP-MF-1": start, "FP-MF-2": start, "FP-MF-3": start,
        "FP-MF-4": vanishing,

        "FP-AD-1": adoption, "FP-AD-2": adoption, "FP-LK-1": adoption,
        "FP-AD-3": adoption.with {
            $0.killsShim = true
        },
        "FP-KP-1": kept.with {
            $0.at = 2
            $0.kick = { scene in
                let reconciler = try #require(scene.world.reconciler)
                #expect(kill(reconciler, SIGKILL) == 0)
            }
        },
        "FP-KP-2": kept,
        "FP-PR-1": probed,
    ]

    /// A chain of three is wanted down; the second stop of it is met.
    private static let cascade = FailpointRecipe(
        before: { try chain($0) },
        edit: { try chain($0, "status: stop") },
        at: 2,
        wanted: ["a": .down, "b": .down, "c": .down],
        edges: [("b", "a"), ("c", "b")]
    )

    private static func chain(_ scene: Scene, _ keys: String...) throws {
        for (name, required) in [("a", "[]"), ("b", "[a]"), ("c", "[b]")] {
            let deed = World.Deed.process("linger 50 lines 100", quick, soon, keepAll)
            try scene.world.write(
                "\(name).yaml",
                scene.world.manifest(name, ["requires: \(required)"] + keys, [deed])
            )
        }
    }

    /// Most services vanish from the files, and come back.
    private static let vanishing = FailpointRecipe(
        before: { try chain($0) },
        edit: { scene in for name in ["a", "b", "c"] { scene.world.remove(name) } },
        settle: { try chain($0) },
        wanted: ["a": .up, "b": .up, "c": .up],
        edges: [("b", "a"), ("c", "b")]
    )

    func with(_ change: (inout FailpointRecipe) -> Void) -> FailpointRecipe {
        var recipe = self
        change(&recipe)
        return recipe
    }

    /// A socket file that nobody holds.
    private static func leaveStaleSocket(at path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnixAddress(path) { bind(descriptor, $0, $1) }
        close(descriptor)
        try #require(result == 0)
    }
}

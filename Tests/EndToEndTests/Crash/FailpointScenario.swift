import Foundation
import Glibc
import Testing

/// How a failpoint is met: what runs, what is edited, and what happens then.
///
/// In every run a service `steady` is up before, which nobody touches; most recipes add a service `web`.
struct FailpointScenario: Sendable {
    /// What a service shall be once the fault is over.
    enum ExpectedState: Sendable {
        case running, stopped
    }

    /// What a run knows that its recipe needs.
    struct Context: Sendable {
        let host: TestHost
        let port: Int
        var goFile: String { host.root + "/go" }
        var socket: String { host.root + "/web.sock" }
        var pidFile: String { host.root + "/web.pid" }
    }

    /// What is declared, and up, before anything else.
    var setUp: @Sendable (Context) throws -> Void = { _ in }
    /// What is done to the machine when no reconciler lives.
    var whileNoReconcilerRuns: @Sendable (Context) async throws -> Void = { _ in }
    /// A reconciler that meets its end by itself, before the one that is looked at: a list of failpoints.
    var earlierFailpoints: String?
    /// What is edited before the reconciler with the failpoint begins.
    var change: @Sendable (Context) throws -> Void = { _ in }
    /// What happens once that reconciler is at work and `web` lives; nil: nothing has to.
    var trigger: (@Sendable (Context) async throws -> Void)?
    /// Whether the shim of `web` is killed on the way: with the kick, or else while no reconciler lives.
    var killsShim = false
    /// After the fault, before it must converge.
    var afterFault: @Sendable (Context) throws -> Void = { _ in }
    /// The hit that counts, in one process.
    var hitNumber = 1
    /// What the point does; nil: it stops its process, and the victims of the variant are killed.
    var failpointAction: String?
    /// Whether the machine has never seen heroproc: not even `steady` is there.
    var isFirstUse = false
    /// Whether somebody listens on the port who is in the way.
    var hasPortHolder = false
    var arguments = ["reconcile", "--watch"]
    /// The services, and what each shall be.
    var expectedStates: [String: ExpectedState] = ["web": .running]
    /// Who requires whom.
    var dependencies: [(dependent: String, required: String)] = []
    /// Log files that may be gone: the oldest ones.
    var removesOldLogs = false
    /// What tells it from the point's first recipe.
    var label = ""
    /// More variables of every reconciler of the run.
    var environment: [String: String] = [:]
}

extension FailpointScenario {
    private static let quickRetry = "retry: {delay: 100ms, jitter: 0}"
    /// Without a shim a pipe fills, and the oracle hears of nothing while it writes: it ends by SIGKILL.
    private static let shortStopTimeout = "stop: {timeout: 2s}"
    private static let keepAllLogs = "log: {max_size: 1MiB, keep: 99}"

    static func declareWeb(_ scene: Context, _ words: String = "lines 100", _ keys: String..., service: String...)
        throws
    {
        let usual = [quickRetry, shortStopTimeout, keepAllLogs].filter { usual in
            !keys.contains { $0.hasPrefix(usual.prefix { $0 != ":" }) }
        }
        let deed = TestHost.OracleAction(name: "run", commands: words, fields: usual + keys, isProcess: true)
        try scene.host.writeManifest("web.yaml", scene.host.manifest("web", service, [deed]))
    }

    static func declareSteady(_ world: TestHost) throws {
        try world.declare("steady", actions: .process("lines 100", quickRetry, shortStopTimeout, keepAllLogs))
    }

    private static func createFile(_ path: String) throws { try Data().write(to: URL(fileURLWithPath: path)) }

    /// A service begins.
    private static let start = FailpointScenario(change: { try declareWeb($0) })

    /// A service that runs is wanted down.
    private static let stop = FailpointScenario(
        setUp: { try declareWeb($0) },
        change: { try declareWeb($0, service: "status: stop") },
        expectedStates: ["web": .stopped]
    )

    /// The reconciler begins with what runs.
    private static let adoption = FailpointScenario(setUp: { try declareWeb($0) })

    /// A program that was started here crashes once, and comes back.
    private static let crash = FailpointScenario(
        change: { try declareWeb($0, "lines 100 wait-for \($0.goFile) fails 1 7") },
        trigger: { try createFile($0.goFile) }
    )

    /// What leaves a child behind, started here, is wanted down.
    private static let leftoverChild = FailpointScenario(
        change: { try declareWeb($0, "daemonize lines 100") },
        trigger: { try declareWeb($0, "daemonize lines 100", service: "status: stop") },
        expectedStates: ["web": .stopped]
    )

    private static let staleSocket = FailpointScenario(
        whileNoReconcilerRuns: { try createStaleSocket(at: $0.socket) },
        change: { try declareWeb($0, "listen-unix \($0.socket) lines 100", "sockets: [\($0.socket)]") }
    )

    private static let heldPort = FailpointScenario(
        change: { try declareWeb($0, "listen \($0.port) lines 100", "tcp_ports: [\($0.port)]", "kill_others: true") },
        hasPortHolder: true
    )

    private static let singleton = FailpointScenario(change: { try declareWeb($0, "lines 100", "singleton: true") })

    private static let readinessProbe = FailpointScenario(
        change: { try declareWeb($0, "listen \($0.port) lines 100", "ready: {tcp: \($0.port), interval: 50ms}") }
    )

    private static let logRotation = FailpointScenario(
        change: { try declareWeb($0, "lines 1000", "log: {max_size: 64KiB, keep: 2}") },
        removesOldLogs: true
    )

    private static let firstUse = FailpointScenario(change: { try declareWeb($0) }, isFirstUse: true)

    private static let monitored = FailpointScenario(
        setUp: { try declareWeb($0) },
        arguments: ["reconcile", "--watch", "--keep"]
    )

    /// A program that ran before crashes once, and is started again at the point.
    private static let restart = FailpointScenario(
        setUp: { try declareWeb($0, "lines 100 wait-for \($0.goFile) fails 1 7") },
        trigger: { try createFile($0.goFile) },
        label: " again"
    )

    /// What is met at a restart as well as at the first start.
    static let restartScenarios = [
        "FP-ST-3", "FP-ST-4", "FP-ST-5", "FP-ST-6", "FP-ST-8", "FP-ST-9", "FP-ST-10", "FP-ST-11", "FP-ST-12",
        "FP-ST-14",
        "FP-ST-15", "FP-LG-1",
    ].map { (name: $0, recipe: restart) }

    /// Every failpoint's recipe.
    static let all: [String: FailpointScenario] = [
        "FP-ST-1": start, "FP-ST-2": start, "FP-ST-3": start, "FP-ST-4": start, "FP-ST-5": start,
        "FP-ST-6": start, "FP-ST-8": start, "FP-ST-9": start, "FP-ST-10": start, "FP-ST-11": start,
        "FP-ST-12": start, "FP-ST-13": readinessProbe, "FP-ST-14": start, "FP-ST-15": start,
        "FP-ST-16": start.modified { $0.earlierFailpoints = "FP-ST-3=kill9" },

        "FP-RC-1": heldPort, "FP-RC-2": heldPort, "FP-RC-3": staleSocket, "FP-RC-4": staleSocket,
        "FP-PF-1": singleton, "FP-PF-2": singleton,
        "FP-PF-3": stop.modified {
            $0.setUp = singleton.change
            $0.change = { try declareWeb($0, "lines 100", "singleton: true", service: "status: stop") }
        },

        "FP-SP-1": stop, "FP-SP-2": stop, "FP-SIG-1": stop, "FP-SP-6": stop, "FP-EX-6": stop,
        "FP-SP-3": FailpointScenario(
            setUp: { try declareWeb($0, "ignore-term lines 100", "stop: {timeout: 200ms}") },
            change: { try declareWeb($0, "ignore-term lines 100", "stop: {timeout: 200ms}", service: "status: stop") },
            expectedStates: ["web": .stopped]
        ),
        "FP-SP-4": leftoverChild, "FP-SP-5": leftoverChild,
        "FP-SP-7": stopCascade,

        "FP-EX-1": crash, "FP-EX-3": crash, "FP-EX-4": crash, "FP-EX-5": crash,
        "FP-RS-1": crash, "FP-RS-2": crash,
        "FP-EX-7": FailpointScenario(
            change: { try declareWeb($0, "daemonize lines 100") },
            trigger: { _ in },
            killsShim: true
        ),
        "FP-HO-1": FailpointScenario(
            change: { try declareWeb($0, "fork-away \($0.pidFile) lines 100", "pid_file: \($0.pidFile)") }
        ),

        "FP-LG-1": logRotation.modified { $0.hitNumber = 2 }, "FP-LG-2": start, "FP-LG-3": logRotation,

        "FP-DB-1": start, "FP-DB-2": start,
        "FP-MIG-1": firstUse.modified { $0.hitNumber = 5 }, "FP-MIG-2": firstUse, "FP-MIG-3": firstUse,
        "FP-MF-1": start, "FP-MF-2": start, "FP-MF-3": start,
        "FP-MF-4": vanishingManifests,

        "FP-AD-1": adoption, "FP-AD-2": adoption, "FP-LK-1": adoption,
        "FP-AD-3": adoption.modified {
            $0.killsShim = true
        },
        "FP-KP-1": monitored.modified {
            $0.hitNumber = 2
            $0.trigger = { scene in
                let reconciler = try #require(scene.host.reconcilerPID)
                #expect(kill(reconciler, SIGKILL) == 0)
            }
        },
        "FP-KP-2": monitored,
        "FP-PR-1": readinessProbe,
    ]

    /// A chain of three is wanted down; the second stop of it is met.
    private static let stopCascade = FailpointScenario(
        setUp: { try declareChain($0) },
        change: { try declareChain($0, "status: stop") },
        hitNumber: 2,
        expectedStates: ["a": .stopped, "b": .stopped, "c": .stopped],
        dependencies: [("b", "a"), ("c", "b")]
    )

    private static func declareChain(_ scene: Context, _ keys: String...) throws {
        for (name, required) in [("a", "[]"), ("b", "[a]"), ("c", "[b]")] {
            let deed = TestHost.OracleAction.process("linger 50 lines 100", quickRetry, shortStopTimeout, keepAllLogs)
            try scene.host.writeManifest(
                "\(name).yaml",
                scene.host.manifest(name, ["requires: \(required)"] + keys, [deed])
            )
        }
    }

    /// Most services vanish from the files, and come back.
    private static let vanishingManifests = FailpointScenario(
        setUp: { try declareChain($0) },
        change: { scene in for name in ["a", "b", "c"] { scene.host.removeManifest(name) } },
        afterFault: { try declareChain($0) },
        expectedStates: ["a": .running, "b": .running, "c": .running],
        dependencies: [("b", "a"), ("c", "b")]
    )

    func modified(_ change: (inout FailpointScenario) -> Void) -> FailpointScenario {
        var recipe = self
        change(&recipe)
        return recipe
    }

    /// A socket file that nobody holds.
    private static func createStaleSocket(at path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnixAddress(path) { bind(descriptor, $0, $1) }
        close(descriptor)
        try #require(result == 0)
    }
}

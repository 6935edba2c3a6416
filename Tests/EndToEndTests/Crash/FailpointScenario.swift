import Foundation
import Glibc
import Testing

/// The steps that lead a process to a failpoint.
///
/// In every run a service `steady` runs from the beginning and never changes. Most scenarios add a service `web`.
struct FailpointScenario: Sendable {
    /// The expected state of a service after the recovery.
    enum ExpectedState: Sendable {
        case running, stopped
    }

    /// The values of a run that a scenario needs.
    struct Context: Sendable {
        let host: TestHost
        let port: Int
        var goFile: String { host.root + "/go" }
        var socket: String { host.root + "/web.sock" }
        var pidFile: String { host.root + "/web.pid" }
    }

    /// Declares services that run before the failpoint is armed.
    var setUp: @Sendable (Context) throws -> Void = { _ in }
    /// Prepares the machine while no reconciler runs.
    var whileNoReconcilerRuns: @Sendable (Context) async throws -> Void = { _ in }
    /// Failpoints of an additional reconciler that ends by itself before the tested one starts.
    var earlierFailpoints: String?
    /// Changes the manifests before the reconciler with the failpoint starts.
    var change: @Sendable (Context) throws -> Void = { _ in }
    /// Runs once this reconciler is ready and `web` runs; nil if nothing is needed.
    var trigger: (@Sendable (Context) async throws -> Void)?
    /// Whether the test kills the shim of `web`, after the trigger or while no reconciler runs.
    var killsShim = false
    /// Runs after the fault and before the check of convergence.
    var afterFault: @Sendable (Context) throws -> Void = { _ in }
    /// The number of the hit that counts, per process.
    var hitNumber = 1
    /// The action of the failpoint; nil to stop the process and kill the victims.
    var failpointAction: String?
    /// Whether heroproc runs for the first time, also without `steady`.
    var isFirstUse = false
    /// Whether a foreign process holds the port.
    var hasPortHolder = false
    var arguments = ["reconcile", "--watch"]
    /// The expected states of the services.
    var expectedStates: [String: ExpectedState] = ["web": .running]
    /// Pairs of a dependent and its requirement.
    var dependencies: [(dependent: String, required: String)] = []
    /// Whether the oldest log files may be deleted.
    var removesOldLogs = false
    /// A suffix that distinguishes the second scenario of a failpoint.
    var label = ""
    /// Environment variables for every reconciler of the run.
    var environment: [String: String] = [:]
}

extension FailpointScenario {
    private static let quickRetry = "retry: {delay: 100ms, jitter: 0}"
    /// Without a shim the pipe fills, and the oracle ignores signals while it writes.
    ///
    /// SIGKILL ends it.
    private static let shortStopTimeout = "stop: {timeout: 2s}"
    private static let keepAllLogs = "log: {max_size: 1MiB, keep: 99}"

    static func declareWeb(
        _ context: Context,
        _ commands: String = "lines 100",
        _ fields: String...,
        service: String...
    )
        throws
    {
        let defaults = [quickRetry, shortStopTimeout, keepAllLogs].filter { field in
            !fields.contains { $0.hasPrefix(field.prefix { $0 != ":" }) }
        }
        let action = TestHost.OracleAction(name: "run", commands: commands, fields: defaults + fields, isProcess: true)
        try context.host.writeManifest("web.yaml", context.host.manifest("web", service, [action]))
    }

    static func declareSteady(_ host: TestHost) throws {
        try host.declare("steady", actions: .process("lines 100", quickRetry, shortStopTimeout, keepAllLogs))
    }

    private static func createFile(_ path: String) throws { try Data().write(to: URL(fileURLWithPath: path)) }

    /// A service starts.
    private static let start = FailpointScenario(change: { try declareWeb($0) })

    /// A running service stops.
    private static let stop = FailpointScenario(
        setUp: { try declareWeb($0) },
        change: { try declareWeb($0, service: "status: stop") },
        expectedStates: ["web": .stopped]
    )

    /// The reconciler adopts a running service.
    private static let adoption = FailpointScenario(setUp: { try declareWeb($0) })

    /// A program started in this run crashes once and is restarted.
    private static let crash = FailpointScenario(
        change: { try declareWeb($0, "lines 100 wait-for \($0.goFile) fails 1 7") },
        trigger: { try createFile($0.goFile) }
    )

    /// A service that leaves a child behind stops.
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

    /// An adopted program crashes once and is restarted at the failpoint.
    private static let restart = FailpointScenario(
        setUp: { try declareWeb($0, "lines 100 wait-for \($0.goFile) fails 1 7") },
        trigger: { try createFile($0.goFile) },
        label: " again"
    )

    /// Failpoints that a restart reaches as well as a first start.
    static let restartScenarios = [
        "FP-ST-3", "FP-ST-4", "FP-ST-5", "FP-ST-6", "FP-ST-8", "FP-ST-9", "FP-ST-10", "FP-ST-11", "FP-ST-12",
        "FP-ST-14", "FP-ST-15", "FP-ST-17", "FP-ST-18", "FP-ST-19", "FP-LG-1",
    ].map { (name: $0, scenario: restart) }

    /// The scenario of every failpoint.
    static let all: [String: FailpointScenario] = [
        "FP-ST-1": start, "FP-ST-2": start, "FP-ST-3": start, "FP-ST-4": start, "FP-ST-5": start,
        "FP-ST-6": start, "FP-ST-8": start, "FP-ST-9": start, "FP-ST-10": start, "FP-ST-11": start,
        "FP-ST-12": start, "FP-ST-13": readinessProbe, "FP-ST-14": start, "FP-ST-15": start,
        "FP-ST-17": start, "FP-ST-18": start, "FP-ST-19": start,
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
            $0.trigger = { context in
                let reconciler = try #require(context.host.reconcilerPID)
                #expect(kill(reconciler, SIGKILL) == 0)
            }
        },
        "FP-KP-2": monitored,
        "FP-PR-1": readinessProbe,
    ]

    /// A chain of three services stops.
    ///
    /// The failpoint is reached at the second stop.
    private static let stopCascade = FailpointScenario(
        setUp: { try declareChain($0) },
        change: { try declareChain($0, "status: stop") },
        hitNumber: 2,
        expectedStates: ["a": .stopped, "b": .stopped, "c": .stopped],
        dependencies: [("b", "a"), ("c", "b")]
    )

    private static func declareChain(_ context: Context, _ fields: String...) throws {
        for (name, required) in [("a", "[]"), ("b", "[a]"), ("c", "[b]")] {
            let action = TestHost.OracleAction.process("linger 50 lines 100", quickRetry, shortStopTimeout, keepAllLogs)
            try context.host.writeManifest(
                "\(name).yaml",
                context.host.manifest(name, ["requires: \(required)"] + fields, [action])
            )
        }
    }

    /// Most services vanish from the files and return.
    private static let vanishingManifests = FailpointScenario(
        setUp: { try declareChain($0) },
        change: { context in for name in ["a", "b", "c"] { context.host.removeManifest(name) } },
        afterFault: { try declareChain($0) },
        expectedStates: ["a": .running, "b": .running, "c": .running],
        dependencies: [("b", "a"), ("c", "b")]
    )

    func modified(_ change: (inout FailpointScenario) -> Void) -> FailpointScenario {
        var scenario = self
        change(&scenario)
        return scenario
    }

    /// Creates a socket file without a listener.
    private static func createStaleSocket(at path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnixAddress(path) { bind(descriptor, $0, $1) }
        close(descriptor)
        try #require(result == 0)
    }
}

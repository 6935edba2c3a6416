import HeroJSON
import HeroModel
import HeroView
import Testing

@Suite("Views of dependencies")
struct DependencyViewTests {
    /// A diamond with an order-only edge, a conflict, and a service without dependents.
    private var map: DependencyMap {
        func node(
            _ name: String,
            requires: [String] = [],
            after: [String] = [],
            conflicts: [String] = [],
            status: DesiredStatus = .start,
            _ state: ServiceState?,
            wave: Int?
        ) -> DependencyMap.Node {
            var spec = ServiceSpec(QualifiedName(name), actions: [ActionSpec("main", .exec(["true"]))])
            spec.requires = requires.map { QualifiedName($0) }
            spec.after = after.map { QualifiedName($0) }
            spec.conflicts = conflicts.map { QualifiedName($0) }
            spec.status = status
            return DependencyMap.Node(spec, state: state, wave: wave) { $0.name != "nobody" }
        }
        return DependencyMap([
            node("db", .running, wave: 1),
            node("cache", requires: ["db"], .failed, wave: 2),
            node("api", requires: ["db"], after: ["cache", "nobody"], .blocked, wave: 3),
            node("web", requires: ["api", "cache"], conflicts: ["old"], .backingOff, wave: 4),
            node("old", status: .stop, nil, wave: nil),
        ])
    }

    @Test("Dependencies are shown as a tree, as Graphviz and as Mermaid")
    func treesAndGraphs() {
        expectGolden(TreeView().text(map), "tree.txt")
        expectGolden(TreeView(OutputStyle(isColored: true)).text(map, of: QualifiedName("api")), "tree-colour.txt")
        expectGolden(GraphView.dot(map), "graph.dot")
        expectGolden(GraphView.mermaid(map), "graph.mmd")
        expectGolden(map.json.text(.pretty) + "\n", "tree.json")
    }

    @Test("A tree expands each service once")
    func sharedDependencies() {
        // Each layer requires both services of the layer below; a full expansion would have 2 to the 20 lines.
        let nodes = (0..<20).flatMap { layer in
            ["a", "b"].map { side in
                var spec = ServiceSpec(QualifiedName("\(side)\(layer)"), actions: [ActionSpec("m", .exec(["true"]))])
                if layer > 0 { spec.requires = ["a", "b"].map { QualifiedName("\($0)\(layer - 1)") } }
                return DependencyMap.Node(spec, state: nil, wave: nil) { _ in true }
            }
        }
        #expect(TreeView().text(DependencyMap(nodes)).split(separator: "\n").count < 100)
    }

    @Test("A tree shows services that form a cycle")
    func cycle() {
        let nodes = [("a", "b"), ("b", "a")].map { name, other in
            var spec = ServiceSpec(QualifiedName(name), actions: [ActionSpec("m", .exec(["true"]))])
            spec.requires = [QualifiedName(other)]
            return DependencyMap.Node(spec, state: nil, wave: nil) { _ in true }
        }
        #expect(TreeView().text(DependencyMap(nodes)).contains("core/b"))
    }

    // MARK: Why

    private func report(_ status: ServiceStatus?, _ others: [ServiceStatus] = []) -> WhyReport {
        var action = ActionSpec("server", .exec(["server"]), isProcess: true)
        action.ready = Probe(.tcp(TCPEndpoint(port: 8080)))
        action.retry.maxAttempts = 6
        var spec = ServiceSpec(QualifiedName("web"), actions: [action])
        spec.requires = [QualifiedName("api"), QualifiedName("db")]
        return WhyReport(
            name: QualifiedName("web"),
            declared: Declared(spec, at: location("web.yaml", 2), fieldLocations: ["status": location("web.yaml", 4)]),
            status: status,
            others: Dictionary(others.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
            reconciler: .init(pid: 77, mode: "watch", directory: "/srv/services.d"),
            revision: RevisionRecord(
                number: 3,
                time: timeAgo(.seconds(60)),
                directory: "/srv/services.d",
                actor: "root",
                summary: "x"
            ),
            now: now
        )
    }

    private func status(_ name: String, _ state: ServiceState, blockedBy: [String] = [], _ action: ActionStatus? = nil)
        -> ServiceStatus
    {
        ServiceStatus(
            name: QualifiedName(name),
            wanted: .start,
            state: state,
            since: timeAgo(.seconds(192)),
            blockedBy: blockedBy.map { QualifiedName($0) },
            actions: action.map { [$0] } ?? []
        )
    }

    @Test("The why view shows notifications of a program and its readiness condition")
    func notifyTexts() {
        var action = ActionStatus(name: "server")
        action.phase = .running
        action.pid = 4021
        var words = NotifyState(asOf: Moment(nanoseconds: 0))
        (words.status, words.isReloading) = (hostile, true)
        action.notifyState = words
        var report = report(status("web", .starting, action))
        report.declared?.spec.actions[0].ready = Probe(.notify)
        report.declared?.spec.actions[0].health = Probe(.watchdog(.seconds(30)))
        let text = WhyView().text(report)
        #expect(text.contains("server is ready when it sends READY=1 to its NOTIFY_SOCKET, within 30s"))
        #expect(text.contains("server is reloading") && text.contains("server: \(hostile.printable)"))
        #expect(isHarmless(text))
        report.status?.actions[0].isHealthy = false
        #expect(WhyView().text(report).contains("it sends WATCHDOG=1 to its NOTIFY_SOCKET at least every 30s"))
    }

    @Test("OB-1: The why view follows a blocked service to the failed one and its next retry")
    func why() {
        var failing = ActionStatus(name: "server")
        failing.phase = .retrying
        failing.outcome = .exited(3)
        failing.attempt = 4
        failing.restartCount = 3
        failing.nextRetryAt = WallTime(microseconds: now.microseconds + 4_200_000)
        let blocked = report(
            status("web", .blocked, blockedBy: ["api"]),
            [
                status("api", .blocked, blockedBy: ["mail"]), status("mail", .backingOff, failing),
                status("db", .running),
            ]
        )
        expectGolden(WhyView().text(blocked), "why-blocked.txt")
        expectGolden(WhyView.json(blocked).text(.pretty) + "\n", "why-blocked.json")
        expectGolden(
            WhyView().text(report(status("web", .backingOff, failing), [status("api", .running)])),
            "why-failing.txt"
        )

        var starting = ActionStatus(name: "server")
        starting.phase = .running
        starting.pid = 412
        starting.error = "tcp 8080 is held by pid 9 /usr/sbin/nginx"
        expectGolden(WhyView().text(report(status("web", .starting, starting))), "why-starting.txt")
        expectGolden(WhyView().text(report(nil)), "why-never.txt")
    }

    @Test("The why view shows after 5 seconds that a one-shot has not ended", arguments: [4, 5])
    func unendedOneShot(seconds: Int) {
        var action = ActionStatus(name: "server")
        action.phase = .running
        action.startedAt = timeAgo(.seconds(seconds))
        var report = report(status("web", .starting, action))
        report.declared?.spec.actions[0].isProcess = false
        let text = WhyView().text(report)
        #expect(text.contains("`server` is a one-shot that has not ended") == (seconds == 5), "\(text)")
    }

    @Test(
        "OB-1: The why view explains every state, and cycles of blocked services end",
        arguments: ServiceState.allCases
    )
    func states(_ state: ServiceState) {
        let text = WhyView().text(
            report(status("web", state, blockedBy: ["api"]), [status("api", .blocked, blockedBy: ["web"])])
        )
        #expect(text.hasPrefix("core/web "))
        #expect(text.split(separator: "\n").count < 12)
    }

    @Test("The why view escapes control characters in errors")
    func hostileTexts() {
        var action = ActionStatus(name: hostile)
        action.phase = .failed
        action.error = hostile
        #expect(isHarmless(WhyView().text(report(status("web", .failed, action)))))
    }
}

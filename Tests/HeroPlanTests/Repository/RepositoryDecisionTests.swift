import HeroModel
import HeroPlan
import Testing

@Suite("Decisions about fetched commits")
struct RepositoryDecisionTests {
    /// A report about a commit, and what is done with it: running, paused, and running with `--allow-rewind`.
    struct Row: Sendable, CustomTestStringConvertible {
        var relation: RepositoryReport.Relation
        var running: RepositoryDecision
        var paused: RepositoryDecision
        var rewinding: RepositoryDecision
        var testDescription: String { "\(relation)" }
    }

    private static let older = RepositoryDecision.refuse(
        "it is older than the applied commit; `reconcile --watch --allow-rewind` accepts it"
    )
    private static let other = RepositoryDecision.refuse(
        "its history does not contain the applied commit; `reconcile --watch --allow-rewind` accepts it"
    )

    static let rows = [
        Row(relation: .first, running: .apply, paused: .wait, rewinding: .apply),
        Row(relation: .same, running: .keep, paused: .wait, rewinding: .keep),
        Row(relation: .ahead(3), running: .apply, paused: .wait, rewinding: .apply),
        Row(relation: .behind, running: older, paused: older, rewinding: .apply),
        Row(relation: .diverged, running: other, paused: other, rewinding: .apply),
    ]

    @Test("A commit is applied only as a fast-forward, and never while paused", arguments: rows)
    func decidesByRelation(_ row: Row) {
        var report = RepositoryReport(commit: String(repeating: "a", count: 40))
        report.checkout = "/checkout"
        report.relation = row.relation
        #expect(RepositoryDecision(report, isPaused: false, allowsRewind: false) == row.running)
        #expect(RepositoryDecision(report, isPaused: true, allowsRewind: false) == row.paused)
        #expect(RepositoryDecision(report, isPaused: false, allowsRewind: true) == row.rewinding)
    }

    @Test("A problem of the helper process changes nothing, whatever is allowed")
    func keepsOnProblem() {
        var report = RepositoryReport(commit: "abc", problem: .refused("not signed"))
        report.relation = .ahead(1)
        report.checkout = "/checkout"
        #expect(RepositoryDecision(report, isPaused: false, allowsRewind: true) == .refuse("not signed"))
        report.problem = .unreachable("no route")
        #expect(RepositoryDecision(report, isPaused: false, allowsRewind: true) == .reportError("no route"))
        report.problem = nil
        report.checkout = nil
        #expect(
            RepositoryDecision(report, isPaused: false, allowsRewind: true)
                == .reportError("the helper process has reported no commit")
        )
    }
}

@Suite("Paths in the files of a commit")
struct CheckoutRuleTests {
    @Test("A socket, a PID file and a missing file in a checkout are errors")
    func reportsPaths() {
        let root = "/state/git/checkouts/abc"
        let place = ManifestLocation(file: "web.yaml", line: 1, column: 1)
        var action = ActionSpec("run", .exec(["/bin/true"]))
        action.sockets = [root + "/web.sock", "/run/web.sock"]
        action.pidFile = root + "/web.pid"
        action.workingDirectory = root + "/there"
        action.environmentFiles = [.init(root + "/missing.env"), .init(root + "/maybe.env", isOptional: true)]
        action.environment = ["A": .fromFile(root + "/missing"), "B": .fromFile("/etc/secret")]
        var service = ServiceSpec(QualifiedName("web"), actions: [action])
        service.workingDirectory = root + "/gone"
        let desired = DesiredState(services: [service.name: Declared(service, at: place)])
        let errors = CheckoutRule(root: root).errors(in: desired) { $0 == root + "/there" }
        #expect(errors.filter { $0.code == "path-in-checkout" }.count == 2)
        #expect(errors.filter { $0.code == "not-in-commit" }.count == 3)
        #expect(CheckoutRule(root: "/other").errors(in: desired) { _ in false }.isEmpty)
    }
}

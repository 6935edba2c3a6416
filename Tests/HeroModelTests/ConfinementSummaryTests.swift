import HeroModel
import Testing

@Suite("Confinement of a set")
struct ConfinementSummaryTests {
    private func summary(
        _ change: (inout ActionSpec) -> Void,
        user: String? = nil,
        asRoot: Bool = true
    ) -> ConfinementSummary {
        var action = ActionSpec("main", .exec(["web"]), isProcess: true)
        change(&action)
        var service = ServiceSpec(QualifiedName("web"), actions: [action])
        service.user = user
        let declared = Declared(service, at: ManifestLocation(file: "web.yaml", line: 1, column: 1))
        return DesiredState(services: [service.name: declared]).confinement(asRoot: asRoot)
    }

    @Test("Root without capabilities and without a sandbox is unconfined")
    func unconfined() throws {
        let web = ["core/web.main"]
        #expect(summary { _ in }.unconfined == web)
        #expect(summary({ _ in }, user: "root", asRoot: false).unconfined == web)
        #expect(summary({ $0.user = "0" }, user: "www").unconfined == web)
        #expect(summary({ _ in }, user: "www").unconfined.isEmpty)
        #expect(summary({ _ in }, asRoot: false).unconfined.isEmpty)
        #expect(summary { $0.capabilities = [] }.unconfined.isEmpty)
        let sandboxed = summary { $0.sandbox = SandboxPolicy(hasPrivateTmp: true) }
        #expect(sandboxed.unconfined.isEmpty)
        #expect(sandboxed.sandboxed == web)
        #expect(sandboxed.actions == 1)
    }

    @Test(
        "A path is out of reach if it is hidden, private or read-only",
        arguments: [
            ("/home/a", .hidden), ("/homes/a", .readOnly), ("/home", .hidden), ("/tmp/a", .privateTmp),
            ("/var/tmp/a/b", .privateTmp), ("/run/web/a", nil), ("/run/webs", .readOnly), ("/dev/shm/a", nil),
        ] as [(String, SandboxPolicy.PathProblem?)]
    )
    func paths(path: String, problem: SandboxPolicy.PathProblem?) {
        let policy = SandboxPolicy(
            isReadOnly: true,
            writable: ["/run/web"],
            hasPrivateTmp: true,
            hidden: ["/home"]
        )
        #expect(policy.problem(withWriting: path) == problem)
        #expect(SandboxPolicy().problem(withWriting: path) == nil)
    }
}

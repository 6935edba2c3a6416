import HeroModel
import HeroPlan
import Testing

@Suite("Reloads in plans")
struct ReloadTests {
    private let web = QualifiedName("web")

    /// A service with two processes, of which some have `reload`, and a one-shot.
    private func service(reloading: Set<String>, files: [String] = ["/etc/web.conf"]) -> ServiceSpec {
        var actions = ["first", "second"].map { name in
            var action = ActionSpec(name, .exec([name]), isProcess: true)
            if reloading.contains(name) { action.reload = .signal(Signal(number: 1)) }
            return action
        }
        actions.append(ActionSpec("seed", .exec(["seed"])))
        var spec = ServiceSpec(web, actions: actions)
        spec.files = files
        return spec
    }

    private func content(_ action: String, _ before: String, _ now: String) -> ObservedContent {
        let reference = ContentReference("/etc/web.conf", .file)
        let start = RecordedContent(reference, before)
        return ObservedContent(action: action, atStart: start, now: RecordedContent(reference, now))
    }

    /// The change of the service; every plan is verified.
    private func change(
        _ spec: ServiceSpec,
        _ contents: [ObservedContent],
        failure: ReloadFailure? = nil,
        retriesFailed: Bool = true
    ) throws -> Change {
        let place = ManifestLocation(file: "web.yaml", line: 1, column: 7)
        let desired = DesiredState(services: [web: Declared(spec, at: place)])
        var record = ObservedService(spec, .running, isActive: true)
        record.contents = contents
        record.reloadFailure = failure
        let observed = Observed(revision: 1, services: [web: record])
        let options = PlanOptions(retriesFailed: retriesFailed)
        let (plan, violations) = PlanInvariants.planAndVerify(desired, observed, options)
        #expect(violations.filter { $0.invariant != .applyConverges || failure == nil } == [])
        return try #require(plan.changes.first)
    }

    @Test("A service is reloaded only if each of its processes has `reload`")
    func everyProcess() throws {
        let changed = [content("first", "1", "2"), content("second", "1", "2"), content("seed", "1", "2")]
        let both = try change(service(reloading: ["first", "second"]), changed)
        #expect(both.action == .reload && both.fields.map(\.path) == ["files./etc/web.conf"])
        #expect(try change(service(reloading: ["first"]), changed).action == .restart)
        #expect(try change(service(reloading: []), changed).action == .restart)
    }

    @Test("A file of one action depends on the `reload` of this action only")
    func oneAction() throws {
        var spec = service(reloading: ["first"], files: [])
        spec.actions[0].files = ["/etc/web.conf"]
        #expect(try change(spec, [content("first", "1", "2")]).action == .reload)
        spec.actions[2].files = ["/etc/web.conf"]
        #expect(try change(spec, [content("first", "1", "2"), content("seed", "1", "2")]).action == .restart)
    }

    @Test("An apply repeats a failed reload, a reconciler only with other content")
    func failed() throws {
        let spec = service(reloading: ["first", "second"])
        let contents = [content("first", "1", "2")]
        let target = try change(spec, contents).reloadTarget
        let failure = ReloadFailure("exit code 1", target: target)
        let repeated = try change(spec, contents, failure: failure)
        #expect(repeated.action == .reload && repeated.reason.text.hasSuffix("its last reload failed: exit code 1"))
        let kept = try change(spec, contents, failure: failure, retriesFailed: false)
        #expect(kept.action == .keep && kept.reason.text == "its reload failed: exit code 1")
        let other = [content("first", "1", "3")]
        #expect(try change(spec, other, failure: failure, retriesFailed: false).action == .reload)
    }
}

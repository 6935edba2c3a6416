import HeroModel
import Testing

@Suite("The history of actions with once")
struct OnceHistoryTests {
    private func service(_ change: (inout ServiceSpec) -> Void = { _ in }) -> ServiceSpec {
        var action = ActionSpec("main", .exec(["migrate", "--all"]))
        action.runsOnce = true
        var spec = ServiceSpec(QualifiedName("web"), actions: [action])
        change(&spec)
        return spec
    }

    private func digest(_ spec: ServiceSpec) -> String { OnceHistory.digest(of: spec.actions[0], in: spec) }

    @Test("The digest of a spec never changes, because it is stored")
    func stored() {
        #expect(digest(service()) == "781b812bbc22eff980324d93cd5313c9")
    }

    @Test("Only fields whose change costs a restart change the digest")
    func fields() {
        let base = digest(service())
        let same: [(inout ServiceSpec) -> Void] = [
            { $0.description = "text" }, { $0.actions[0].retry.maxAttempts = 7 }, { $0.actions[0].runsOnce = false },
            { $0.actions[0].timeout = .seconds(3) }, { $0.tags = ["a"] },
            { $0.requirements = [Requirement(QualifiedName("db"))] },
        ]
        for change in same { #expect(digest(service(change)) == base) }
        let different: [(inout ServiceSpec) -> Void] = [
            { $0.actions[0].program = .exec(["migrate"]) }, { $0.environment = ["A": .text("1")] },
            { $0.workingDirectory = "/srv" }, { $0.user = "web" }, { $0.generation = 1 },
            { $0.actions[0].generation = 1 }, { $0.actions[0].umask = 0o77 },
        ]
        for change in different { #expect(digest(service(change)) != base) }
    }

    @Test("A key has the same meaning in a service and in its action")
    func forms() {
        let short = service {
            $0.environment = ["A": .text("1")]
            $0.workingDirectory = "/srv"
            $0.user = "web"
            $0.generation = 2
        }
        let long = service {
            $0.actions[0].environment = ["A": .text("1")]
            $0.actions[0].workingDirectory = "/srv"
            $0.actions[0].user = "web"
            $0.actions[0].generation = 2
        }
        #expect(digest(short) == digest(long))
    }

    @Test("A success is never replaced, and a lost history makes specs without a record unknown")
    func states() {
        let spec = service()
        let subject = OnceRecord.Subject(service: spec.name, action: "main")
        let time = WallTime(microseconds: 5)
        var history = OnceHistory()
        #expect(history.state(of: spec.actions[0], in: spec) == .due)
        history.isLost = true
        #expect(history.state(of: spec.actions[0], in: spec) == .unknown)
        let unknown = history.unknownRecords(of: [spec], at: time)
        #expect(unknown.count == 1)
        for record in unknown { history.insert(record) }
        history.isLost = false
        #expect(history.state(of: spec.actions[0], in: spec) == .unknown)
        let raised = service { $0.generation = 1 }
        #expect(history.state(of: raised.actions[0], in: raised) == .due)
        let success = OnceRecord(subject, digest: digest(spec), .succeeded, time: time, job: 3)
        history.insert(success)
        #expect(history.state(of: spec.actions[0], in: spec) == .succeeded(success))
        history.insert(OnceRecord(subject, digest: digest(spec), .unknown, time: time))
        #expect(history.records == [success])
        #expect(history.unknownRecords(of: [spec], at: time).isEmpty)
        #expect(OnceHistory(history.records) == history)
    }
}

import Foundation
import HeroModel
import HeroReconciler
import HeroSim
import HeroStore
import Testing

@Suite("Earlier jobs of a service")
struct EarlierJobsTests {
    private func service(
        _ name: String,
        _ keys: String = "",
        kinds: [String] = ["steady"],
        version: Int = 0
    ) -> String {
        var text = "---\nkind: Service\nname: \(name)\nenv: {VERSION: \(version)}\n\(keys)actions:\n"
        for (index, kind) in kinds.enumerated() {
            text += "  - {name: a\(index), exec: [sim, \(kind)], stop: {timeout: 200ms}, start_timeout: 1s"
            text += kind == "job" || kind == "exit3" ? "}\n" : ", is_process: true, retry: {delay: 10ms}}\n"
        }
        return text
    }

    private let joins = "start: {replace_existing_jobs: false}\n"

    private func runs(_ machine: ReconcilerHarness, _ name: String) throws -> [RunID] {
        try machine.store.reader.runs(of: QualifiedName(name)).map(\.id).sorted()
    }

    @Test("go on a start, with their runs; those of other services stay")
    func replaced() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web") + service("db"))
        let other = try machine.jobs(of: "db")
        for version in 1...3 { try machine.apply(service("web", version: version) + service("db")) }
        let jobs = try machine.jobs(of: "web")
        #expect(jobs.count == 1 && jobs.first?.phase == .running)
        #expect(try runs(machine, "web") == jobs.compactMap(\.run))
        #expect(try machine.jobs(of: "db") == other)
    }

    @Test("go even if nobody declared their service for a while")
    func redeclared() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web"))
        try machine.apply("")
        #expect(try machine.jobs(of: "web").map(\.phase) == [.cancelled])
        try machine.apply(service("web"))
        #expect(try machine.jobs(of: "web").map(\.phase) == [.running])
        #expect(try runs(machine, "web").count == 1)
    }

    @Test("that are active are cancelled and waited for, and all begins anew in a new run")
    func cancelled() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web", kinds: ["steady", "exit3"]))
        #expect(try machine.state("web") == .degraded)
        let before = try machine.jobs(of: "web")
        let result = try machine.apply(service("web", kinds: ["steady", "exit3"]))
        #expect(result?.services.first?.cancelled == 1)
        let after = try machine.jobs(of: "web")
        #expect(Set(after.map(\.id)).isDisjoint(with: before.map(\.id)))
        #expect(machine.executions("core/web.a0") == 2)
        #expect(machine.machine.trace.violations.isEmpty)
    }

    @Test("with `replace_existing_jobs: false` what is active stays and joins the new run; the runs are kept")
    func joined() throws {
        let machine = try ReconcilerHarness()
        let text = service("web", joins, kinds: ["steady", "exit3"])
        try machine.apply(text)
        let before = try machine.jobs(of: "web")
        let result = try machine.apply(text)
        #expect(result?.services.first?.cancelled == 0)
        let after = try machine.jobs(of: "web")
        #expect(after.map(\.action).sorted() == ["a0", "a1"])
        let (old, new) = (try #require(before.first { $0.action == "a0" }), after.first { $0.action == "a0" })
        #expect(new?.id == old.id && new?.process == old.process && new?.phase == .running)
        #expect(after.first { $0.action == "a1" }?.id != before.first { $0.action == "a1" }?.id)
        #expect(Set(after.compactMap(\.run)).count == 1)
        #expect(new?.run != old.run)
        #expect(try runs(machine, "web").count == 2)
        #expect(machine.executions("core/web.a0") == 1)
    }

    @Test("with `replace_existing_jobs: false` what requires a service runs on while it is made whole")
    func joinedBelow() throws {
        let machine = try ReconcilerHarness()
        let text = service("web", joins, kinds: ["steady", "steady"])
            .replacingLast(of: "retry: {delay: 10ms}", with: "restart: never")
        try machine.apply(text + service("leaf", "requires: [web]\n"))
        let before = try machine.jobs(of: "web")
        machine.killProgram(try #require(before.first { $0.action == "a1" }?.process))
        try machine.advance(.seconds(1))
        #expect(try machine.state("web") == .degraded)
        let result = try machine.apply(text + service("leaf", "requires: [web]\n"))
        #expect(result?.isConverged == true)
        #expect(try machine.state("web") == .running)
        #expect(machine.executions("core/web.a0") == 1)
        #expect(machine.executions("core/web.a1") == 2)
        #expect(machine.executions("core/leaf.a0") == 1)
    }

    @Test("with `replace_existing_jobs: false` a change still begins anew, and prunes what has ended")
    func pruned() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web", joins))
        try machine.apply(service("web", joins, version: 1))
        #expect(try machine.jobs(of: "web").map(\.phase) == [.running])
        #expect(try runs(machine, "web").count == 2)
    }

    @Test(
        "that cannot be ended make the start fail with the reason, delete nothing, and the start follows when they end"
    )
    func stuck() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web", kinds: ["immortal"]) + service("db") + service("far"))
        let before = try machine.jobs(of: "web")
        let changed = service("web", version: 1) + service("db", version: 1)
        let leaf = service("leaf", "requires: [web]\n")
        let result = try machine.apply(changed + service("far") + leaf, then: .seconds(10))
        #expect(result?.isConverged == false)
        #expect(result?.errors.contains("core/web failed: does not end, although its tree was killed") == true)
        #expect(try machine.state("web") == .failed)
        #expect(try machine.jobs(of: "web").map(\.id) == before.map(\.id), "nothing is deleted")
        #expect(try machine.state("db") == .running, "nobody else waits for it")
        #expect(machine.executions("core/db.a0") == 2)
        #expect(try machine.state("leaf") == .blocked)
        machine.machine.canKillUnkillable = true
        try machine.advance(.seconds(3))
        #expect(try machine.state("web") == .running)
        #expect(try machine.state("leaf") == .running)
        #expect(try machine.jobs(of: "web").map(\.phase) == [.running])
    }

    @Test("that cannot be ended are not started twice, whoever applies again or is killed meanwhile")
    func stuckAgain() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web", kinds: ["immortal"]))
        for version in 1...2 {
            let result = try machine.apply(service("web", version: version), then: .seconds(10))
            #expect(result?.isConverged == false)
        }
        try machine.crashReconciler()
        try machine.advance(.seconds(10))
        #expect(machine.executions("core/web.a0") == 1)
        machine.machine.canKillUnkillable = true
        try machine.advance(.seconds(10))
        try machine.apply(service("web", version: 2))
        #expect(try machine.state("web") == .running)
        #expect(machine.machine.trace.violations.isEmpty)
    }

    @Test("go after a stop where `stop.remove_jobs` says so; what is dragged along keeps its own")
    func removed() throws {
        let machine = try ReconcilerHarness()
        let removes = "stop: {remove_jobs: true}\n"
        let house = { (status: String) in
            self.service("db", removes + "status: \(status)\n")
                + self.service("web", removes + "requires: [db]\n") + self.service("other", removes)
        }
        try machine.apply(house("start"))
        let result = try machine.apply(house("stop"))
        let reported = Dictionary(uniqueKeysWithValues: (result?.services ?? []).map { ($0.name.name, $0) })
        #expect(reported["db"]?.cancelled == 1)
        #expect(reported["db"]?.stoppedDependents == [QualifiedName("web")])
        #expect(reported["web"]?.cancelled == 1)
        #expect(reported["other"]?.cancelled == 0)
        #expect(try machine.jobs(of: "db").isEmpty)
        #expect(try machine.jobs(of: "web").map(\.phase) == [.cancelled])
        #expect(try machine.jobs(of: "other").map(\.phase) == [.running])
    }

    @Test(
        "go or stay after a stop as the manifest that stops the service says (`stop` takes effect in place)",
        arguments: [true, false]
    )
    func removedAtOnce(removes: Bool) throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web", "stop: {remove_jobs: \(!removes)}\n"))
        try machine.apply(service("web", "stop: {remove_jobs: \(removes)}\nstatus: stop\n"))
        #expect(try machine.jobs(of: "web").isEmpty == removes)
    }

    @Test("stopping what is stopped is no error, and counts no cancellation")
    func stoppedTwice() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web"))
        #expect(try machine.apply(service("web", "status: stop\n"))?.services.first?.cancelled == 1)
        let again = try machine.apply(service("web", "status: stop\ndescription: still\n"))
        #expect(again?.isConverged == true)
        #expect(again?.services.map(\.cancelled) == [0])
        #expect(try machine.down()?.services.allSatisfy { $0.cancelled == 0 } == true)
    }

    @Test("count the programs really executed again, over restarts of the reconciler, and never less (RS-2)")
    func counts() throws {
        let machine = try ReconcilerHarness()
        try machine.apply(service("web"))
        var last = 0
        for round in 1...6 {
            let process = try #require(try machine.jobs(of: "web").first?.process)
            machine.killProgram(process)
            if round % 2 == 0 { try machine.crashReconciler(for: .milliseconds(5)) }
            try machine.advance(.seconds(40))
            let job = try #require(try machine.jobs(of: "web").first)
            #expect(job.restartCount == round && job.restartCount > last)
            #expect(job.restartCount == machine.executions("core/web.a0") - 1)
            #expect(job.attempt <= 2, "tries count from the last time it was stable")
            last = job.restartCount
        }
    }
}

extension String {
    fileprivate func replacingLast(of part: String, with other: String) -> String {
        var parts = components(separatedBy: part)
        guard let last = parts.popLast() else { return self }
        return parts.joined(separator: part) + other + last
    }
}

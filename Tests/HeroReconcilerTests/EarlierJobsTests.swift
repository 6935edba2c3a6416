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

    private func runs(_ harness: ReconcilerHarness, _ name: String) throws -> [RunID] {
        try harness.store.reader.runs(of: QualifiedName(name)).map(\.id).sorted()
    }

    @Test("A start removes earlier jobs and runs of its service, and no others")
    func replaced() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web") + service("db"))
        let other = try harness.jobs(of: "db")
        for version in 1...3 { try harness.apply(service("web", version: version) + service("db")) }
        let jobs = try harness.jobs(of: "web")
        #expect(jobs.count == 1 && jobs.first?.phase == .running)
        #expect(try runs(harness, "web") == jobs.compactMap(\.run))
        #expect(try harness.jobs(of: "db") == other)
    }

    @Test("A start removes earlier jobs although the service was undeclared for a while")
    func redeclared() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web"))
        try harness.apply("")
        #expect(try harness.jobs(of: "web").map(\.phase) == [.cancelled])
        try harness.apply(service("web"))
        #expect(try harness.jobs(of: "web").map(\.phase) == [.running])
        #expect(try runs(harness, "web").count == 1)
    }

    @Test("A new run begins after the active jobs of the old run have stopped")
    func cancelled() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", kinds: ["steady", "exit3"]))
        #expect(try harness.state("web") == .degraded)
        let before = try harness.jobs(of: "web")
        let result = try harness.apply(service("web", kinds: ["steady", "exit3"]))
        #expect(result?.services.first?.cancelled == 1)
        let after = try harness.jobs(of: "web")
        #expect(Set(after.map(\.id)).isDisjoint(with: before.map(\.id)))
        #expect(harness.executions("core/web.a0") == 2)
        #expect(harness.machine.trace.violations.isEmpty)
    }

    @Test("With `replace_existing_jobs: false`, active jobs join the new run, and earlier runs stay")
    func joined() throws {
        let harness = try ReconcilerHarness()
        let text = service("web", joins, kinds: ["steady", "exit3"])
        try harness.apply(text)
        let before = try harness.jobs(of: "web")
        let result = try harness.apply(text)
        #expect(result?.services.first?.cancelled == 0)
        let after = try harness.jobs(of: "web")
        #expect(after.map(\.action).sorted() == ["a0", "a1"])
        let (old, new) = (try #require(before.first { $0.action == "a0" }), after.first { $0.action == "a0" })
        #expect(new?.id == old.id && new?.process == old.process && new?.phase == .running)
        #expect(after.first { $0.action == "a1" }?.id != before.first { $0.action == "a1" }?.id)
        #expect(Set(after.compactMap(\.run)).count == 1)
        #expect(new?.run != old.run)
        #expect(try runs(harness, "web").count == 2)
        #expect(harness.executions("core/web.a0") == 1)
    }

    @Test("With `replace_existing_jobs: false`, dependents keep running while a degraded service is completed")
    func joinedBelow() throws {
        let harness = try ReconcilerHarness()
        let text = service("web", joins, kinds: ["steady", "steady"])
            .replacingLast(of: "retry: {delay: 10ms}", with: "restart: never")
        try harness.apply(text + service("leaf", "requires: [web]\n"))
        let before = try harness.jobs(of: "web")
        harness.killProgram(try #require(before.first { $0.action == "a1" }?.process))
        try harness.advance(.seconds(1))
        #expect(try harness.state("web") == .degraded)
        let result = try harness.apply(text + service("leaf", "requires: [web]\n"))
        #expect(result?.isConverged == true)
        #expect(try harness.state("web") == .running)
        #expect(harness.executions("core/web.a0") == 1)
        #expect(harness.executions("core/web.a1") == 2)
        #expect(harness.executions("core/leaf.a0") == 1)
    }

    @Test("A changed service starts again although `replace_existing_jobs` is false, without ended jobs")
    func pruned() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", joins))
        try harness.apply(service("web", joins, version: 1))
        #expect(try harness.jobs(of: "web").map(\.phase) == [.running])
        #expect(try runs(harness, "web").count == 2)
    }

    @Test(
        "A restart waits for an unkillable job as stopping, and follows when it ends"
    )
    func stuck() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", kinds: ["unkillable"]) + service("db") + service("far"))
        let before = try harness.jobs(of: "web")
        let changed = service("web", version: 1) + service("db", version: 1)
        let leaf = service("leaf", "requires: [web]\n")
        let result = try harness.apply(changed + service("far") + leaf, then: .seconds(10))
        #expect(result?.isConverged == false)
        let error = "core/web is still stopping: does not end, although its process tree was killed"
        #expect(result?.errors.contains(error) == true, "\(result?.errors ?? [])")
        #expect(try harness.state("web") == .stopping)
        #expect(try harness.jobs(of: "web").map(\.id) == before.map(\.id), "nothing is deleted")
        #expect(try harness.state("db") == .running, "no other service waits for it")
        #expect(harness.executions("core/db.a0") == 2)
        #expect(try harness.state("leaf") == .blocked)
        harness.machine.canKillUnkillable = true
        try harness.advance(.seconds(3))
        #expect(try harness.state("web") == .running)
        #expect(try harness.state("leaf") == .running)
        #expect(try harness.jobs(of: "web").map(\.phase) == [.running])
    }

    @Test("An unkillable job never runs twice, despite further applies and a killed reconciler")
    func stuckAgain() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", kinds: ["unkillable"]))
        for version in 1...2 {
            let result = try harness.apply(service("web", version: version), then: .seconds(10))
            #expect(result?.isConverged == false)
        }
        try harness.crashReconciler()
        try harness.advance(.seconds(10))
        #expect(harness.executions("core/web.a0") == 1)
        harness.machine.canKillUnkillable = true
        try harness.advance(.seconds(10))
        try harness.apply(service("web", version: 2))
        #expect(try harness.state("web") == .running)
        #expect(harness.machine.trace.violations.isEmpty)
    }

    @Test("A stop with `stop.remove_jobs` removes the jobs of its service, not of dependents")
    func removed() throws {
        let harness = try ReconcilerHarness()
        let removes = "stop: {remove_jobs: true}\n"
        let manifests = { (status: String) in
            self.service("db", removes + "status: \(status)\n")
                + self.service("web", removes + "requires: [db]\n") + self.service("other", removes)
        }
        try harness.apply(manifests("start"))
        let result = try harness.apply(manifests("stop"))
        let reported = Dictionary(uniqueKeysWithValues: (result?.services ?? []).map { ($0.name.name, $0) })
        #expect(reported["db"]?.cancelled == 1)
        #expect(reported["db"]?.stoppedDependents == [QualifiedName("web")])
        #expect(reported["web"]?.cancelled == 1)
        #expect(reported["other"]?.cancelled == 0)
        #expect(try harness.jobs(of: "db").isEmpty)
        #expect(try harness.jobs(of: "web").map(\.phase) == [.cancelled])
        #expect(try harness.jobs(of: "other").map(\.phase) == [.running])
    }

    @Test(
        "The manifest that stops a service decides whether its jobs are removed",
        arguments: [true, false]
    )
    func removedAtOnce(removes: Bool) throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web", "stop: {remove_jobs: \(!removes)}\n"))
        try harness.apply(service("web", "stop: {remove_jobs: \(removes)}\nstatus: stop\n"))
        #expect(try harness.jobs(of: "web").isEmpty == removes)
    }

    @Test("Stopping a stopped service is no error and counts no cancelled job")
    func stoppedTwice() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web"))
        #expect(try harness.apply(service("web", "status: stop\n"))?.services.first?.cancelled == 1)
        let again = try harness.apply(service("web", "status: stop\ndescription: still\n"))
        #expect(again?.isConverged == true)
        #expect(again?.services.map(\.cancelled) == [0])
        #expect(try harness.down()?.services.allSatisfy { $0.cancelled == 0 } == true)
    }

    @Test("The restart count equals the executions, also across reconciler restarts (RS-2)")
    func counts() throws {
        let harness = try ReconcilerHarness()
        try harness.apply(service("web"))
        var last = 0
        for round in 1...6 {
            let process = try #require(try harness.jobs(of: "web").first?.process)
            harness.killProgram(process)
            if round % 2 == 0 { try harness.crashReconciler(for: .milliseconds(5)) }
            try harness.advance(.seconds(40))
            let job = try #require(try harness.jobs(of: "web").first)
            #expect(job.restartCount == round && job.restartCount > last)
            #expect(job.restartCount == harness.executions("core/web.a0") - 1)
            #expect(job.attempt <= 2, "attempts count from the last stable time")
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

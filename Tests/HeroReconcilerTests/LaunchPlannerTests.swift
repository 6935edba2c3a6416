import HeroKernel
import HeroModel
import Testing

@testable import HeroReconciler

@Suite("What a shim is told")
struct LaunchPlannerTests {
    private let planner = LaunchPlanner(baseEnvironment: ["PATH": "/usr/bin:/bin/", "HOME": "/root", "TZ": "UTC"])

    private func order(_ program: ActionSpec.Program, _ change: (inout ServiceSpec) -> Void = { _ in }) -> LaunchOrder {
        var service = ServiceSpec(QualifiedName("web"), actions: [ActionSpec("server", program, isProcess: true)])
        change(&service)
        var job = JobRecord(
            id: 7,
            context: "core",
            service: "web",
            action: "server",
            run: 1,
            revision: 1,
            tags: [],
            createdAt: WallTime(microseconds: 0)
        )
        job.generation = 3
        job.executions = 2
        return planner.order(job, service.actions[0], in: service)
    }

    @Test("of an environment: base, then what heroproc says, then the service's, then the action's (SP-3)")
    func environment() {
        let environment = order(.exec(["a"])) {
            $0.environment = ["HOME": "/srv", "A": "service", "B": "service"]
            $0.actions[0].environment = ["B": "action"]
        }.environment
        #expect(environment["TZ"] == "UTC")
        #expect(environment["HOME"] == "/srv")
        #expect(environment["A"] == "service")
        #expect(environment["B"] == "action")
        #expect(environment["HEROPROC_CONTEXT"] == "core")
        #expect(environment["HEROPROC_SERVICE"] == "web")
        #expect(environment["HEROPROC_ACTION"] == "server")
        #expect(environment["HEROPROC_JOB_ID"] == "7")
        #expect(environment["HEROPROC_RESTART_COUNT"] == "2")
    }

    @Test("of a program without a slash: every folder of the job's own PATH, in order")
    func candidates() {
        #expect(order(.exec(["redis"])).candidates == ["/usr/bin/redis", "/bin/redis"])
        #expect(order(.exec(["/opt/redis"])).candidates == ["/opt/redis"])
        let own = order(.exec(["redis"])) { $0.environment = ["PATH": "/opt"] }
        #expect(own.candidates == ["/opt/redis"])
    }

    @Test(
        "of a script: its interpreter, from the key, else from its #! line, else sh",
        arguments: [
            ("echo hi", nil, ["sh"]), ("#!/usr/bin/env python3 -u\nprint()", nil, ["/usr/bin/env", "python3", "-u"]),
            ("#!/bin/sh\n", "bash -e", ["bash", "-e"]), ("#!\n", nil, ["sh"]),
        ] as [(String, String?, [String])]
    )
    func scripts(text: String, interpreter: String?, words: [String]) {
        let order = order(.script(text, interpreter: interpreter))
        #expect(order.arguments == words + [LaunchOrder.scriptPlaceholder])
        #expect(order.script == text)
    }

    @Test("of where it runs: the action's folder, else the service's, else /")
    func directories() {
        #expect(order(.exec(["a"])).workingDirectory == "/")
        #expect(order(.exec(["a"])) { $0.workingDirectory = "/srv" }.workingDirectory == "/srv")
        let both = order(.exec(["a"])) {
            $0.workingDirectory = "/srv"
            $0.actions[0].workingDirectory = "/opt"
        }
        #expect(both.workingDirectory == "/opt")
        #expect(both.logFile == "core/web/server/7.log")
        #expect(both.label == "core/web.server")
        #expect(both.start == StartID(job: 7, generation: 3))
    }
}

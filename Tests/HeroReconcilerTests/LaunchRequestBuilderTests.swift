import HeroKernel
import HeroModel
import Testing

@testable import HeroReconciler

@Suite("Launch requests")
struct LaunchRequestBuilderTests {
    private let planner = LaunchRequestBuilder(baseEnvironment: [
        "PATH": "/usr/bin:/bin/", "HOME": "/root", "TZ": "UTC",
    ])

    private func order(_ program: ActionSpec.Program, _ change: (inout ServiceSpec) -> Void = { _ in }) -> LaunchRequest
    {
        var service = ServiceSpec(QualifiedName("web"), actions: [ActionSpec("server", program, isProcess: true)])
        change(&service)
        var job = JobRecord.sample
        job.generation = 3
        job.executions = 2
        return planner.launchRequest(job, service.actions[0], in: service)
    }

    @Test(
        "The environment has five layers, from the base to the variables of the action (SP-3)"
    )
    func environment() {
        let (a, b, c) = (
            EnvironmentFileReference("/srv/a.env"), EnvironmentFileReference("/srv/b.env"),
            EnvironmentFileReference("/srv/c.env")
        )
        let layers = order(.exec(["a"])) {
            $0.environment = ["HOME": "/srv"]
            $0.environmentFiles = [a, b]
            $0.actions[0].environment = ["TOKEN": .fromFile("/srv/token")]
            $0.actions[0].environmentFiles = [c]
        }.environment
        let base = [
            "PATH": "/usr/bin:/bin/", "HOME": "/root", "TZ": "UTC", "HEROPROC_CONTEXT": "core",
            "HEROPROC_SERVICE": "web", "HEROPROC_ACTION": "server", "HEROPROC_JOB_ID": "7",
            "HEROPROC_RESTART_COUNT": "2",
        ]
        #expect(
            layers == [
                .texts(base), .file(a), .file(b), .texts(["HOME": "/srv"]), .file(c),
                .variables(["TOKEN": .fromFile("/srv/token")]),
            ]
        )
    }

    @Test(
        "The interpreter of a script comes from its key, its #! line, or is sh",
        arguments: [
            ("echo hi", nil, ["sh"]), ("#!/usr/bin/env python3 -u\nprint()", nil, ["/usr/bin/env", "python3", "-u"]),
            ("#!/bin/sh\n", "bash -e", ["bash", "-e"]), ("#!\n", nil, ["sh"]),
        ] as [(String, String?, [String])]
    )
    func scripts(text: String, interpreter: String?, words: [String]) {
        let order = order(.script(text, interpreter: interpreter))
        #expect(order.arguments == words + [LaunchRequest.scriptPlaceholder])
        #expect(order.script == text)
    }

    @Test("The working directory is that of the action, of the service, or /")
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

import Foundation
import Glibc
import Testing

/// Changes with which a running service could not start again.
@Suite("Starts that would fail", .serialized)
struct BrokenStartTests {
    private func declareBroken(_ host: TestHost, _ name: String, program: String) throws {
        try host.writeManifest(
            "\(name).yaml",
            "kind: Service\nname: \(name)\nactions:\n  - {name: run, exec: [\(program)], is_process: true}\n"
        )
    }

    @Test("An apply stops no running service that could not start again")
    func refused() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            try declareBroken(host, "web", program: "nosuch")
            for command in [["diff"], ["apply"], ["apply", "--dry-run"]] {
                let result = try await host.run(command)
                #expect(result.exitCode == 2, "\(result.output)\(result.errorOutput)")
                let text = result.output + result.errorOutput
                #expect(text.contains("run would not start again: cannot execute: nosuch"), "\(command): \(text)")
                #expect(text.contains("--allow-broken"))
            }
            try await host.killReconciler()
            #expect(try await host.run("reconcile").exitCode == 2)
            #expect(isAlive(web.pid))
            #expect(try await host.run("diff", "--allow-broken").exitCode == 1)
            #expect(try await host.run("apply", "--allow-broken", "--no-wait").exitCode == 0)
            try await eventually("the service is stopped") { !isAlive(web.pid) }
        }
    }

    @Test("A new service whose program does not exist is a warning of the plan")
    func warned() async throws {
        try await TestHost.with { host in
            try declareBroken(host, "web", program: "nosuch")
            let result = try await host.run("diff")
            #expect(result.exitCode == 1, "\(result.output)\(result.errorOutput)")
            #expect((result.output + result.errorOutput).contains("core/web.run would not start on this machine"))
        }
    }

    @Test("A syncing reconciler keeps a service that could not start again, and applies the rest")
    func keptBySyncingReconciler() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try host.declare("page", "requires: [web]")
            try host.declare("other")
            _ = try host.startReconciler()
            let web = try await host.runningInstance("web", number: 1)
            let page = try await host.runningInstance("page", number: 1)
            _ = try await host.runningInstance("other", number: 1)
            let program = host.root + "/program"
            try host.declare("other", "generation: 1")
            try host.declare("page", "requires: [web]", "generation: 1")
            try declareBroken(host, "web", program: program)
            _ = try await host.waitForEvent("warning", "keeps its former manifest: run would not start again")
            _ = try await host.runningInstance("other", number: 2)
            #expect(isAlive(web.pid) && isAlive(page.pid))
            let status = try await host.run("status")
            #expect(status.exitCode == 1 && status.output.contains("core/web: run would not start again"))
            // The program exists now; a change of any manifest makes the reconciler look at once.
            try Data("#!/bin/sh\nexec sleep 1000\n".utf8).write(to: URL(fileURLWithPath: program))
            chmod(program, 0o755)
            try host.declare("other", "generation: 2")
            try await eventually("web runs its new program") {
                let code = try await host.run("status").exitCode
                return code == 0 && !isAlive(web.pid) && !isAlive(page.pid)
            }
            _ = try await host.runningInstance("page", number: 2)
        }
    }
}

import Foundation
import Glibc
import Testing

/// Several paths that lead to one services directory.
@Suite("Paths to the services directory", .serialized)
struct DirectoryPathTests {
    private func revision(_ host: TestHost) async throws -> Int? {
        try await host.run("status", "-o", "json").json["revision"] as? Int
    }

    /// Declares a service whose spec contains the path of its manifest's folder.
    private func declareWeb(_ host: TestHost, _ fields: String = "description: web") throws {
        try host.declare("web", "cwd: .", fields)
        symlink("services.d", host.root + "/link")
    }

    @Test("Another path to the applied directory makes no new revision and restarts no service")
    func otherPaths() async throws {
        try await TestHost.with { host in
            try declareWeb(host)
            try await host.apply()
            let web = try await host.runningInstance("web", number: 1)
            for path in ["/link", "/link/", "/state/../services.d", "/.//services.d/"] {
                for command in ["diff", "apply"] {
                    let result = try await host.run(command, "--dir", host.root + path)
                    #expect(result.exitCode == 0, "\(path): \(result.output)\(result.errorOutput)")
                }
            }
            let plan = host.root + "/plan.json"
            let saved = try await host.run("diff", "--dir", host.root + "/link", "-o", "json")
            try saved.output.write(toFile: plan, atomically: true, encoding: .utf8)
            #expect(try await host.run("apply", "--plan", plan).exitCode == 0)
            #expect(try await revision(host) == 1)
            #expect(isAlive(web.pid) && host.instances("web").count == 1)
        }
    }

    @Test("A syncing reconciler accepts every path to its directory")
    func syncedDirectory() async throws {
        try await TestHost.with { host in
            try declareWeb(host)
            let first = try host.start(["reconcile", "--watch", "--dir", host.root + "/link"])
            let web = try await host.runningInstance("web", number: 1)
            try await host.apply()
            #expect(try await revision(host) == 1)
            #expect(kill(first.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: first) == 0)

            // A reconciler with another path to the directory of the last revision changes nothing either.
            _ = try host.startReconciler()
            try await host.apply()
            #expect(try await host.run("apply", "--dir", host.root + "/link").exitCode == 0)
            #expect(try await revision(host) == 1)
            #expect(isAlive(web.pid) && host.instances("web").count == 1)
            try declareWeb(host, "description: changed")
            try await eventually("the edit is applied") { try await revision(host) == 2 }
            #expect(isAlive(web.pid) && host.instances("web").count == 1)
        }
    }

    @Test("A link that leads to another directory now is another directory")
    func switchedLink() async throws {
        try await TestHost.with { host in
            try declareWeb(host)
            _ = try await host.run("apply", "--dir", host.root + "/link")
            let web = try await host.runningInstance("web", number: 1)
            unlink(host.root + "/link")
            symlink("other", host.root + "/link")
            mkdir(host.root + "/other", 0o700)
            try Data("kind: Service\nname: x\nexec: [x]\n".utf8).write(
                to: URL(fileURLWithPath: host.root + "/other/x.yaml")
            )
            let result = try await host.run("apply")
            #expect(result.exitCode == 2, "\(result.output)\(result.errorOutput)")
            #expect(result.errorOutput.contains("--switch-dir"), "\(result.errorOutput)")
            #expect(isAlive(web.pid))
        }
    }
}

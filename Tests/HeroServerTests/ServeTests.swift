import Foundation
import Glibc
import HeroJSON
import SchemaValidation
import TestSupport
import Testing

@testable import HeroServer

@Suite("The server as a program")
struct ServeTests {
    @Test("Every method returns a result of its schema on a running system")
    func callsAllMethods() async throws {
        let manifests = ["web": ServerSandbox.service("web", script: "echo hello; exec sleep 1000")]
        try await ServerSandbox.with(manifests) { sandbox in
            try await sandbox.withServer { _ in
                try await eventually("the log has a line") {
                    try sandbox.call("log.query", ["name": "web"])["result"]?.items("lines").count == 1
                }
                for method in Router.methods where method.role == .reader {
                    let response = try sandbox.call(method.name, method.example)
                    let result = try #require(response["result"], "\(method.name): \(response.text())")
                    let validator = SchemaValidator(method.result, isClosed: method.name != "rpc.discover")
                    #expect(validator.errors(in: result) == [], "\(method.name)")
                }
            }
        }
    }

    @Test("A result equals the JSON output of the command")
    func resultsEqualOutputs() async throws {
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                for (method, command) in [
                    ("service.status_full", "status"), ("revision.list", "history"), ("job.list", "jobs"),
                    ("plan.diff", "diff"), ("manifest.validate", "validate"), ("service.tree", "tree"),
                ] {
                    let output = try await sandbox.run(command, "-o", "json").output
                    let result = try sandbox.call(method)["result"]
                    let expected = try JSONReader.read(Array(output.utf8))
                    #expect(result == expected, "\(method)")
                }
            }
        }
    }

    @Test("An admin applies a change, and a server without a reconciler refuses to")
    func applies() async throws {
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                try sandbox.writeManifest("db.yaml", ServerSandbox.service("db"))
                let plan = try sandbox.call("plan.diff")["result"]
                #expect(plan?["summary"]?.integer(of: "start") == 1)
                let stale = try sandbox.call("apply", ["base_revision": 7])
                #expect(stale["error"]?.integer(of: "code") == -32001)
                let result = try sandbox.call("apply", ["base_revision": 1])["result"]
                #expect(result?["converged"] == true)
                #expect(try sandbox.call("service.is_running", ["name": "db"])["result"]?["running"] == true)
                try await sandbox.killReconciler()
                #expect(try sandbox.call("apply")["error"]?.integer(of: "code") == -32000)
                #expect(sandbox.reconcilerPID == nil)
                let cleanup = try sandbox.call("jobs.cleanup", ["tag": "none"])
                #expect(cleanup["error"]?.integer(of: "code") == -32000)
                let dryRun = try sandbox.call("jobs.cleanup", ["tag": "none", "dry_run": true])
                #expect(dryRun["result"]?["dry_run"] == true)
            }
        }
    }

    @Test("The health check fails and names the service that is not as wanted")
    func reportsHealth() async throws {
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                #expect(try HTTPClient.unix(sandbox.socket).send("GET", "/health").status == 200)
                let text = ServerSandbox.service("bad", script: "exit 3")
                try sandbox.writeManifest("bad.yaml", text)
                _ = try await sandbox.run("apply", "--timeout", "1s")
                let response = try HTTPClient.unix(sandbox.socket).send("GET", "/health")
                #expect(response.status == 503)
                #expect(response.body.contains("core/bad"))
            }
        }
    }

    @Test("An unknown name, number or path is not found")
    func reportsUnknownNames() async throws {
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                for (method, params) in [
                    ("service.get", ["name": "none"]), ("service.why", ["name": "none"]), ("job.get", ["id": 99]),
                    ("service.status", ["name": "none"]), ("log.query", ["name": "none"]), ("run.get", ["id": 99]),
                    ("revision.get", ["revision": 99]), ("run.list", ["service_id": "none"]),
                    ("job.list", ["service_id": "none"]), ("service.tree", ["name": "none"]),
                ] as [(String, JSONValue)] {
                    let error = try sandbox.call(method, params)["error"]
                    #expect(error?.integer(of: "code") == -32004, "\(method): \(error?.text() ?? "no error")")
                    #expect(error?["data"]?["status"] == 404)
                }
                #expect(try HTTPClient.unix(sandbox.socket).send("GET", "/none").status == 404)
                #expect(try HTTPClient.unix(sandbox.socket).send("GET", "/rpc").status == 405)
            }
        }
    }

    @Test("A restart method names the file and line of the manifest")
    func namesManifest() async throws {
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                let message = try sandbox.call("service.restart", ["name": "web"])["error"]?.text(of: "message")
                #expect(message?.contains("\(sandbox.servicesDirectory)/web.yaml:2") == true)
                #expect(message?.contains("generation") == true)
            }
        }
    }
}

import Foundation
import Glibc
import TestSupport
import Testing

/// The metrics and the page about monitoring, checked by Prometheus itself.
///
/// Without its programs these tests do nothing; `make test-slow` installs them where it can.
@Suite("Prometheus", .serialized)
struct PrometheusTests {
    private static func program(_ name: String) -> String? {
        ["/usr/bin/", "/usr/local/bin/"].map { $0 + name }.first { access($0, X_OK) == 0 }
    }

    /// The YAML block of a section of the page.
    private func block(_ section: String) throws -> String {
        let file = repositoryRoot.appendingPathComponent("docs/how-to/monitoring.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let rest = try #require(page.components(separatedBy: "## \(section)\n").last)
        let start = try #require(rest.components(separatedBy: "```yaml\n").dropFirst().first)
        return try #require(start.components(separatedBy: "```").first)
    }

    private func check(_ sandbox: ServerSandbox, _ arguments: [String], program: String) async throws {
        let result = try await sandbox.result(of: sandbox.start(arguments, program: program))
        #expect(result.exitCode == 0, "\(arguments): \(result.output)\(result.errorOutput)")
    }

    @Test("The checker of Prometheus accepts the metrics, and the alert rules of the page")
    func promtoolAccepts() async throws {
        guard let promtool = Self.program("promtool") else { return }
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                let rules = sandbox.root + "/rules.yaml"
                try block("Alerts").write(toFile: rules, atomically: true, encoding: .utf8)
                try await check(sandbox, ["check", "rules", rules], program: promtool)
                let header = ["Accept: text/plain"]
                let metrics = try HTTPClient.unix(sandbox.socket).send("GET", "/metrics", headers: header)
                #expect(metrics.head.contains("Content-Type: text/plain; version=0.0.4"))
                let file = sandbox.root + "/metrics"
                try metrics.body.write(toFile: file, atomically: true, encoding: .utf8)
                let script = "exec \"$0\" check metrics < \"$1\""
                try await check(sandbox, ["-c", script, promtool, file], program: "/bin/sh")
            }
        }
    }

    @Test("Prometheus scrapes a server with the configuration of the page")
    func scrapes() async throws {
        guard let prometheus = Self.program("prometheus") else { return }
        try await ServerSandbox.with { sandbox in
            let token = sandbox.root + "/token"
            try "secret-of-readers".write(toFile: token, atomically: true, encoding: .utf8)
            chmod(token, 0o600)
            try await sandbox.withServer("--listen", "127.0.0.1:0", "--read-token-file", token) { server in
                let configuration = try block("Prometheus")
                    .replacing("/etc/prometheus/heroproc-token", with: token)
                    .replacing("127.0.0.1:8080", with: "127.0.0.1:\(sandbox.port(of: server))")
                    .replacing("15s", with: "1s")
                let file = sandbox.root + "/prometheus.yaml"
                try configuration.write(toFile: file, atomically: true, encoding: .utf8)
                let port = try freePort()
                let running = try sandbox.start(
                    [
                        "--config.file=\(file)", "--storage.tsdb.path=\(sandbox.root)/data",
                        "--web.listen-address=127.0.0.1:\(port)",
                    ],
                    program: prometheus
                )
                do {
                    for query in ["heroproc_service_up", "heroproc_service_memory_bytes", "heroproc_job_starts_total"] {
                        try await eventually("Prometheus has \(query)") {
                            guard isListening(port), let client = try? HTTPClient.tcp(port) else { return false }
                            let path = "/api/v1/query?query=\(query)"
                            let body = try? client.send("GET", path, host: "127.0.0.1:\(port)").body
                            return body?.contains("\"service\":\"web\"") ?? false
                        }
                    }
                } catch {
                    kill(running.pid, SIGKILL)
                    waitpid(running.pid, nil, 0)
                    throw error
                }
                kill(running.pid, SIGKILL)
                _ = try await sandbox.exitCode(of: running)
            }
        }
    }
}

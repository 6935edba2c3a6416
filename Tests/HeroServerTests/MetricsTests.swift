import Glibc
import HeroJSON
import TestSupport
import Testing

@testable import HeroServer

@Suite("Metrics")
struct MetricsTests {
    @Test("Labels are escaped, and counters and units follow OpenMetrics")
    func rendersText() {
        var text = MetricsText()
        text.addFamily("heroproc_a_seconds", .counter, "Help.")
        text.addSample("heroproc_a_seconds_total", [("name", "a\"b\\c\nd")], MetricsText.seconds(1_500_000))
        #expect(
            text.complete == """
                # TYPE heroproc_a_seconds counter
                # UNIT heroproc_a_seconds seconds
                # HELP heroproc_a_seconds Help.
                heroproc_a_seconds_total{name="a\\"b\\\\c\\nd"} 1.500000
                # EOF

                """
        )
        #expect(MetricsText.seconds(-1) == "-0.000001")
    }

    @Test("Metrics of a running system name its services, jobs and exits, and counters never decrease")
    func showsRunningSystem() async throws {
        try await ServerSandbox.with(["web": ServerSandbox.service("web")]) { sandbox in
            try await sandbox.withServer { _ in
                func metrics() throws -> [String] {
                    let response = try HTTPClient.unix(sandbox.socket).send("GET", "/metrics")
                    #expect(response.status == 200)
                    #expect(response.head.contains("application/openmetrics-text"))
                    return response.body.split(separator: "\n").map(String.init)
                }
                let before = try metrics()
                let service = "{context=\"core\",service=\"web\"}"
                #expect(before.contains("heroproc_service_up\(service) 1"))
                #expect(before.contains("heroproc_revision 1"))
                #expect(before.contains("heroproc_reconcile_duration_seconds_count 1"))
                #expect(before.last == "# EOF")
                let action = "context=\"core\",service=\"web\",action=\"server\""
                #expect(before.contains("heroproc_job_restarts_total{\(action),job=\"1\"} 0"))
                let status = try sandbox.call("service.get", ["name": "web"])["result"]
                let pid = try #require(status?.items("actions").first?.integer(of: "pid"))
                #expect(kill(pid_t(pid), SIGKILL) == 0)
                try await eventually("the exit and the restart are counted") {
                    let now = try metrics()
                    return now.contains("heroproc_job_exits_total{\(action),code=\"\",signal=\"KILL\"} 1")
                        && now.contains("heroproc_job_restarts_total{\(action),job=\"1\"} 1")
                }
                #expect(try !metrics().contains("heroproc_events_total{level=\"info\"} 0"))
            }
        }
    }

    @Test("Every metric family is declared once, before its samples")
    func declaresFamilies() async throws {
        try await ServerSandbox.with(["web": ServerSandbox.service("web")]) { sandbox in
            try await sandbox.withServer { _ in
                let text = try HTTPClient.unix(sandbox.socket).send("GET", "/metrics").body
                var families: [Substring] = []
                for line in text.split(separator: "\n") {
                    if line.hasPrefix("# TYPE ") {
                        let name = line.split(separator: " ")[2]
                        #expect(!families.contains(name))
                        families.append(name)
                    } else if !line.hasPrefix("#") {
                        let family = try #require(families.last)
                        #expect(line.hasPrefix(family), "\(line)")
                    }
                }
                #expect(families.count > 10)
            }
        }
    }
}

import Foundation
import Glibc
import TestSupport
import Testing

@Suite("The pages about the server")
struct HowToTests {
    /// The code blocks of a language on a page.
    private func blocks(_ page: String, _ language: String) throws -> [String] {
        let file = repositoryRoot.appendingPathComponent("docs/how-to/\(page)")
        let text = try String(contentsOf: file, encoding: .utf8)
        return text.components(separatedBy: "```\(language)\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
    }

    @Test("The Python client and the shell client of the page work as they are")
    func clientsWork() async throws {
        let python = try #require(try blocks("dashboard.md", "python").first)
        let shell = try #require(try blocks("dashboard.md", "sh").first)
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                let script = sandbox.root + "/client.py"
                try python.write(toFile: script, atomically: true, encoding: .utf8)
                let environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
                let first = try await sandbox.result(
                    of: sandbox.start(
                        ["-c", "python3 client.py \"$0\"", sandbox.socket],
                        environment: environment,
                        program: "/bin/sh"
                    )
                )
                #expect(first.output == "core/web running\n", "\(first.errorOutput)")
                guard access("/usr/bin/curl", X_OK) == 0 else { return }
                let second = try await sandbox.result(
                    of: sandbox.start(["-c", shell], environment: ["SOCKET": sandbox.socket], program: "/bin/sh")
                )
                #expect(second.output.contains("\"running\":true"), "\(second.output)\(second.errorOutput)")
                #expect(second.output.contains("heroproc/plan/v1"))
            }
        }
    }

    @Test("The page about monitoring names every metric of a running system")
    func pageNamesMetrics() async throws {
        let file = repositoryRoot.appendingPathComponent("docs/how-to/monitoring.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        try await ServerSandbox.with { sandbox in
            try await sandbox.withServer { _ in
                let text = try HTTPClient.unix(sandbox.socket).send("GET", "/metrics").body
                for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
                    let parts = line.split(separator: " ")
                    let name = parts[2] + (parts[3] == "counter" ? "_total" : "")
                    #expect(page.contains("`\(name)`"), "\(name)")
                }
            }
        }
    }

    @Test("The dashboard for Grafana and the alerts use only existing metrics")
    func queriesNameMetrics() throws {
        let folder = repositoryRoot.appendingPathComponent("docs/how-to")
        let page = try String(contentsOf: folder.appendingPathComponent("monitoring.md"), encoding: .utf8)
        let grafana = try String(contentsOf: folder.appendingPathComponent("grafana-dashboard.json"), encoding: .utf8)
        let table = Set(page.matches(of: /\| `(heroproc_[a-z_]+)` \|/).map { String($0.1) })
        let rules = try #require(page.components(separatedBy: "## Alerts").last)
        for match in (rules + grafana).matches(of: /heroproc_[a-z_]+/) {
            #expect(table.contains(String(match.0)), "\(match.0)")
        }
    }

    @Test("The service of the page about the dashboard is valid")
    func serviceIsValid() async throws {
        let manifest = try #require(try blocks("dashboard.md", "yaml").first)
        try await ServerSandbox.with([:]) { sandbox in
            try sandbox.writeManifest("dashboard.yaml", manifest)
            let result = try await sandbox.run("validate")
            #expect(result.exitCode == 0, "\(result.errorOutput)")
        }
    }
}

import Foundation
import Testing

/// `stop.exec` with real processes.
@Suite("Stop commands", .serialized)
struct StopCommandServiceTests {
    private func manifest(_ host: TestHost, _ command: String, _ stop: String) -> String {
        """
        kind: Service
        name: web
        interpreter: bash
        env: {MARK: from the service}
        script: |
          trap 'echo signal >> \(host.root)/order; exit 0' TERM
          touch \(host.root)/armed
          while [ ! -e \(host.root)/asked ]; do sleep 0.02; done
          echo asked >> \(host.root)/order
        ready: {exec: [test, -e, \(host.root)/armed], interval: 20ms}
        restart: on_failure
        stop:
          exec: [bash, -c, '\(command)']
          \(stop)
        """
    }

    private func order(_ host: TestHost) -> [String] {
        let text = try? String(contentsOfFile: host.root + "/order", encoding: .utf8)
        return (text ?? "").split(separator: "\n").map(String.init)
    }

    @Test("A stop command that ends the program makes the signal unnecessary")
    func endsProgram() async throws {
        try await TestHost.with { host in
            let report = "echo \"command $MARK $HEROPROC_SERVICE $PWD\" >> \(host.root)/order"
            let command = "\(report); touch \(host.root)/asked; sleep 60"
            try host.writeManifest("web.yaml", manifest(host, command, "timeout: 30s") + "\ncwd: \(host.root)\n")
            try await host.apply()
            #expect(try await host.run("down").exitCode == 0)
            #expect(order(host) == ["command from the service web \(host.root)", "asked"])
            let job = try #require(try await host.jobs(of: "web").first)
            #expect(job["exit_code"] as? Int == 0, "\(job)")
        }
    }

    @Test("After a stop command that fails or lasts too long the signal follows")
    func signalFollows() async throws {
        for command in ["exit 3", "sleep 60"] {
            try await TestHost.with { host in
                let full = "echo command >> \(host.root)/order; \(command)"
                try host.writeManifest("web.yaml", manifest(host, full, "timeout: 3s"))
                try await host.apply()
                #expect(try await host.run("down").exitCode == 0)
                #expect(order(host) == ["command", "signal"])
                _ = try await host.waitForEvent("warning", "stop command failed")
            }
        }
    }
}

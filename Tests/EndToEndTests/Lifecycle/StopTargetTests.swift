import Foundation
import Testing

@Suite("Stop signals to a whole process tree")
struct StopTargetServiceTests {
    /// The main program ends after a stop signal only when its child has received one too.
    private func manifest(_ host: TestHost, _ stop: String) -> String {
        """
        kind: Service
        name: web
        interpreter: bash
        script: |
          (trap 'touch \(host.root)/child; exit 0' TERM; touch \(host.root)/armed; while :; do sleep 0.05; done) &
          trap 'while [ ! -e \(host.root)/child ]; do sleep 0.05; done; exit 0' TERM
          while :; do sleep 0.05; done
        ready: {exec: [test, -e, \(host.root)/armed], interval: 50ms}
        stop: {\(stop)}
        """
    }

    @Test("With to: tree every process receives the stop signal at once")
    func tree() async throws {
        try await TestHost.with { host in
            try host.writeManifest("web.yaml", manifest(host, "to: tree, timeout: 60s"))
            try await host.apply()
            #expect(try await host.run("down").exitCode == 0)
            let job = try #require(try await host.jobs(of: "web").first)
            #expect(job["exit_code"] as? Int == 0 && job["signal"] as? String == nil, "\(job)")
        }
    }

    @Test("Without to: tree a child gets no signal before its main program has ended")
    func main() async throws {
        try await TestHost.with { host in
            try host.writeManifest("web.yaml", manifest(host, "timeout: 1s"))
            try await host.apply()
            #expect(try await host.run("down").exitCode == 0)
            let job = try #require(try await host.jobs(of: "web").first)
            #expect(job["signal"] as? String == "KILL", "\(job)")
        }
    }
}

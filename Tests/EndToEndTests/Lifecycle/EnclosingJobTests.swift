import Foundation
import Glibc
import Testing

/// An `apply` that runs inside of a service of the same state directory.
@Suite("Apply inside of a service", .serialized)
struct EnclosingJobTests {
    @Test("No reconciler is started inside of a service, because it would end with that service")
    func reconcilerInService() async throws {
        try await TestHost.with { host in
            let variables = host.environment.sorted { $0.key < $1.key }.map { "\($0.key): \"\($0.value)\"" }
            try host.writeManifest(
                "deploy.yaml",
                """
                kind: Service
                name: deploy
                env: {\(variables.joined(separator: ", "))}
                actions:
                  - name: run
                    is_process: true
                    script: |
                      while ! [ -e \(host.root)/go ]; do sleep 0.05; done
                      \(TestHost.heroprocPath) apply > \(host.root)/report 2>&1
                      echo $? > \(host.root)/code
                      exec sleep 1000
                """
            )
            try await host.apply()
            try await host.killReconciler()
            try Data().write(to: URL(fileURLWithPath: host.root + "/go"))
            try await eventually("the inner apply has exited") { host.readText(host.root + "/code").hasSuffix("\n") }
            #expect(host.readText(host.root + "/code") == "2\n")
            #expect(
                host.readText(host.root + "/report").contains("of core/deploy"),
                "\(host.readText(host.root + "/report"))"
            )
            #expect(host.reconcilerPID == nil)
            // From outside the same command works, and the service goes on.
            try await host.apply()
            #expect(try await host.state(of: "deploy") == "running")
            #expect(try await host.actionStatus("deploy")["restart_count"] as? Int == 0)
        }
    }
}

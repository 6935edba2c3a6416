import Foundation
import Testing

/// Programs whose main process ends while other processes of their tree are running.
@Suite("End of the main process before its tree", .serialized)
struct MainEndTests {
    /// Declares a program that leaves a process behind which ignores the stop signal, once the file `go` exists.
    private func declare(_ host: TestHost, timeout: String = "60s") throws {
        let script = "trap '' TERM; sleep 1000 & until [ -e \(host.root)/go ]; do sleep 0.05; done"
        try host.writeManifest(
            "web.yaml",
            """
            kind: Service
            name: web
            actions:
              - name: run
                is_process: true
                exec: [sh, -c, "\(script)"]
                stop: {timeout: \(timeout)}
            """
        )
    }

    /// Waits until `status` shows the end of the main process.
    private func awaitMainEnd(_ host: TestHost) async throws {
        try await eventually("status shows the end of main") {
            try await host.run("status").output.contains("main ended with exit code 0; stopping ")
        }
    }

    @Test("The end of main is shown at once, and down waits for no timeout")
    func shownAndStopped() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            _ = FileManager.default.createFile(atPath: host.root + "/go", contents: nil)
            _ = try await host.waitForEvent("warning", "main ended with exit code 0", "pid_file")
            try await awaitMainEnd(host)
            let action = try await host.actionStatus("web")
            #expect(action["ready"] as? Bool == false)
            #expect(action["pid"] as? Int == nil)
            #expect(try await host.state(of: "web") != "running")
            let began = ContinuousClock.now
            #expect(try await host.run("down").exitCode == 0)
            #expect(ContinuousClock.now - began < .seconds(30), "the stop timeout is 60s")
        }
    }

    @Test("Status shows the end of main without a reconciler, and a new one continues")
    func withoutReconciler() async throws {
        try await TestHost.with { host in
            try declare(host)
            try await host.apply()
            try await host.killReconciler()
            _ = FileManager.default.createFile(atPath: host.root + "/go", contents: nil)
            try await awaitMainEnd(host)
            let reconciler = try host.startReconciler()
            _ = try await host.waitForEvent("warning", "main ended with exit code 0")
            #expect(try await host.run("down").exitCode == 0)
            _ = reconciler
        }
    }

    @Test("What a one-shot leaves behind is stopped, and an event names it")
    func oneShot() async throws {
        try await TestHost.with { host in
            try host.writeManifest(
                "seed.yaml",
                """
                kind: Service
                name: seed
                actions:
                  - name: run
                    exec: [sh, -c, "sleep 1000 & sleep 1000 & exit 0"]
                """
            )
            try await host.apply()
            _ = try await host.waitForEvent(
                "warning",
                "main ended with exit code 0; stopping 2 processes it left behind"
            )
            try await eventually("the service has exited") { try await host.state(of: "seed") == "exited" }
        }
    }
}

import Foundation
import Glibc
import HeroJSON
import TestSupport
import Testing

@testable import HeroServer

@Suite("The dashboard in a browser")
struct BrowserTests {
    private static let hasBrowser = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].contains { (path: String) in
        access(path, X_OK) == 0
    }

    private static let web = """
        kind: Service
        name: web
        actions:
          - name: server
            is_process: true
            script: |
              echo hello; exec sleep 1000
            env: {VERSION: one}
            retry: {delay: 10ms, jitter: 0}
        """
    private static let bad = """
        kind: Service
        name: bad
        actions:
          - name: server
            is_process: true
            script: |
              echo "panic: <script>alert(1)</script> <img src=x onerror=alert(1)>" >&2; exit 3
            retry: {max_attempts: 1}
        """

    /// Checks flows, keyboard, phone, escaping, content policy and requests to other hosts.
    ///
    /// Without a browser only `PageTests` check the files.
    @Test("Readers and admins use the dashboard in a real browser")
    func worksInBrowser() async throws {
        guard Self.hasBrowser else { return }
        try await ServerSandbox.with([:]) { sandbox in
            try sandbox.writeManifest("web.yaml", Self.web)
            try sandbox.writeManifest("bad.yaml", Self.bad)
            #expect(try await sandbox.run("apply", "--timeout", "2s").exitCode == 1)
            try sandbox.writeManifest("web.yaml", Self.web.replacing("one", with: "two"))
            for role in ["reader", "admin"] {
                let path = "\(sandbox.root)/\(role)"
                try role.write(toFile: path, atomically: true, encoding: .utf8)
                chmod(path, 0o600)
            }
            let (admin, reader) = ("\(sandbox.root)/admin", "\(sandbox.root)/reader")
            try await sandbox.withServer(
                "--listen",
                "127.0.0.1:0",
                "--token-file",
                admin,
                "--read-token-file",
                reader
            ) { server in
                let port = try sandbox.port(of: server)
                for role in ["reader", "admin"] { try await runBrowser(sandbox, port, role) }
            }
        }
    }

    private func runBrowser(_ sandbox: ServerSandbox, _ port: Int, _ role: String) async throws {
        let service = try sandbox.call("service.get", ["name": "web"])["result"]
        let pid = try #require(service?.items("actions").first?.integer(of: "pid"))
        let script = repositoryRoot.appendingPathComponent("Tests/Browser/dashboard.py").path
        let command = ["-c", "exec python3 -B \"$@\"", "python3", script, "http://127.0.0.1:\(port)", role]
        let running = try sandbox.start(
            command + ["kill -9 \(pid)"],
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"],
            program: "/bin/sh"
        )
        let check = try await sandbox.result(of: running)
        #expect(check.exitCode == 0, "\(role): \(check.errorOutput)")
    }
}

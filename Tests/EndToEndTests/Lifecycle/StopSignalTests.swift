import Foundation
import HeroModel
import Testing

/// Programs of the system that need python3.
@Suite("Stop signals and abstract sockets")
struct StopSignalTests {
    private func manifest(_ program: String, _ fields: String) -> String {
        let lines = program.split(separator: "\n").map { "          \($0)\n" }.joined()
        return """
            kind: Service
            name: web
            actions:
              - name: main
                interpreter: /usr/bin/python3
                is_process: true
            \(fields)
                script: |

            """ + lines
    }

    @Test("A real-time stop signal reaches the program (TR-3)")
    func realTimeSignal() async throws {
        try await TestHost.with { host in
            let program = """
                import signal, sys, time
                signal.signal(signal.SIGRTMIN + 3, lambda *_: sys.exit(0))
                print("armed", flush=True)
                while True: time.sleep(600)
                """
            let fields = "    stop: {signal: SIGRTMIN+3, timeout: 60s}\n    ready: {log: armed}"
            try host.writeManifest("web.yaml", manifest(program, fields))
            try await host.apply()
            #expect(try await host.run("down").exitCode == 0)
            let jobs = try await host.run("jobs", "-o", "json")
            #expect(jobs.output.filter { !$0.isWhitespace }.contains("\"exit_code\":0"), "\(jobs.output)")
        }
    }

    @Test("A service with an abstract socket is ready when it listens, and is no difference (SK-6)")
    func abstractSocket() async throws {
        try await TestHost.with { host in
            let name = "heroproc-e2e-\(UUID().uuidString.prefix(8))"
            let program = """
                import socket, time
                s = socket.socket(socket.AF_UNIX); s.bind("\\0\(name)"); s.listen(5)
                while True: s.accept()[0].close()
                """
            try host.writeManifest("web.yaml", manifest(program, "    sockets: [\"@\(name)\"]"))
            try await host.apply()
            #expect(try await host.state(of: "web") == "running")
            try await host.expectEmptyDiff()
            #expect(try await host.run("down").exitCode == 0)
        }
    }
}

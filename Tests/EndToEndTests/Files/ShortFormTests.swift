import Testing

@Suite("Short form of a service with real processes")
struct ShortFormServiceTests {
    @Test("A short form runs, and rewriting it in the long form restarts nothing")
    func rewriting() async throws {
        try await TestHost.with { host in
            let short = """
                kind: Service
                name: web
                env: {GREETING: hello}
                exec: [sh, -c, "echo $$GREETING; exec sleep 1000"]
                stop: {timeout: 5s, remove_jobs: false}
                """
            try host.writeManifest("web.yaml", short)
            try await host.apply()
            let before = try await host.run("jobs", "-o", "json").output
            try await eventually("the program has written its line") {
                try await host.run("logs", "web").output == "hello\n"
            }
            let long = """
                kind: Service
                name: web
                actions:
                  - name: main
                    is_process: true
                    env: {GREETING: hello}
                    exec: [sh, -c, "echo $$GREETING; exec sleep 1000"]
                    stop: {timeout: 5s}
                """
            try host.writeManifest("web.yaml", long)
            try await host.expectEmptyDiff()
            try await host.apply()
            #expect(try await host.run("jobs", "-o", "json").output == before)
            try host.writeManifest("web.yaml", short)
            try await host.expectEmptyDiff()
        }
    }
}

import Testing

@Suite("Limits and priorities of a service")
struct ProcessLimitTests {
    @Test("A service runs with its soft and hard limits and its priorities")
    func limitsAndPriorities() async throws {
        try await TestHost.with { host in
            let web = """
                kind: Service
                name: web
                script: |
                  for key in n c f s; do ulimit -S$key; ulimit -H$key; done
                  cut -d' ' -f19 /proc/self/stat
                  exec sleep 1000
                interpreter: bash
                limits: {nofile: {soft: 77, hard: 99}, core: 0B, fsize: {soft: 1MiB, hard: 2MiB}, stack: 1MiB}
                nice: 5
                io_priority: idle
                """
            try host.writeManifest("web.yaml", web)
            try await host.apply()
            let lines = ["77", "99", "0", "0", "1024", "2048", "1024", "1024", "5"]
            try await eventually("the program has written its limits") {
                try await host.run("logs", "web").output == lines.joined(separator: "\n") + "\n"
            }
            try await host.expectEmptyDiff()
            try host.writeManifest("web.yaml", web.replacing("soft: 77", with: "soft: 78"))
            let plan = try await host.run("diff")
            #expect(
                plan.output.contains("limits.nofile: {soft: 77, hard: 99} -> {soft: 78, hard: 99}"),
                "\(plan.output)"
            )
        }
    }
}

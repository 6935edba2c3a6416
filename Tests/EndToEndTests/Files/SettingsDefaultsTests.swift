import Testing

@Suite("Defaults of the settings")
struct SettingsDefaultsTests {
    @Test("A service runs with the defaults of the settings, and its own values override them")
    func environmentAndLimits() async throws {
        try await TestHost.with { host in
            let settings = """
                kind: Settings
                required: []
                defaults:
                  env: {COLOR: red, SHAPE: round}
                  cwd: \(host.root)/run
                  umask: "027"
                  limits: {nofile: 333}
                """
            try host.writeManifest("settings.yaml", settings)
            let web = """
                kind: Service
                name: web
                env: {SHAPE: square}
                exec: [sh, -c, "echo $COLOR $SHAPE $PWD; umask; ulimit -n; exec sleep 1000"]
                """
            try host.writeManifest("web.yaml", web)
            try await host.apply()
            try await eventually("the program has written its lines") {
                try await host.run("logs", "web").output == "red square \(host.root)/run\n0027\n333\n"
            }
            try await host.expectEmptyDiff()
            try host.writeManifest("settings.yaml", settings.replacing("COLOR: red", with: "COLOR: blue"))
            let plan = try await host.run("diff")
            #expect(plan.exitCode == 1)
            #expect(plan.output.contains("env.COLOR: \"red\" -> \"blue\""), "\(plan.output)")
            #expect(plan.output.contains("settings.yaml:4"), "\(plan.output)")
        }
    }
}

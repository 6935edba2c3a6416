import Foundation
import Testing

@Suite("Environment files of real processes")
struct EnvironmentFileServiceTests {
    @Test("A missing optional env_file does not stop a start, and a later one is drift")
    func optionalFile() async throws {
        try await TestHost.with { host in
            try Data("COLOR=red\n".utf8).write(to: URL(filePath: host.servicesDirectory + "/web.env"))
            let web = """
                kind: Service
                name: web
                env_file: [web.env, {path: local.env, optional: true}]
                exec: [sh, -c, "echo $COLOR; exec sleep 1000"]
                """
            try host.writeManifest("web.yaml", web)
            try await host.apply()
            try await eventually("the program has written its color") {
                try await host.run("logs", "web").output == "red\n"
            }
            try await host.expectEmptyDiff()
            try Data("COLOR=blue\n".utf8).write(to: URL(filePath: host.servicesDirectory + "/local.env"))
            let plan = try await host.run("diff")
            #expect(plan.output.contains("local.env"), "\(plan.output)")
            try host.writeManifest("web.yaml", web + "\ngeneration: 1\n")
            try await host.apply()
            try await eventually("the program has written the color of the local file") {
                try await host.run("logs", "web").output.hasSuffix("blue\n")
            }
        }
    }
}

import Foundation
import Testing

@Suite("Environment values with expand")
struct ExpansionTests {
    @Test("A secret inside a longer value reaches the program and is shown nowhere else")
    func secretInURL() async throws {
        try await TestHost.with { host in
            let secret = "canary\(UUID().uuidString.prefix(8))"
            try host.writeManifest("password", secret + "\n")
            let web = """
                kind: Service
                name: web
                env:
                  PASSWORD: {from_file: password}
                  URL: {expand: "postgres://app:${PASSWORD}@db"}
                  PATH: {expand: "/opt/demo:${PATH}"}
                exec: [sh, -c, "test \\"$URL\\" = \\"postgres://app:$PASSWORD@db\\" && echo $PATH; exec sleep 1000"]
                """
            try host.writeManifest("web.yaml", web)
            try await host.apply()
            try await eventually("the program has written its path") {
                try await host.run("logs", "web").output.hasPrefix("/opt/demo:/")
            }
            for arguments in [
                ["diff", "-v"], ["status", "-o", "json"], ["why", "web"], ["events"], ["jobs", "-o", "json"],
            ] {
                let result = try await host.run(arguments)
                #expect(!(result.output + result.errorOutput).contains(secret), "\(arguments)")
            }
            let database = try Data(contentsOf: URL(filePath: host.databasePath))
            #expect(database.range(of: Data(secret.utf8)) == nil)
            try await host.expectEmptyDiff()
        }
    }

    @Test("An expand value without its variable is a failed start that names both")
    func missingVariable() async throws {
        try await TestHost.with { host in
            let web = """
                kind: Service
                name: web
                env: {URL: {expand: "${NOWHERE}"}}
                exec: [sleep, "1000"]
                retry: {max_attempts: 1}
                """
            try host.writeManifest("web.yaml", web)
            #expect(try await host.run("apply").exitCode == 1)
            let why = try await host.run("why", "web").output
            #expect(why.contains("`URL`: `${NOWHERE}` has no value in the environment"), "\(why)")
        }
    }
}

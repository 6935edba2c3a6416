import Foundation
import GRDB
import Glibc
import Testing

/// The content of `env_file` and `from_file` with real processes.
@Suite("Content of environment files", .serialized)
struct SecretContentTests {
    private struct Files {
        let host: TestHost
        var variables: String { host.root + "/web.env" }
        var secret: String { host.root + "/token" }

        func write(_ variable: String, _ value: String) throws {
            try "A=\(variable)\n".write(toFile: variables, atomically: true, encoding: .utf8)
            try "\(value)\n".write(toFile: secret, atomically: true, encoding: .utf8)
        }

        func declare() throws {
            try host.declare(
                "web",
                "env_file: [\(variables)]",
                actions: .process("sleep -1", "env: {T: {from_file: \(secret)}}")
            )
        }
    }

    /// What `diff` shows, without any value of a file.
    private func diff(_ host: TestHost, _ options: String...) async throws -> CommandResult {
        let result = try await host.run(["diff"] + options)
        #expect(!(result.output + result.errorOutput).contains("hush"))
        return result
    }

    @Test("A changed env file or secret restarts, and no plan shows its value (SE-1)")
    func restart() async throws {
        try await TestHost.with { host in
            let files = Files(host: host)
            try files.write("hush1", "hush2")
            try files.declare()
            try await host.apply()
            _ = try await host.runningInstance("web", number: 1)
            try files.write("hush1", "hush2")
            #expect(try await diff(host).exitCode == 0)
            try files.write("hush1", "hush3")
            let changed = try await diff(host)
            #expect(
                changed.exitCode == 1 && changed.output.contains("\(files.secret) has changed"),
                "\(changed.output)"
            )
            #expect(try await diff(host, "-o", "json").output.contains("\"cost\": \"restart\""))
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
            try files.write("hush4", "hush3")
            #expect(try await diff(host).output.contains("\(files.variables) has changed"))
            try await host.apply()
            _ = try await host.runningInstance("web", number: 3)
            let recorded = try host.databaseRows("SELECT contents FROM jobs").map(\.description).joined()
            #expect(recorded.contains("hmac-") && !recorded.contains("sha256") && !recorded.contains("hush"))
        }
    }

    @Test("A lost key makes no change, only a warning until the next start")
    func lostKey() async throws {
        try await TestHost.with { host in
            let files = Files(host: host)
            try files.write("hush1", "hush2")
            try files.declare()
            try await host.apply()
            let key = host.root + "/state/content.key"
            var facts = stat()
            try #require(stat(key, &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o600 && facts.st_size == 32)
            try await host.killReconciler()
            try #require(unlink(key) == 0)
            try files.write("hush3", "hush4")
            let before = try await diff(host)
            #expect(before.exitCode == 0 && (before.output + before.errorOutput).contains("is not compared"))
            try await host.apply()
            #expect(host.instances("web").count == 1)
            let after = try await diff(host)
            #expect((after.output + after.errorOutput).contains("the key of its digest has changed"))
        }
    }

    @Test("Digests of secrets survive the loss of the database")
    func lostDatabase() async throws {
        try await TestHost.with { host in
            let files = Files(host: host)
            try files.write("hush1", "hush2")
            try files.declare()
            try await host.apply()
            try await host.killReconciler()
            for suffix in ["", "-wal", "-shm"] { unlink(host.databasePath + suffix) }
            try await host.apply()
            #expect(host.instances("web").count == 1)
            try files.write("hush1", "hush5")
            try await host.apply()
            _ = try await host.runningInstance("web", number: 2)
        }
    }
}

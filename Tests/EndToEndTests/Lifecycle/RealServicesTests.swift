import Foundation
import Glibc
import Testing

/// The manifests of `docs/how-to/real-services.md` as shown, with the real programs.
@Suite("Real services", .serialized)
struct RealServicesTests {
    private static let names = ["postgres", "redis", "memcached", "nginx"]
    private static let page = repositoryRoot.appending(path: "docs/how-to/real-services.md")

    /// The program directory of the newest PostgreSQL.
    private static let postgresDirectory: String? = {
        let directory = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).compactMap { Int($0) }
        return versions.sorted().map { "\(directory)/\($0)/bin" }.last { access($0 + "/initdb", X_OK) == 0 }
    }()

    /// Packages that `make deps` would install.
    private static let missingPackages: [String] = {
        var missing = postgresDirectory == nil ? ["postgresql"] : []
        for program in ["redis-server", "memcached"] where access("/usr/bin/" + program, X_OK) != 0 {
            missing.append(program)
        }
        if access("/usr/sbin/nginx", X_OK) != 0 { missing.append("nginx") }
        return missing
    }()

    /// The files shown on the page, by name.
    private func manifestsOfPage() throws -> [String: String] {
        var files: [String: String] = [:]
        for section in try String(contentsOf: Self.page, encoding: .utf8).components(separatedBy: "\n## `").dropFirst()
        {
            let name = String(section.prefix { $0 != "`" })
            let block = try #require(section.components(separatedBy: "\n```yaml\n").dropFirst().first, "\(name)")
            files[name] = try #require(block.components(separatedBy: "\n```\n").first) + "\n"
        }
        #expect(files.keys.sorted() == (Self.names + ["settings"]).map { $0 + ".yaml" }.sorted())
        return files
    }

    /// Copies the files of the page, with unused ports and directories.
    private func declare(in host: TestHost) throws {
        // Services of other users need access to their directories.
        chmod(host.root, 0o711)
        let isRoot = geteuid() == 0
        let values = [
            "DATA": host.root + "/data", "POSTGRES_BIN": Self.postgresDirectory ?? "/nowhere",
            "POSTGRES_USER": isRoot ? "postgres" : "\(geteuid())", "USER_OF_REST": isRoot ? "nobody" : "\(geteuid())",
            "POSTGRES_PORT": "\(try freePort())", "REDIS_PORT": "\(try freePort())",
            "MEMCACHED_PORT": "\(try freePort())", "WEB_PORT": "\(try freePort())",
        ]
        for (name, text) in try manifestsOfPage() {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                let key = line.drop { $0 == " " }.prefix { $0 != ":" }
                guard name == "settings.yaml", let value = values[String(key)] else { return String(line) }
                return "  \(key): \"\(value)\""
            }
            try host.writeManifest(name, lines.joined(separator: "\n"))
        }
    }

    /// The server process of each service.
    private func pids(_ host: TestHost) async throws -> [String: pid_t] {
        var pids: [String: pid_t] = [:]
        let services = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        for service in services {
            let actions = service["actions"] as? [[String: Any]] ?? []
            let server = actions.first { $0["name"] as? String == "server" }
            if let name = service["name"] as? String, let pid = server?["pid"] as? Int { pids[name] = pid_t(pid) }
        }
        return pids
    }

    private func apply(_ host: TestHost, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let result = try await host.run("apply", "--timeout", "80s")
        guard result.exitCode != 0 else { return }
        var reasons = ""
        for name in Self.names { reasons += try await host.run("why", name).output }
        Issue.record("\(result.output)\(result.errorOutput)\(reasons)", sourceLocation: sourceLocation)
    }

    @Test("The manifests of the page are valid as shown")
    func pageIsValid() async throws {
        try await TestHost.with { host in
            for (name, text) in try manifestsOfPage() { try host.writeManifest(name, text) }
            let result = try await host.run("validate")
            #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result.output)\(result.errorOutput)")
        }
    }

    @Test(
        "Real services start in order, recover, are adopted and stop in order",
        .enabled(
            if: missingPackages.isEmpty,
            "a package is missing (postgresql, redis-server, memcached, nginx): `make deps`"
        )
    )
    func wholeSystem() async throws {
        try await TestHost.with { host in
            try declare(in: host)
            try await apply(host)
            #expect(try await host.run("status").exitCode == 0)
            try await host.expectEmptyDiff()
            let first = try await pids(host)
            #expect(first.keys.sorted() == Self.names.sorted())

            try await killPostmaster(host, first)
            let healed = try await pids(host)
            try await changeInPlace(host)
            #expect(try await pids(host) == healed, "a change in place keeps the process")

            try await host.killReconciler()
            try await apply(host)
            try await host.expectEmptyDiff()
            #expect(try await pids(host) == healed, "the next reconciler adopts the processes")
            let restarts = try await host.actionStatus("postgres", "server")["restart_count"] as? Int
            #expect(restarts == 1)

            try await stopInOrder(host)
        }
    }

    /// No process of the old server remains when the new one starts, and no other service is touched (TR-4).
    private func killPostmaster(_ host: TestHost, _ first: [String: pid_t]) async throws {
        let postmaster = try #require(first["postgres"])
        let job = try await host.actionStatus("postgres", "server")["job_id"] as? Int
        let children = children(of: postmaster)
        #expect(children.count >= 3, "postgres has helper processes")
        #expect(kill(postmaster, SIGKILL) == 0)
        try await eventually("postgres has restarted", within: 80) {
            let now = try await host.actionStatus("postgres", "server")
            return now["restart_count"] as? Int == 1 && now["ready"] as? Bool == true
        }
        #expect(try await host.actionStatus("postgres", "server")["job_id"] as? Int == job)
        let now = try await pids(host)
        let server = try #require(now["postgres"])
        #expect(server != postmaster)
        // A PID may be reused. A process with an old PID must be a descendant of the new server.
        for child in children where isAlive(child) {
            #expect(ancestors(of: child).contains(server), "\(child) of the killed server runs")
        }
        for name in Self.names where name != "postgres" { #expect(now[name] == first[name], "\(name) is not affected") }
        try await host.expectEmptyDiff()
    }

    private func ancestors(of pid: pid_t) -> [pid_t] {
        var parents: [pid_t] = []
        var next = parent(of: pid)
        while next > 0, parents.count < 10 {
            parents.append(next)
            next = parent(of: next)
        }
        return parents
    }

    private func changeInPlace(_ host: TestHost) async throws {
        let file = "\(host.servicesDirectory)/postgres.yaml"
        let changed = host.readText(file).replacing("timeout: 60s", with: "timeout: 90s")
            .replacing("description: The database.", with: "description: Our database.")
        #expect(changed != host.readText(file))
        try host.writeManifest("postgres.yaml", changed)
        let summary = try await host.run("diff", "-o", "json").json["summary"] as? [String: Any]
        #expect(summary?["update"] as? Int == 1 && summary?["restart"] as? Int == 0)
        try await apply(host)
        try await host.expectEmptyDiff()
    }

    private func stopInOrder(_ host: TestHost) async throws {
        let result = try await host.run("down", "--all", "--timeout", "80s")
        #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
        let texts = try await host.events().map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
        let web = try #require(texts.lastIndex(of: "core/nginx stopped"))
        for name in ["postgres", "redis"] {
            #expect(try #require(texts.lastIndex(of: "core/\(name) stopping")) > web, "nginx stops before \(name)")
        }
        // Each server stopped in time, without SIGKILL.
        #expect(!texts.contains { $0.contains("killing its tree") })
    }
}

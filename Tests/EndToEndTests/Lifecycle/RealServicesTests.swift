import Foundation
import Glibc
import Testing

/// The manifests of `docs/how-to/real-services.md`, as they stand there, with the programs that people really run.
@Suite("Real services", .serialized)
struct RealServicesTests {
    private static let names = ["postgres", "redis", "memcached", "nginx"]
    private static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/how-to/real-services.md")

    /// The folder of the newest PostgreSQL.
    private static let postgresDirectory: String? = {
        let folder = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { Int($0) }
        return versions.sorted().map { "\(folder)/\($0)/bin" }.last { access($0 + "/initdb", X_OK) == 0 }
    }()

    /// What `make deps` would install.
    private static let missingPackages: [String] = {
        var missing = postgresDirectory == nil ? ["postgresql"] : []
        for program in ["redis-server", "memcached"] where access("/usr/bin/" + program, X_OK) != 0 {
            missing.append(program)
        }
        if access("/usr/sbin/nginx", X_OK) != 0 { missing.append("nginx") }
        return missing
    }()

    /// The files that the page shows, by name.
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

    /// Copies the page's files, on ports and in a folder that nobody else uses.
    private func declare(in world: TestHost) throws {
        // Services of other users must find their way through.
        chmod(world.root, 0o711)
        let isRoot = geteuid() == 0
        let values = [
            "DATA": world.root + "/data", "POSTGRES_BIN": Self.postgresDirectory ?? "/nowhere",
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
            try world.writeManifest(name, lines.joined(separator: "\n"))
        }
    }

    /// The process of each server.
    private func pids(_ world: TestHost) async throws -> [String: pid_t] {
        var pids: [String: pid_t] = [:]
        let services = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
        for service in services {
            let actions = service["actions"] as? [[String: Any]] ?? []
            let server = actions.first { $0["name"] as? String == "server" }
            if let name = service["name"] as? String, let pid = server?["pid"] as? Int { pids[name] = pid_t(pid) }
        }
        return pids
    }

    private func apply(_ world: TestHost, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await world.run("apply", "--timeout", "80s")
        guard answer.exitCode != 0 else { return }
        var reasons = ""
        for name in Self.names { reasons += try await world.run("why", name).output }
        Issue.record("\(answer.output)\(answer.errorOutput)\(reasons)", sourceLocation: sourceLocation)
    }

    @Test("what the page shows is valid as it stands there")
    func pageIsValid() async throws {
        try await TestHost.with { world in
            for (name, text) in try manifestsOfPage() { try world.writeManifest(name, text) }
            let answer = try await world.run("validate")
            #expect(answer.exitCode == 0 && answer.errorOutput.isEmpty, "\(answer.output)\(answer.errorOutput)")
        }
    }

    @Test(
        "they come up in order, heal in the same job, are taken over as they are, and go down in order",
        .enabled(
            if: missingPackages.isEmpty,
            "a package is missing (postgresql, redis-server, memcached, nginx): `make deps`"
        )
    )
    func wholeSystem() async throws {
        try await TestHost.with { world in
            try declare(in: world)
            try await apply(world)
            #expect(try await world.run("status").exitCode == 0)
            try await world.expectEmptyDiff()
            let first = try await pids(world)
            #expect(first.keys.sorted() == Self.names.sorted())

            try await killPostmaster(world, first)
            let healed = try await pids(world)
            try await changeInPlace(world)
            #expect(try await pids(world) == healed, "what changes in place keeps its process")

            try await world.killReconciler()
            try await apply(world)
            try await world.expectEmptyDiff()
            #expect(try await pids(world) == healed, "the next reconciler takes over what runs")
            let restarts = try await world.actionStatus("postgres", "server")["restart_count"] as? Int
            #expect(restarts == 1)

            try await stopInOrder(world)
        }
    }

    /// TR-4: nothing of the old server is left when the new one starts, and nobody else is touched.
    private func killPostmaster(_ world: TestHost, _ first: [String: pid_t]) async throws {
        let postmaster = try #require(first["postgres"])
        let job = try await world.actionStatus("postgres", "server")["job_id"] as? Int
        let children = children(of: postmaster)
        #expect(children.count >= 3, "it has helper processes")
        #expect(kill(postmaster, SIGKILL) == 0)
        try await eventually("postgres is healed", within: 80) {
            let now = try await world.actionStatus("postgres", "server")
            return now["restart_count"] as? Int == 1 && now["ready"] as? Bool == true
        }
        #expect(try await world.actionStatus("postgres", "server")["job_id"] as? Int == job)
        let now = try await pids(world)
        let server = try #require(now["postgres"])
        #expect(server != postmaster)
        // A pid may have come around; a process that lived before the new server may not be one of the old ones.
        for child in children where isAlive(child) {
            #expect(ancestors(of: child).contains(server), "\(child) of the killed server lives")
        }
        for name in Self.names where name != "postgres" { #expect(now[name] == first[name], "\(name) is untouched") }
        try await world.expectEmptyDiff()
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

    private func changeInPlace(_ world: TestHost) async throws {
        let file = "\(world.servicesDirectory)/postgres.yaml"
        let changed = world.readText(file).replacing("timeout: 60s", with: "timeout: 90s")
            .replacing("description: The database.", with: "description: Our database.")
        #expect(changed != world.readText(file))
        try world.writeManifest("postgres.yaml", changed)
        let summary = try await world.run("diff", "-o", "json").json["summary"] as? [String: Any]
        #expect(summary?["update"] as? Int == 1 && summary?["restart"] as? Int == 0)
        try await apply(world)
        try await world.expectEmptyDiff()
    }

    private func stopInOrder(_ world: TestHost) async throws {
        let answer = try await world.run("down", "--all", "--timeout", "80s")
        #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
        let texts = try await world.events().map { "\($0["subject"] ?? "") \($0["text"] ?? "")" }
        let web = try #require(texts.lastIndex(of: "core/nginx stopped"))
        for name in ["postgres", "redis"] {
            #expect(try #require(texts.lastIndex(of: "core/\(name) stopping")) > web, "nginx first, then \(name)")
        }
        // Each ended by itself, in time: nothing had to be killed.
        #expect(!texts.contains { $0.contains("killing its tree") })
    }
}

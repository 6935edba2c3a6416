import Foundation
import Glibc
import Testing

/// The repository's own services.d, on ports and paths that nobody else uses.
@Suite("The shipped services.d", .serialized)
struct ShippedManifestTests {
    private static func isInstalled(_ program: String) -> Bool {
        ["/usr/local/bin/", "/usr/bin/", "/bin/"].contains { access($0 + program, X_OK) == 0 }
    }

    /// Copies services.d; answers the port of its web service.
    private func copyManifests(to world: TestHost) throws -> Int {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("services.d")
        let (database, web) = (try freePort(), try freePort())
        for file in try FileManager.default.contentsOfDirectory(at: source, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
                .replacing("16379", with: "\(database)").replacing("18080", with: "\(web)")
                .replacing("/tmp/heroproc-demo", with: world.root + "/demo")
            try world.writeManifest(file.lastPathComponent, text)
        }
        return web
    }

    /// The answer to GET, headers included.
    private func httpGet(_ path: String, port: Int) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        try #require(withTCPAddress(port: port) { connect(descriptor, $0, $1) } == 0, "nobody listens on \(port)")
        let request = Array("GET \(path) HTTP/1.0\r\n\r\n".utf8)
        try #require(write(descriptor, request, request.count) == request.count)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let size = read(descriptor, &buffer, buffer.count), size > 0 { answer += buffer[..<size] }
        return String(decoding: answer, as: UTF8.self)
    }

    @Test(
        "it comes up, answers over HTTP out of its database, heals, and goes down with nothing left",
        .enabled(if: isInstalled("redis-server") && isInstalled("redis-cli"), "needs redis-server")
    )
    func wholeSystem() async throws {
        try await TestHost.with(requiresCore: true) { world in
            let port = try copyManifests(to: world)
            try await world.apply()
            #expect(try await world.run("status").exitCode == 0)
            try await world.expectEmptyDiff()
            let answer = try httpGet("/health", port: port)
            #expect(answer.contains("200 OK") && answer.contains("hello from hero_db"), "\(answer)")

            // The database's process dies: it is healed in the same job, its dependents are not touched.
            let before = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
            let database = try #require(before.first { $0["name"] as? String == "hero_db" })
            let action = try #require((database["actions"] as? [[String: Any]])?.first)
            let pid = try #require(action["pid"] as? Int)
            #expect(kill(pid_t(pid), SIGKILL) == 0)
            let name = try #require(action["name"] as? String)
            try await eventually("hero_db is healed") {
                let now = try await world.actionStatus("hero_db", name)
                return now["restart_count"] as? Int == 1 && now["ready"] as? Bool == true
            }
            #expect(try await world.actionStatus("hero_db", name)["job_id"] as? Int == action["job_id"] as? Int)
            for service in before where service["name"] as? String != "hero_db" {
                let other = try await world.serviceStatus(try #require(service["name"] as? String))
                let pids = { (service: [String: Any]) in
                    (service["actions"] as? [[String: Any]] ?? []).map { $0["pid"] as? Int }
                }
                #expect(pids(other) == pids(service), "\(other)")
            }

            // The operator's word on the database: dependents first.
            let text = world.readText("\(world.servicesDirectory)/hero_db.yaml")
            try world.writeManifest(
                "hero_db.yaml",
                text.replacing("\nstatus: start\n", with: "\nstatus: stop\n")
            )
            let stops = try await world.plannedWaves("stop_waves")
            #expect(stops.last == ["core/hero_db"])
            #expect(stops.dropLast().joined().sorted() == ["core/seed", "core/web", "core/worker"])
            try await world.apply()
            #expect(try await world.state(of: "metrics") == "running")
            try world.writeManifest("hero_db.yaml", text)
            try await world.apply()
            #expect(try httpGet("/health", port: port).contains("200 OK"))
        }
    }
}

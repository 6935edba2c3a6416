import Foundation
import Glibc
import Testing

/// The services.d of this repository, with unused ports and paths.
@Suite("The shipped services.d", .serialized)
struct ShippedManifestTests {
    private static func isInstalled(_ program: String) -> Bool {
        ["/usr/local/bin/", "/usr/bin/", "/bin/"].contains { access($0 + program, X_OK) == 0 }
    }

    /// Copies services.d and returns the port of its web service.
    private func copyManifests(to host: TestHost) throws -> Int {
        let source = repositoryRoot.appending(path: "services.d")
        let (database, web, dashboard) = (try freePort(), try freePort(), try freePort())
        // Where `make up` builds the programs.
        let programs = URL(fileURLWithPath: builtProgram("heroproc")).deletingLastPathComponent().path
        let build = "\(host.root)/.build"
        try #require(runShell("mkdir -p \(build) && ln -s \(shellQuoted(programs)) \(build)/release") == 0)
        for file in try FileManager.default.contentsOfDirectory(at: source, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
                .replacing("16379", with: "\(database)").replacing("18080", with: "\(web)")
                .replacing("18070", with: "\(dashboard)")
            try host.writeManifest(file.lastPathComponent, text)
        }
        return web
    }

    /// Sends a GET request and returns the response with its headers.
    private func httpGet(_ path: String, port: Int) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        try #require(withTCPAddress(port: port) { connect(descriptor, $0, $1) } == 0, "no process listens on \(port)")
        let request = Array("GET \(path) HTTP/1.0\r\n\r\n".utf8)
        try #require(write(descriptor, request, request.count) == request.count)
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let size = read(descriptor, &buffer, buffer.count), size > 0 { result += buffer[..<size] }
        return String(decoding: result, as: UTF8.self)
    }

    @Test("The examples use no fixed path that another user could create first")
    func writesOnlyOwnFiles() throws {
        let source = repositoryRoot.appending(path: "services.d")
        for file in try FileManager.default.contentsOfDirectory(at: source, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(!text.contains(/[ \["'=]\/(tmp|var\/tmp|dev\/shm)\//), "\(file.lastPathComponent)")
        }
    }

    @Test(
        "Two users run the shipped services one after the other",
        .enabled(if: geteuid() == 0 && isInstalled("redis-server") && isInstalled("redis-cli"), "needs root and redis")
    )
    func twoUsers() async throws {
        try await TestHost.with(requiresCore: true) { host in
            _ = try copyManifests(to: host)
            // The other user may have no access to the directory of the build.
            let home = host.root + "/other"
            let folders = [home, home + "/run", home + "/bin", home + "/services.d"]
            for folder in folders { #expect(mkdir(folder, 0o700) == 0) }
            for program in ["heroproc", "hpshim", "heroproc-server"] {
                try FileManager.default.copyItem(atPath: builtProgram(program), toPath: "\(home)/bin/\(program)")
            }
            try #require(runShell("cp \(host.servicesDirectory)/*.yaml \(home)/services.d/") == 0)
            try #require(runShell("mkdir \(home)/.build && ln -s ../bin \(home)/.build/release") == 0)
            try #require(runShell("chown -R 65534:65534 \(home) && chmod 711 \(host.root)") == 0)
            func runAsOther(_ arguments: String...) async throws -> CommandResult {
                let user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
                let environment = [
                    "HOME": home, "XDG_RUNTIME_DIR": home + "/run", "XDG_STATE_HOME": home + "/state",
                    "HEROPROC_STATE": "", "HEROPROC_DIR": home + "/services.d",
                ]
                let program = home + "/bin/heroproc"
                return try await host.result(
                    of: host.start(arguments, environment: environment, program: program, through: user)
                )
            }
            try await host.apply()
            let held = try await runAsOther("apply", "--timeout", "2s")
            #expect(held.exitCode == 1)
            #expect(
                held.errorOutput.contains(/tcp 127\.0\.0\.1:\d+ is held by a process of user 0/),
                "\(held.errorOutput)"
            )
            #expect(try await runAsOther("down", "--all").exitCode == 0)
            #expect(try await host.run("down", "--all").exitCode == 0)
            let applied = try await runAsOther("apply")
            #expect(applied.exitCode == 0, "\(applied.output)\(applied.errorOutput)")
            #expect(try await runAsOther("status").exitCode == 0)
            #expect(try await runAsOther("down", "--all").exitCode == 0)
        }
    }

    @Test(
        "The shipped services start, serve HTTP, recover and stop completely",
        .enabled(if: isInstalled("redis-server") && isInstalled("redis-cli"), "needs redis-server")
    )
    func wholeSystem() async throws {
        try await TestHost.with(requiresCore: true) { host in
            let port = try copyManifests(to: host)
            try await host.apply()
            #expect(try await host.run("status").exitCode == 0)
            try await host.expectEmptyDiff()
            let result = try httpGet("/health", port: port)
            #expect(result.contains("200 OK") && result.contains("hello from hero_db"), "\(result)")
            var folder = stat()
            #expect(stat(host.root + "/.local/state/heroproc-demo", &folder) == 0 && folder.st_mode & 0o777 == 0o700)

            // A killed database is restarted in the same job, and its dependents are not touched.
            let before = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]] ?? []
            let database = try #require(before.first { $0["name"] as? String == "hero_db" })
            let action = try #require((database["actions"] as? [[String: Any]])?.first)
            let pid = try #require(action["pid"] as? Int)
            #expect(kill(pid_t(pid), SIGKILL) == 0)
            let name = try #require(action["name"] as? String)
            try await eventually("hero_db has restarted") {
                let now = try await host.actionStatus("hero_db", name)
                return now["restart_count"] as? Int == 1 && now["ready"] as? Bool == true
            }
            #expect(try await host.actionStatus("hero_db", name)["job_id"] as? Int == action["job_id"] as? Int)
            for service in before where service["name"] as? String != "hero_db" {
                let other = try await host.serviceStatus(try #require(service["name"] as? String))
                let pids = { (service: [String: Any]) in
                    (service["actions"] as? [[String: Any]] ?? []).map { $0["pid"] as? Int }
                }
                #expect(pids(other) == pids(service), "\(other)")
            }

            // A stop of the database stops its dependents first.
            let text = host.readText("\(host.servicesDirectory)/hero_db.yaml")
            try host.writeManifest(
                "hero_db.yaml",
                text.replacing("\nstatus: start\n", with: "\nstatus: stop\n")
            )
            let stops = try await host.plannedWaves("stop_waves")
            #expect(stops.last == ["core/hero_db"])
            #expect(stops.dropLast().joined().sorted() == ["core/seed", "core/web", "core/worker"])
            try await host.apply()
            #expect(try await host.state(of: "metrics") == "running")
            try host.writeManifest("hero_db.yaml", text)
            try await host.apply()
            #expect(try httpGet("/health", port: port).contains("200 OK"))
        }
    }
}

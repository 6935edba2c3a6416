import Foundation
import Glibc
import Testing

/// Reloads of nginx and PostgreSQL.
@Suite("Reloads of real services", .serialized)
struct RealReloadTests {
    private static let nginxPath = "/usr/sbin/nginx"
    private static let openssl = "/usr/bin/openssl"

    private static var hasNginx: Bool { access(nginxPath, X_OK) == 0 && access(openssl, X_OK) == 0 }

    /// The program directory of a PostgreSQL.
    private static let postgresDirectory: String? = {
        let directory = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).compactMap { Int($0) }
        return versions.sorted().map { "\(directory)/\($0)/bin" }.last { access($0 + "/initdb", X_OK) == 0 }
    }()

    private func shell(_ command: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    private func makeCertificate(_ name: String, in directory: String) throws {
        _ = try shell(
            "\(Self.openssl) req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=\(name) "
                + "-keyout \(directory)/key.pem -out \(directory)/cert.pem"
        )
        #expect(access(directory + "/cert.pem", R_OK) == 0)
    }

    private func configuration(_ root: String, _ port: Int, _ body: String) -> String {
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(root)/\($0);" }
        return """
            pid \(root)/nginx.pid;
            events {}
            http {
              access_log off;
              \(folders.joined(separator: "\n  "))
              server {
                listen 127.0.0.1:\(port) ssl;
                ssl_certificate \(root)/tls/cert.pem;
                ssl_certificate_key \(root)/tls/key.pem;
                location / { return 200 "\(body)"; }
              }
            }

            """
    }

    @Test(
        "A reload of nginx keeps its process, and a broken configuration changes nothing",
        .enabled(if: hasNginx, "nginx or openssl is missing: `make deps`")
    )
    func nginx() async throws {
        try await TestHost.with { host in
            let root = host.root
            chmod(root, 0o711)
            mkdir(root + "/tls", 0o755)
            let port = try Int(freePort())
            let file = root + "/nginx.conf"
            try makeCertificate("one", in: root + "/tls")
            try configuration(root, port, "first").write(toFile: file, atomically: true, encoding: .utf8)
            let command = "\(Self.nginxPath) -e stderr -p \(root)/ -c \(file)"
            try host.writeManifest(
                "web.yaml",
                """
                kind: Service
                name: web
                exec: [\(Self.nginxPath), -e, stderr, -p, "\(root)/", -c, \(file), -g, daemon off;]
                tcp_ports: [\(port)]
                files: [\(file), \(root)/tls]
                reload: {exec: [sh, -c, "\(command) -t && \(command) -s reload"]}

                """
            )
            let reconciler = try host.startReconciler()
            func subject() throws -> String {
                try shell(
                    "\(Self.openssl) s_client -connect 127.0.0.1:\(port) </dev/null 2>/dev/null "
                        + "| \(Self.openssl) x509 -noout -subject"
                )
            }
            try await eventually("nginx is up", within: 60) { try subject().hasSuffix("one\n") }
            let pid = try await host.actionStatus("web", "main")["pid"] as? Int
            #expect(pid != nil)
            try makeCertificate("two", in: root + "/tls")
            try await eventually("nginx has the new certificate", within: 30) { try subject().hasSuffix("two\n") }
            #expect(try await host.actionStatus("web", "main")["pid"] as? Int == pid)

            try "http {\n".write(toFile: file, atomically: true, encoding: .utf8)
            try await eventually("the broken configuration is shown", within: 30) {
                try await host.run("status").output.contains("reload failed")
            }
            #expect(try subject().hasSuffix("two\n"))
            #expect(try await host.run("diff").output.contains("nginx.conf has changed"))
            try configuration(root, port, "second").write(toFile: file, atomically: true, encoding: .utf8)
            try await eventually("nginx has reloaded", within: 30) { try await host.run("status").exitCode == 0 }
            #expect(try await host.actionStatus("web", "main")["pid"] as? Int == pid)
            kill(reconciler.pid, SIGTERM)
            #expect(try await host.exitCode(of: reconciler) == 0)
        }
    }

    @Test(
        "PostgreSQL reads a changed pg_hba.conf without a restart",
        .enabled(if: postgresDirectory != nil, "postgresql is missing: `make deps`")
    )
    func postgres() async throws {
        let programs = try #require(Self.postgresDirectory)
        try await TestHost.with { host in
            chmod(host.root, 0o711)
            let data = host.root + "/data"
            let port = try freePort()
            let user = geteuid() == 0 ? "postgres" : "\(geteuid())"
            try host.writeManifest(
                "db.yaml",
                """
                kind: Service
                name: db
                user: "\(user)"
                actions:
                  - name: init
                    folders: [{path: \(data), mode: "0700"}]
                    exec: [\(programs)/initdb, -D, \(data), -A, trust, -U, admin]
                    timeout: 2m
                  - name: server
                    is_process: true
                    exec: [\(programs)/postgres, -D, \(data), -p, "\(port)", -h, 127.0.0.1, -k, \(data)]
                    tcp_ports: ["127.0.0.1:\(port)"]
                    stop: {signal: INT}
                    start_timeout: 60s
                    files: [\(data)/pg_hba.conf]
                    reload: {signal: HUP}

                """
            )
            let applied = try await host.run("apply", "--timeout", "120s")
            #expect(applied.exitCode == 0, "\(applied.output)\(applied.errorOutput)")
            let pid = try await host.actionStatus("db", "server")["pid"] as? Int
            let file = try FileHandle(forWritingTo: URL(filePath: data + "/pg_hba.conf"))
            try file.seekToEnd()
            try file.write(contentsOf: Data("host all all 192.0.2.0/24 reject\n".utf8))
            try file.close()
            let plan = try await host.run("diff")
            #expect(plan.exitCode == 1 && plan.output.contains("reload"), "\(plan.output)\(plan.errorOutput)")
            try await host.apply()
            #expect(try await host.actionStatus("db", "server")["pid"] as? Int == pid)
            try await eventually("the server has read the file", within: 30) {
                try await host.run("logs", "db").output.contains("received SIGHUP, reloading configuration files")
            }
            try await host.expectEmptyDiff()
        }
    }
}

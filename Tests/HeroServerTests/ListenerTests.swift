import Foundation
import Glibc
import HeroLinux
import TestSupport
import Testing

@Suite("The listeners of the server")
struct ListenerTests {
    private func writeToken(_ sandbox: ServerSandbox, _ text: String = "secret", mode: mode_t = 0o600) throws -> String
    {
        let path = sandbox.root + "/token"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, mode)
        return path
    }

    @Test("A TCP client needs a token, a known host and no foreign origin")
    func checksTCPClients() async throws {
        try await ServerSandbox.with([:]) { sandbox in
            let token = try writeToken(sandbox)
            try await sandbox.withServer("--listen", "127.0.0.1:0", "--token-file", token) { server in
                let port = try sandbox.port(of: server)
                let host = "127.0.0.1:\(port)"
                let bearer = "Authorization: Bearer secret"
                func status(_ headers: [String], host: String) throws -> Int {
                    try HTTPClient.tcp(port).send("GET", "/openrpc.json", headers: headers, host: host).status
                }
                #expect(try status([bearer], host: host) == 200)
                #expect(try status([], host: host) == 401)
                #expect(try status(["Authorization: Bearer wrong"], host: host) == 401)
                #expect(try status([bearer], host: "example.org:\(port)") == 403)
                #expect(try status([bearer, "Origin: http://example.org"], host: host) == 403)
            }
        }
    }

    @Test(
        "A server that cannot serve safely exits with 2 and leaves files alone",
        arguments: [
            ["--listen", "127.0.0.1:0"], ["--listen", "0.0.0.0:0"], ["--listen", "unix:relative"],
            ["--admin-group", "no-such-group"], ["--listen", "unix:ROOT/services.d"],
            ["--listen", "127.0.0.1:0", "--token-file", "ROOT/none"],
            ["--listen", "127.0.0.1:0", "--token-file", "ROOT/public"],
            ["--listen", "127.0.0.1:0", "--token-file", "ROOT/empty"],
        ]
    )
    func refuses(_ options: [String]) async throws {
        try await ServerSandbox.with([:]) { sandbox in
            try "secret".write(toFile: sandbox.root + "/public", atomically: true, encoding: .utf8)
            try "".write(toFile: sandbox.root + "/empty", atomically: true, encoding: .utf8)
            chmod(sandbox.root + "/public", 0o644)
            chmod(sandbox.root + "/empty", 0o600)
            let arguments = options.map { $0.replacing("ROOT", with: sandbox.root) }
            let result = try await sandbox.result(of: sandbox.start(["serve"] + arguments))
            #expect(result.exitCode == 2, "\(result.errorOutput)")
            #expect(result.errorOutput.hasPrefix("error: "))
            #expect(FileManager.default.fileExists(atPath: sandbox.servicesDirectory))
        }
    }

    @Test("A socket in use is refused, and one of a killed server is replaced")
    func replacesStaleSocket() async throws {
        try await ServerSandbox.with([:]) { sandbox in
            try await sandbox.withServer { server in
                let second = try await sandbox.run("serve", "--listen", "unix:\(sandbox.socket)")
                #expect(second.exitCode == 2)
                #expect(second.errorOutput.contains("another process listens on it"))
                #expect(try HTTPClient.unix(sandbox.socket).send("GET", "/openrpc.json").status == 200)
                #expect(isAlive(server.pid))
            }
            let killed = try sandbox.start(["serve", "--listen", "unix:\(sandbox.socket)"])
            try await eventually("it listens") { sandbox.readText(killed.errorPath).contains("listening") }
            #expect(kill(killed.pid, SIGKILL) == 0)
            _ = try await sandbox.exitCode(of: killed)
            #expect(access(sandbox.socket, F_OK) == 0)
            try await sandbox.withServer { _ in
                let response = try HTTPClient.unix(sandbox.socket).send("GET", "/openrpc.json")
                #expect(response.status == 200)
            }
        }
    }

    @Test("The default socket is in the run directory and in HERO_SOCKET_DIR, for this user only")
    func usesDefaultSockets() async throws {
        try await ServerSandbox.with([:]) { sandbox in
            let folder = sandbox.root + "/sockets"
            mkdir(folder, 0o700)
            let server = try sandbox.start(["serve"], environment: ["HERO_SOCKET_DIR": folder])
            let sockets = [sandbox.paths.run + "/api.sock", folder + "/hero_proc/rpc.sock"]
            try await eventually("both sockets exist") { sockets.allSatisfy { access($0, F_OK) == 0 } }
            for path in sockets {
                var file = stat()
                #expect(stat(path, &file) == 0 && file.st_mode & 0o777 == 0o600)
                #expect(try HTTPClient.unix(path).send("GET", "/openrpc.json").status == 200)
            }
            #expect(kill(server.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: server) == 0)
            for path in sockets { #expect(access(path, F_OK) != 0) }
        }
    }

    @Test("A large body, long headers and half a request delay no other client")
    func limitsRequests() async throws {
        try await ServerSandbox.with([:]) { sandbox in
            try await sandbox.withServer { _ in
                let half = try HTTPClient.unix(sandbox.socket)
                half.write("POST /rpc HTTP/1.1\r\nHost: x\r\n")
                let body = try HTTPClient.unix(sandbox.socket)
                    .send("POST", "/rpc", body: String(repeating: "x", count: 1_048_577))
                #expect(body.status == 413)
                let field = "X: " + String(repeating: "x", count: 20_000)
                #expect(try HTTPClient.unix(sandbox.socket).send("GET", "/health", headers: [field]).status == 431)
                #expect(try HTTPClient.unix(sandbox.socket).send("GET", "/openrpc.json").status == 200)
                half.write("Content-Length: 0\r\nConnection: close\r\n\r\n")
                #expect(half.readAll().contains("-32700"))
            }
        }
    }

    @Test("One client takes at most a quarter of the connections, and the server recovers")
    func limitsConnections() async throws {
        try await ServerSandbox.with([:]) { sandbox in
            let server = try sandbox.start(
                ["-c", "ulimit -n 144; exec \"$0\" serve --listen unix:\(sandbox.socket)", builtProgram("heroproc")],
                program: "/bin/sh"
            )
            try await eventually("it listens") { sandbox.readText(server.errorPath).contains("listening") }
            var clients = try (0..<40).map { _ in try HTTPClient.unix(sandbox.socket) }
            let refused = try HTTPClient.unix(sandbox.socket)
            #expect(refused.readAll().contains("503"))
            clients.removeAll()
            try await eventually("a new client is served") {
                let client = try HTTPClient.unix(sandbox.socket)
                client.write("GET /openrpc.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return client.readAll().hasPrefix("HTTP/1.1 200")
            }
            #expect(kill(server.pid, SIGTERM) == 0)
            #expect(try await sandbox.exitCode(of: server) == 0)
        }
    }
}

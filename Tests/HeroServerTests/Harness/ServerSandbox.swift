import Foundation
import Glibc
import HeroJSON
import TestSupport
import Testing

/// A temporary directory with services, a reconciler and a server.
final class ServerSandbox: HeroprocSandbox {
    let root: String
    let environment: [String: String]

    var socket: String { root + "/api.sock" }

    private init() throws {
        root = try makeTemporaryDirectory("heroproc-server")
        environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": root, "XDG_RUNTIME_DIR": root + "/run",
            "HEROPROC_STATE": root + "/state", "HEROPROC_DIR": root + "/services.d",
            "HERO_PROC_NO_AUTOSTART_DB": "1",
        ]
        for folder in [servicesDirectory, root + "/run"] { mkdir(folder, 0o700) }
    }

    /// Runs the body with services that are applied, and ends everything afterwards.
    static func with(
        _ manifests: [String: String] = ["web": service("web")],
        _ body: (ServerSandbox) async throws -> Void
    ) async throws {
        let sandbox = try ServerSandbox()
        for (name, text) in manifests { try sandbox.writeManifest(name + ".yaml", text) }
        do {
            if !manifests.isEmpty { #expect(try await sandbox.run("apply").exitCode == 0) }
            try await body(sandbox)
        } catch {
            await sandbox.cleanUp()
            throw error
        }
        await sandbox.cleanUp()
    }

    /// The manifest of a small service.
    static func service(_ name: String, _ keys: String = "", script: String = "exec sleep 1000") -> String {
        """
        kind: Service
        name: \(name)
        \(keys)
        actions:
          - name: server
            is_process: true
            script: |
              \(script)
            retry: {delay: 10ms, jitter: 0}
        """
    }

    /// Runs `heroproc` and waits for its exit.
    func run(_ arguments: String...) async throws -> CommandResult { try await result(of: start(arguments)) }

    /// Runs the body with a server that listens on `socket` and with further options.
    func withServer(_ options: String..., body: (_ output: RunningCommand) async throws -> Void) async throws {
        let running = try start(["serve", "--listen", "unix:\(socket)"] + options)
        do {
            try await eventually("the server listens: \(readText(running.errorPath))") {
                readText(running.errorPath).contains("listening on")
            }
            try await body(running)
        } catch {
            _ = kill(running.pid, SIGKILL)
            waitpid(running.pid, nil, 0)
            throw error
        }
        #expect(kill(running.pid, SIGTERM) == 0)
        #expect(try await exitCode(of: running) == 0)
        #expect(access(socket, F_OK) != 0, "the server removes its socket")
    }

    /// The port of the TCP listener of a server.
    func port(of running: RunningCommand) throws -> Int {
        let text = readText(running.errorPath)
        let match = try #require(text.firstMatch(of: /127\.0\.0\.1:(\d+)/))
        return try #require(Int(match.1))
    }

    /// Calls a method and returns the whole response.
    func call(_ method: String, _ params: JSONValue = .object([])) throws -> JSONValue {
        let request: JSONValue = ["jsonrpc": "2.0", "method": .string(method), "params": params, "id": 1]
        let response = try HTTPClient.unix(socket).send("POST", "/rpc", body: request.text())
        #expect(response.status == 200)
        return try JSONReader.read(Array(response.body.utf8))
    }

    private func cleanUp() async {
        _ = try? await run("down", "--all")
        if reconcilerPID != nil { try? await killReconciler() }
        try? FileManager.default.removeItem(atPath: root)
    }
}

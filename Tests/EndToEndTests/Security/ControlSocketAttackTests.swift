import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Malicious clients of the control socket (guarantees AP-1 to AP-5).
@Suite("Attacks on the control socket", .serialized)
struct ControlSocketAttackTests {
    /// Opens a connection to the control socket; -1 if it is refused.
    private func connect(_ host: TestHost) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        if withUnixAddress(host.paths.controlSocket, { Glibc.connect(descriptor, $0, $1) }) == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Receives until the peer closes the connection or sends nothing for five seconds.
    private func receiveAll(from descriptor: Int32) -> String {
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &chunk, chunk.count, 0), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("An unknown or malformed message has no effect (AP-2)")
    func malformedMessages() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web")
            let revisions = try await host.run("history", "-o", "json").output
            let full =
                #"{"verb":"down","directory":"/","files":[],"actor":"x","all":true,"prunes":true,"requiresCore":false,"variables":{}"#
            let messages = [
                "", "{}", "[]", "null", "down", "GET / HTTP/1.1\r\n\r", #"{"verb":"shutdown"}"#,
                #"{"verb":"Down","all":true}"#,
                #"{"verb":"apply.__proto__"}"#, #"{"verb":["down"]}"#, #"{"verb":"down"}"#, full,
                full.replacing(#""down""#, with: #""exec""#) + "}", full.replacing("true", with: #""yes""#) + "}",
                String(repeating: "[", count: 100_000), "\u{0}\u{0}\u{0}", #"{"verb":"\u0000"}"#,
                String(repeating: "{\"verb\":", count: 5000),
            ]
            for message in messages {
                let descriptor = connect(host)
                try #require(descriptor >= 0)
                defer { close(descriptor) }
                _ = send(Array(message.utf8) + [10], to: descriptor)
                let reply = receiveAll(from: descriptor)
                #expect(
                    reply.isEmpty || reply.contains("cannot read the request"),
                    "\(message.prefix(80)): \(reply)"
                )
            }
            #expect(try await host.runningInstance("web", number: 1) == web)
            #expect(try await host.run("history", "-o", "json").output == revisions)
            #expect(try await host.run("status").exitCode == 0)
        }
    }

    @Test("Slow, endless and silent clients delay neither other clients nor restarts (AP-3)")
    func slowClients() async throws {
        try await TestHost.with { host in
            try host.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            try await host.apply()
            let pid = try #require(host.reconcilerPID)
            let resident = try #require(statusValue("VmRSS", of: pid))
            var held: [Int32] = []
            defer { for descriptor in held { close(descriptor) } }
            // More connections than the reconciler accepts, each with half a message.
            for number in 0..<80 {
                let descriptor = connect(host)
                guard descriptor >= 0 else { continue }
                held.append(descriptor)
                _ = send(Array("{\"verb\":\"apply\",\"n\":\(number)".utf8), to: descriptor)
            }
            // A client with an endless message is disconnected.
            let endless = connect(host)
            if endless >= 0 {
                held.append(endless)
                var wait = timeval(tv_sec: 2, tv_usec: 0)
                setsockopt(endless, SOL_SOCKET, SO_SNDTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
                let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
                var sent = 0
                while sent < 200 << 20, case let count = send(chunk, to: endless), count > 0 { sent += count }
                #expect(sent < 200 << 20, "an endless message is refused")
            }
            // The reconciler restarts services in the meantime.
            let instance = try await host.runningInstance("web")
            let began = ContinuousClock.now
            kill(instance.pid, SIGKILL)
            _ = try await host.runningInstance("web", number: 2)
            #expect(ContinuousClock.now - began < .seconds(15))
            #expect(host.reconcilerPID == pid)
            // After ten seconds the reconciler disconnects silent clients and accepts new ones.
            try host.declare("more")
            try await eventually("a client is served again", within: 30) {
                try await host.run("apply", "--timeout", "20s").exitCode == 0
            }
            for descriptor in held { close(descriptor) }
            held = []
            try await eventually("the memory is released") {
                try #require(statusValue("VmRSS", of: pid)) < resident + 64 << 10
            }
        }
    }

    @Test("A killed client cancels no accepted request (AP-4)")
    func killedClient() async throws {
        try await TestHost.with { host in
            try host.declare("first")
            try await host.apply()
            for round in 1...5 {
                try host.declare("web\(round)", actions: .process("wait 200"))
                let client = try host.start(["apply"])
                try await eventually("the apply is accepted") {
                    let json = try await host.run("status", "-o", "json").json
                    return json["revision"] as? Int == round + 1
                }
                kill(client.pid, SIGKILL)
                _ = try await host.exitCode(of: client)
                _ = try await host.runningInstance("web\(round)")
            }
            try await eventually("all services are ready") { try await host.run("status").exitCode == 0 }
            try await host.expectEmptyDiff()
        }
    }

    @Test(
        "A process of another user gets no reply through an open socket (AP-1)",
        .enabled(if: isRoot, "needs root")
    )
    func otherUserGetsNoReply() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let web = try await host.runningInstance("web")
            // A configuration error makes run directory and socket accessible to all users.
            chmod(host.paths.run, 0o755)
            chmod(host.paths.controlSocket, 0o777)
            let message =
                #"{"verb":"down","directory":"/","files":[],"actor":"x","all":true,"prunes":true,"requiresCore":false,"#
                + #""variables":{},"only":[],"kills":true,"allowsProtected":false,"allowsDisruption":false}"#
            #expect(try await reply(by: nobodyUID, message, host).isEmpty)
            chmod(host.paths.run, 0o711)
            chmod(host.paths.controlSocket, 0o600)
            #expect(try await host.runningInstance("web", number: 1) == web)
            #expect(try await host.run("status").exitCode == 0)
        }
    }

    /// The bytes that a process of another user receives after it connects and sends a message.
    private func reply(by user: uid_t, _ message: String, _ host: TestHost) async throws -> String {
        let directory = try makeTemporaryDirectory("hp-foreign")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try TestHost.copyOracle(to: directory)
        chmod(directory, 0o755)
        lchown(directory, user, user)
        let running = try host.start(
            ["ask", host.paths.controlSocket, message],
            environment: ["ORACLE_DIR": directory],
            program: directory + "/oracle",
            through: ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
        )
        #expect(try await host.exitCode(of: running) == 0, "\(host.readText(running.errorPath))")
        return host.readText(running.outputPath)
    }

    @Test("Only the owner of the lock replaces a stale control socket (AP-5)")
    func staleSocketIsReplaced() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            try await host.killReconciler()
            // The killed reconciler leaves its socket behind.
            #expect(access(host.paths.controlSocket, F_OK) == 0)
            try host.declare("more")
            try await host.apply()
            // A second reconciler does not touch the socket of a running one.
            var before = stat()
            lstat(host.paths.controlSocket, &before)
            #expect(try await host.run("reconcile", "--watch").exitCode == 2)
            var after = stat()
            lstat(host.paths.controlSocket, &after)
            #expect(before.st_ino == after.st_ino)
        }
    }
}

import Foundation
import Glibc
import HeroLinux
import Testing

private let isRoot = geteuid() == 0

/// Those who talk to the reconciler, and mean it harm (reliability.md AP-1 to AP-5).
@Suite("Attacks on the control socket", .serialized)
struct ControlSocketAttackTests {
    /// A raw connection to the control socket; -1 when nobody lets us in.
    private func connect(_ world: TestHost) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        if withUnixAddress(world.paths.controlSocket, { Glibc.connect(descriptor, $0, $1) }) == 0 { return descriptor }
        close(descriptor)
        return -1
    }

    private func send(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// All that comes until the other side closes, or a second has passed.
    private func receiveAll(from descriptor: Int32) -> String {
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &chunk, chunk.count, 0), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("AP-2: no message but a known one has any effect, whatever it says")
    func malformedMessages() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let web = try await world.runningInstance("web")
            let revisions = try await world.run("history", "-o", "json").output
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
                let descriptor = connect(world)
                try #require(descriptor >= 0)
                defer { close(descriptor) }
                _ = send(Array(message.utf8) + [10], to: descriptor)
                let said = receiveAll(from: descriptor)
                #expect(
                    said.isEmpty || said.contains("cannot understand the request"),
                    "\(message.prefix(80)): \(said)"
                )
            }
            #expect(try await world.runningInstance("web", number: 1) == web)
            #expect(try await world.run("history", "-o", "json").output == revisions)
            #expect(try await world.run("status").exitCode == 0)
        }
    }

    @Test("AP-3: half messages, endless ones and readers that do not read keep nobody else waiting, and heal goes on")
    func slowClients() async throws {
        try await TestHost.with { world in
            try world.declare("web", actions: .process("sleep -1", "retry: {delay: 10ms, jitter: 0}"))
            try await world.apply()
            let pid = try #require(world.reconcilerPID)
            let resident = try #require(statusValue("VmRSS", of: pid))
            var held: [Int32] = []
            defer { for descriptor in held { close(descriptor) } }
            // More than may connect at one time: half a message each.
            for number in 0..<80 {
                let descriptor = connect(world)
                guard descriptor >= 0 else { continue }
                held.append(descriptor)
                _ = send(Array("{\"verb\":\"apply\",\"n\":\(number)".utf8), to: descriptor)
            }
            // Somebody who never stops talking is cut off before he costs anything.
            let endless = connect(world)
            if endless >= 0 {
                held.append(endless)
                var wait = timeval(tv_sec: 2, tv_usec: 0)
                setsockopt(endless, SOL_SOCKET, SO_SNDTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
                let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
                var sent = 0
                while sent < 200 << 20, case let count = send(chunk, to: endless), count > 0 { sent += count }
                #expect(sent < 200 << 20, "an endless message is refused")
            }
            // Meanwhile the work goes on.
            let life = try await world.runningInstance("web")
            let began = ContinuousClock.now
            kill(life.pid, SIGKILL)
            _ = try await world.runningInstance("web", number: 2)
            #expect(ContinuousClock.now - began < .seconds(15))
            #expect(world.reconcilerPID == pid)
            // The silent ones are hung up on after their ten seconds, and there is room again.
            try world.declare("more")
            try await eventually("somebody is served again", within: 30) {
                try await world.run("apply", "--timeout", "20s").exitCode == 0
            }
            for descriptor in held { close(descriptor) }
            held = []
            try await eventually("what it cost is given back") {
                try #require(statusValue("VmRSS", of: pid)) < resident + 64 << 10
            }
        }
    }

    @Test("AP-4: a client that is killed cancels nothing that was accepted")
    func killedClient() async throws {
        try await TestHost.with { world in
            try world.declare("first")
            try await world.apply()
            for round in 1...5 {
                try world.declare("web\(round)", actions: .process("wait 200"))
                let client = try world.start(["apply"])
                try await eventually("it is accepted") {
                    let json = try await world.run("status", "-o", "json").json
                    return json["revision"] as? Int == round + 1
                }
                kill(client.pid, SIGKILL)
                _ = try await world.exitCode(of: client)
                _ = try await world.runningInstance("web\(round)")
            }
            try await eventually("all stands") { try await world.run("status").exitCode == 0 }
            try await world.expectEmptyDiff()
        }
    }

    @Test(
        "AP-1: a stranger gets no answer, even where the file of the socket lets him in",
        .enabled(if: isRoot, "needs root")
    )
    func otherUserGetsNoReply() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let web = try await world.runningInstance("web")
            // As somebody might by mistake: run directory and socket open for all.
            chmod(world.paths.run, 0o755)
            chmod(world.paths.controlSocket, 0o777)
            let order =
                #"{"verb":"down","directory":"/","files":[],"actor":"x","all":true,"prunes":true,"requiresCore":false,"#
                + #""variables":{},"only":[],"kills":true,"allowsProtected":false,"allowsDisruption":false}"#
            #expect(try await reply(by: nobodyUID, order, world).isEmpty)
            chmod(world.paths.run, 0o711)
            chmod(world.paths.controlSocket, 0o600)
            #expect(try await world.runningInstance("web", number: 1) == web)
            #expect(try await world.run("status").exitCode == 0)
        }
    }

    /// What a process of another user gets to hear, who connects and asks.
    private func reply(by user: uid_t, _ message: String, _ world: TestHost) async throws -> String {
        var template = Array("/tmp/hp-stranger-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try TestHost.copyOracle(to: folder)
        chmod(folder, 0o755)
        lchown(folder, user, user)
        let running = try world.start(
            ["ask", world.paths.controlSocket, message],
            extra: ["ORACLE_DIR": folder],
            program: folder + "/oracle",
            through: ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
        )
        #expect(try await world.exitCode(of: running) == 0, "\(world.readText(running.errorPath))")
        return world.readText(running.outputPath)
    }

    @Test("AP-5: whatever lies where the socket should be is replaced by who holds the lock, and by nobody else")
    func staleSocketIsReplaced() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            try await world.killReconciler()
            // The dead one has left its socket.
            #expect(access(world.paths.controlSocket, F_OK) == 0)
            try world.declare("more")
            try await world.apply()
            // Where one lives, a second one does not touch it.
            var before = stat()
            lstat(world.paths.controlSocket, &before)
            #expect(try await world.run("reconcile", "--watch").exitCode == 2)
            var after = stat()
            lstat(world.paths.controlSocket, &after)
            #expect(before.st_ino == after.st_ino)
        }
    }
}

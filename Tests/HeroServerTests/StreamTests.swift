import Foundation
import Glibc
import HeroJSON
import TestSupport
import Testing

@testable import HeroServer

/// A client of server-sent events.
private final class StreamClient {
    private let client: HTTPClient
    private var rest = ""
    private(set) var lastID = ""
    private(set) var events: [JSONValue] = []
    private(set) var head = ""

    init(_ sandbox: ServerSandbox, _ path: String, lastID: String? = nil) throws {
        client = try HTTPClient.unix(sandbox.socket)
        let resume = lastID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        client.write("GET \(path) HTTP/1.1\r\nHost: x\r\n\(resume)\r\n")
        while head.isEmpty {
            let part = client.read()
            if part.isEmpty { break }
            rest += part
            guard let end = rest.range(of: "\r\n\r\n") else { continue }
            head = String(rest[..<end.lowerBound])
            rest = String(rest[end.upperBound...])
        }
    }

    /// Reads events until there are this many.
    func read(_ count: Int) throws {
        while events.count < count {
            while let end = rest.range(of: "\n\n"), events.count < count {
                for line in rest[..<end.lowerBound].split(separator: "\n") {
                    if line.hasPrefix("id: ") { lastID = String(line.dropFirst(4)) }
                    if line.hasPrefix("data: ") { events.append(try JSONReader.read(Array(line.dropFirst(6).utf8))) }
                }
                rest = String(rest[end.upperBound...])
            }
            if events.count >= count { return }
            let part = client.read()
            try #require(!part.isEmpty, "the stream ended after \(events.count) of \(count) events")
            rest += part
        }
    }

    var texts: [String] { events.compactMap { $0.text(of: "text") } }
}

@Suite("Streams of the server")
struct StreamTests {
    @Test("A stream of events continues after the last event and a server restart")
    func resumesEvents() async throws {
        try await ServerSandbox.with { sandbox in
            var last = ""
            var numbers: [Int64] = []
            try await sandbox.withServer { _ in
                let stream = try StreamClient(sandbox, "/events", lastID: "1")
                try stream.read(1)
                #expect(stream.head.contains("text/event-stream"))
                numbers += stream.events.compactMap { $0.integer(of: "id") }
                last = stream.lastID
            }
            try sandbox.writeManifest("db.yaml", ServerSandbox.service("db"))
            #expect(try await sandbox.run("apply").exitCode == 0)
            try await sandbox.withServer { _ in
                let all = try sandbox.call("event.list", ["after": 1])["result"]?.items("events") ?? []
                let stream = try StreamClient(sandbox, "/events", lastID: last)
                try stream.read(all.count - numbers.count)
                numbers += stream.events.compactMap { $0.integer(of: "id") }
                #expect(numbers == all.compactMap { $0.integer(of: "id") })
            }
        }
    }

    @Test("A stream of lines has no loss and no duplicate over rotation and restarts")
    func resumesLines() async throws {
        let script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; exec sleep 1000"
        let manifest = ServerSandbox.service("web", script: script)
            .replacing("retry: {delay: 10ms, jitter: 0}", with: "log: {max_size: 16KiB, keep: 99}")
        try await ServerSandbox.with(["web": manifest]) { sandbox in
            var texts: [String] = []
            var last: String?
            for part in [1, 700, 1500, 3000] {
                try await sandbox.withServer { _ in
                    let path = "/logs/core/web/server?lines=10000"
                    let stream = try StreamClient(sandbox, path, lastID: last)
                    try stream.read(part - texts.count)
                    texts += stream.texts
                    last = stream.lastID
                }
            }
            #expect(texts == (1...3000).map { "line \($0)" })
        }
    }

    @Test("A stream of lines begins with the last lines and follows a restart")
    func followsRestart() async throws {
        try await ServerSandbox.with(["web": ServerSandbox.service("web", script: "echo $$; exec sleep 1000")]) {
            sandbox in
            try await sandbox.withServer { _ in
                let stream = try StreamClient(sandbox, "/logs/core/web")
                try stream.read(1)
                let pid = try #require(stream.texts.first.flatMap { Int32($0) })
                #expect(kill(pid, SIGKILL) == 0)
                try stream.read(2)
                #expect(Set(stream.texts).count == 2)
                #expect(stream.events.allSatisfy { $0.text(of: "action") == "server" })
            }
        }
    }

    @Test("An unknown service has no stream, and an unknown ID begins with new lines")
    func handlesUnknownNames() async throws {
        try await ServerSandbox.with(["web": ServerSandbox.service("web", script: "echo $$; exec sleep 1000")]) {
            sandbox in
            try await sandbox.withServer { _ in
                for path in [
                    "/logs/core/none", "/logs/core/web/none", "/logs/core", "/logs/../../etc", "/logs/core/..%2f",
                ] {
                    #expect(try HTTPClient.unix(sandbox.socket).send("GET", path).status == 404, "\(path)")
                }
                let first = try StreamClient(sandbox, "/logs/core/web")
                try first.read(1)
                let stream = try StreamClient(sandbox, "/logs/core/web", lastID: "nonsense")
                let pid = try #require(first.texts.first.flatMap { Int32($0) })
                #expect(kill(pid, SIGKILL) == 0)
                try stream.read(1)
                #expect(stream.texts != first.texts)
            }
        }
    }

    @Test("Positions in logs survive their text form, and other texts are refused")
    func parsesPositions() {
        let text = "migrate=3.77.0;server=4.78.1024"
        #expect(LogPositions(text)?.description == text)
        for bad in ["", "1", "server", "server=1", "server=1.2", "server=0.2.3", "server=1.2.-3", "a b=1.2.3", ";"] {
            #expect(LogPositions(bad) == nil, "\(bad)")
        }
    }
}

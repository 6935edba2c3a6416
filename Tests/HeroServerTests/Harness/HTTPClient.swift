import Foundation
import Glibc
import TestSupport
import Testing

/// A response of the server.
struct ClientResponse {
    var status: Int
    var head: String
    var body: String
}

/// A client that sends bytes as they are.
final class HTTPClient {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    static func unix(_ path: String) throws -> HTTPClient {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let client = HTTPClient(descriptor)
        try #require(withUnixAddress(path) { connect(descriptor, $0, $1) } == 0)
        client.limitWaiting()
        return client
    }

    static func tcp(_ port: Int) throws -> HTTPClient {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let client = HTTPClient(descriptor)
        try #require(withTCPAddress(port: port) { connect(descriptor, $0, $1) } == 0)
        client.limitWaiting()
        return client
    }

    private func limitWaiting() {
        var time = timeval(tv_sec: 40, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Sends bytes; ignores an error, because the server may have refused them already.
    func write(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0x4000) }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Reads once; empty at the end of the connection.
    func read() -> String {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    /// Reads until the server closes the connection.
    func readAll() -> String {
        var text = ""
        while true {
            let part = read()
            if part.isEmpty { return text }
            text += part
        }
    }

    /// Sends a request, closes the connection after it, and reads the response.
    func send(
        _ method: String,
        _ path: String,
        headers: [String] = [],
        host: String = "localhost",
        body: String = ""
    ) throws -> ClientResponse {
        let fields = ["Host: \(host)", "Connection: close", "Content-Length: \(body.utf8.count)"] + headers
        write("\(method) \(path) HTTP/1.1\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body)
        return try Self.parse(readAll())
    }

    static func parse(_ text: String) throws -> ClientResponse {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let head = String(try #require(parts.first))
        let status = try #require(head.split(separator: " ").dropFirst().first.flatMap { Int($0) }, "\(text)")
        return ClientResponse(status: status, head: head, body: parts.count > 1 ? String(parts[1]) : "")
    }
}

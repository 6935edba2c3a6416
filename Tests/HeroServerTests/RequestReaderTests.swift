import Testing

@testable import HeroServer

@Suite("Reading of HTTP requests")
struct RequestReaderTests {
    private func read(_ text: String) -> HTTPRequestReader.Progress {
        var reader = HTTPRequestReader()
        reader.append(Array(text.utf8)[...])
        return reader.next()
    }

    @Test("A request is read from pieces of one byte each")
    func readsPieces() throws {
        var reader = HTTPRequestReader()
        let text = "POST /rpc?a=%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET"
        var requests: [HTTPRequest] = []
        for byte in text.utf8 {
            reader.append([byte])
            if case .request(let request) = reader.next() { requests.append(request) }
        }
        let request = try #require(requests.first)
        #expect(requests.count == 1)
        #expect(request.method == "POST")
        #expect(request.path == "/rpc")
        #expect(request.parameter("a") == " b")
        #expect(request.body == Array("{}".utf8))
        #expect(!reader.isIdle)
    }

    @Test(
        "A request that two programs could read differently is refused",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/2\r\nHost: a\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ]
    )
    func refuses(_ text: String, _ status: Int) {
        guard case .refused(let refused, _) = read(text) else {
            Issue.record("accepted: \(text)")
            return
        }
        #expect(refused.code == status)
    }

    @Test("Headers of more than 16 KiB are refused, with and without their end")
    func refusesLongHeaders() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 16 << 10)
        for text in [head, head + "\r\n\r\n"] {
            guard case .refused(let status, _) = read(text) else {
                Issue.record("accepted")
                continue
            }
            #expect(status == .headersTooLarge)
        }
        let accepted = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 16_000) + "\r\n\r\n"
        guard case .request = read(accepted) else {
            Issue.record("refused")
            return
        }
    }

    @Test("A client that waits for permission to send its body receives it once")
    func permitsBody() {
        var reader = HTTPRequestReader()
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        reader.append(Array(head.utf8)[...])
        guard case .awaitsContinue = reader.next(), case .incomplete = reader.next() else {
            Issue.record("no permission, or two of them")
            return
        }
    }
}

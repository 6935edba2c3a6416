import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// The connection of a probe, advanced step by step.
struct ProbeConnection {
    enum OpenResult {
        case opened(ProbeConnection)
        case failed(ProbeResult)
    }

    enum Step {
        /// Wait for the same readiness as before.
        case wait
        /// Wait until the connection can be read.
        case read
        /// The probe has a result.
        case finished(ProbeResult)
        /// This address refused; try the others.
        case tryNext([ProbeAddress])
    }

    let request: ProbeRequest
    let descriptor: Descriptor
    /// The target as a text for users.
    let targetText: String
    private let remainingAddresses: [ProbeAddress]
    private var isConnected = false
    private var unsentBytes: [UInt8]
    private var receivedBytes: [UInt8] = []

    /// Connects to the first address that does not refuse at once; returns nil if there are no addresses.
    static func open(_ request: ProbeRequest, _ addresses: [ProbeAddress]) -> OpenResult? {
        var candidates = addresses[...]
        var refusal: ProbeResult?
        while let address = candidates.popFirst() {
            let result = address.connect()
            if result >= 0 {
                return .opened(ProbeConnection(request, Descriptor(result), remainingAddresses: Array(candidates)))
            }
            let reason = "cannot connect to \(describe(request)): \(errorText(0 &- result))"
            refusal = refusal ?? (MachineShortage.isOfResources(0 &- result) ? .skipped(reason) : .failed(reason))
        }
        return refusal.map { .failed($0) }
    }

    private init(_ request: ProbeRequest, _ descriptor: Descriptor, remainingAddresses: [ProbeAddress]) {
        self.request = request
        self.descriptor = descriptor
        self.remainingAddresses = remainingAddresses
        targetText = Self.describe(request)
        guard case .probe(.http(let target)) = request.question else {
            unsentBytes = []
            return
        }
        let text = Self.request(target)
        unsentBytes = Array(text.utf8)
    }

    /// Advances as far as possible without blocking.
    mutating func advance() -> Step {
        if !isConnected {
            let error = hl_socket_error(descriptor.number)
            guard error == 0 else {
                return remainingAddresses.isEmpty
                    ? .finished(.failed("cannot connect to \(targetText): \(errorText(error))"))
                    : .tryNext(remainingAddresses)
            }
            isConnected = true
            guard case .probe(.http) = request.question else { return .finished(.succeeded) }
        }
        while !unsentBytes.isEmpty {
            let sent = hl_send(descriptor.number, unsentBytes, unsentBytes.count)
            if sent == -EAGAIN { return .wait }
            if sent == -EINTR { continue }
            guard sent > 0 else {
                return .finished(.failed("cannot send a request to \(targetText): \(errorText(0 &- sent))"))
            }
            unsentBytes.removeFirst(Int(sent))
            if unsentBytes.isEmpty { return .read }
        }
        return readStatus()
    }

    /// Returns the request of a probe, without content.
    static func request(_ target: HTTPTarget) -> String {
        let host =
            switch target.server {
            case .tcp(let host, let port): TCPEndpoint(host: host, port: port).description
            case .unix: "localhost"
            }
        var fields = [("Host", host), ("User-Agent", "heroproc"), ("Accept", "*/*")]
        fields.removeAll { field in target.headers.keys.contains { $0.lowercased() == field.0.lowercased() } }
        fields += target.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if target.method.takesContent { fields.append(("Content-Length", "0")) }
        fields.append(("Connection", "close"))
        let lines = fields.map { "\($0): \($1)\r\n" }.joined()
        return "\(target.method.rawValue) \(target.path) HTTP/1.1\r\n\(lines)\r\n"
    }

    /// The state of a response of which some bytes have arrived.
    enum ResponseState: Equatable {
        /// The final status has not arrived yet.
        case incomplete
        /// The final status.
        case status(Int)
        /// It is no HTTP response.
        case invalid
    }

    /// The maximum size of a status line.
    private static let maxLineBytes = 4096
    /// The maximum size of everything before the final status line, and of the line itself.
    static let maxResponseBytes = 65_536

    private mutating func readStatus() -> Step {
        var chunk = [UInt8](repeating: 0, count: 512)
        while true {
            switch Self.parseResponse(receivedBytes) {
            case .status(let status): return .finished(result(status))
            case .invalid: return .finished(.failed("\(targetText) did not send an HTTP response"))
            case .incomplete: break
            }
            guard receivedBytes.count < Self.maxResponseBytes else {
                return .finished(.failed("\(targetText) sent only interim responses"))
            }
            let count = recv(descriptor.number, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return .wait }
            guard count > 0 else {
                let cause = count == 0 ? "it closed the connection" : errorText(errno)
                return .finished(.failed("\(targetText) sent no response: \(cause)"))
            }
            receivedBytes += chunk[..<count]
        }
    }

    private func result(_ status: Int) -> ProbeResult {
        guard case .probe(.http(let target)) = request.question, !target.accepts(status: status) else {
            return .succeeded
        }
        let expected = target.expected.isEmpty ? "" : ", not \(target.expectedText)"
        return .failed("\(targetText) responded with status \(status)\(expected)")
    }

    /// Finds the final status in the bytes that have arrived.
    ///
    /// Interim responses, such as `100 Continue` and `103 Early Hints`, are skipped (RFC 9110 15.2). A server sends
    /// `101 Switching Protocols` only on request, so here it is a final status.
    static func parseResponse(_ bytes: [UInt8]) -> ResponseState {
        var rest = bytes[...]
        while true {
            guard let end = rest.firstIndex(of: 10) else {
                return rest.count < maxLineBytes ? .incomplete : .invalid
            }
            guard let status = parseStatus(Array(rest[..<end])) else { return .invalid }
            guard (100...199).contains(status), status != 101 else { return .status(status) }
            guard let next = startAfterHeader(rest[rest.index(after: end)...]) else { return .incomplete }
            rest = rest[next...]
        }
    }

    /// Returns the index after the empty line that ends a header; nil if it has not arrived yet.
    private static func startAfterHeader(_ bytes: ArraySlice<UInt8>) -> Int? {
        var lineStart = bytes.startIndex
        while let end = bytes[lineStart...].firstIndex(of: 10) {
            let line = bytes[lineStart..<end]
            if line.isEmpty || line.elementsEqual([13]) { return end + 1 }
            lineStart = end + 1
        }
        return nil
    }

    /// Returns the status code of a line such as `HTTP/1.1 200 OK`.
    static func parseStatus(_ response: [UInt8]) -> Int? {
        let line = String(decoding: response.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/"), parts[1].utf8.count == 3 else { return nil }
        return Int(parts[1])
    }

    private static func describe(_ request: ProbeRequest) -> String {
        switch request.question {
        case .probe(.tcp(let endpoint)): "tcp \(endpoint)"
        case .probe(.unix(let path)): "socket \(path)"
        case .probe(.http(let target)): target.description
        case .probe(.exec), .probe(.log), .probe(.notify), .probe(.descriptor), .probe(.aliveFor), .probe(.watchdog),
            .probe(.memory), .listening, .command:
            ""
        }
    }
}

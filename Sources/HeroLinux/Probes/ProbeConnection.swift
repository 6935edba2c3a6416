import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Where a probe connects to.
enum ProbeAddress: Hashable, Sendable {
    case ip(family: Int32, address: [UInt8], port: UInt16)
    case unix(String)

    /// Places that need no resolver; nil when the name needs one.
    ///
    /// No host means loopback.
    static func numeric(host: String?, port: UInt16) -> [ProbeAddress]? {
        guard let host, host != "localhost" else {
            return [
                .ip(family: 4, address: [127, 0, 0, 1], port: port),
                .ip(family: 6, address: [UInt8](repeating: 0, count: 15) + [1], port: port),
            ]
        }
        var address = [UInt8](repeating: 0, count: 16)
        let family = hl_parse_address(host, &address)
        return family == 0 ? nil : [.ip(family: family, address: address, port: port)]
    }

    /// Asks the resolver; may take long.
    static func resolve(_ name: String, port: UInt16) -> [ProbeAddress] {
        var bytes = [UInt8](repeating: 0, count: 17 * 8)
        let count = Int(hl_resolve_host(name, &bytes, 8))
        return (0..<max(0, count)).map { index in
            let entry = bytes[(index * 17)..<(index * 17 + 17)]
            return .ip(family: Int32(entry.first ?? 4), address: Array(entry.dropFirst()), port: port)
        }
    }

    /// A non-blocking attempt: a descriptor, or a negated errno.
    func connect() -> Int32 {
        var pending: Int32 = 0
        switch self {
        case .ip(let family, let address, let port): return hl_connect_tcp(family, address, Int32(port), &pending)
        case .unix(let path): return hl_connect_unix(path, &pending)
        }
    }
}

/// One connection of a probe, step by step.
struct ProbeConnection {
    enum OpenResult {
        case opened(ProbeConnection)
        case failed(ProbeResult)
    }

    enum Step {
        /// For the same readiness as before.
        case wait
        /// For something to read.
        case read
        /// It is decided.
        case finished(ProbeResult)
        /// This address refused; the others are to be tried.
        case tryNext([ProbeAddress])
    }

    let request: ProbeRequest
    let descriptor: Descriptor
    /// What is connected to, in words.
    let targetText: String
    private let remainingAddresses: [ProbeAddress]
    private var isConnected = false
    private var unsentBytes: [UInt8]
    private var receivedBytes: [UInt8] = []

    /// Begins with the first place that does not refuse at once; nil when there are no places.
    static func open(_ order: ProbeRequest, _ places: [ProbeAddress]) -> OpenResult? {
        var rest = places[...]
        var refusal: ProbeResult?
        while let place = rest.popFirst() {
            let number = place.connect()
            if number >= 0 {
                return .opened(ProbeConnection(order, Descriptor(number), remainingAddresses: Array(rest)))
            }
            let reason = "cannot connect to \(describe(order)): \(errorText(0 &- number))"
            refusal = refusal ?? (FileDescriptorBudget.isExhaustion(0 &- number) ? .skipped(reason) : .failed(reason))
        }
        return refusal.map { .failed($0) }
    }

    private init(_ order: ProbeRequest, _ descriptor: Descriptor, remainingAddresses: [ProbeAddress]) {
        self.request = order
        self.descriptor = descriptor
        self.remainingAddresses = remainingAddresses
        targetText = Self.describe(order)
        guard case .probe(.http(let target)) = order.question else {
            unsentBytes = []
            return
        }
        let host =
            switch target.server {
            case .tcp(let host, let port): TCPEndpoint(host: host, port: port).description
            case .unix: "localhost"
            }
        let text =
            "GET \(target.path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: heroproc\r\nAccept: */*\r\n"
            + "Connection: close\r\n\r\n"
        unsentBytes = Array(text.utf8)
    }

    /// Goes on as far as it can without waiting.
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
            guard sent > 0 else { return .finished(.failed("cannot ask \(targetText): \(errorText(0 &- sent))")) }
            unsentBytes.removeFirst(Int(sent))
            if unsentBytes.isEmpty { return .read }
        }
        return readStatus()
    }

    private mutating func readStatus() -> Step {
        var chunk = [UInt8](repeating: 0, count: 512)
        while receivedBytes.count < 4096, !receivedBytes.contains(UInt8(ascii: "\n")) {
            let count = recv(descriptor.number, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return .wait }
            guard count > 0 else {
                let cause = count == 0 ? "it closed the connection" : errorText(errno)
                return .finished(.failed("\(targetText) gave no answer: \(cause)"))
            }
            receivedBytes += chunk[..<count]
        }
        guard let status = Self.parseStatus(receivedBytes) else {
            return .finished(.failed("\(targetText) does not speak HTTP"))
        }
        return .finished(
            (200...399).contains(status) ? .succeeded : .failed("\(targetText) answered with status \(status)")
        )
    }

    /// The status of `HTTP/1.1 200 OK`.
    static func parseStatus(_ response: [UInt8]) -> Int? {
        let line = String(decoding: response.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/"), parts[1].utf8.count == 3 else { return nil }
        return Int(parts[1])
    }

    private static func describe(_ order: ProbeRequest) -> String {
        switch order.question {
        case .probe(.tcp(let endpoint)): "tcp \(endpoint)"
        case .probe(.unix(let path)): "socket \(path)"
        case .probe(.http(let target)): target.description
        case .probe(.exec), .probe(.log), .probe(.notify), .probe(.watchdog), .listening: ""
        }
    }
}

import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Where a probe connects to.
enum Place: Hashable, Sendable {
    case ip(family: Int32, address: [UInt8], port: UInt16)
    case unix(String)

    /// Places that need no resolver; nil when the name needs one.
    ///
    /// No host means loopback.
    static func numeric(host: String?, port: UInt16) -> [Place]? {
        guard let host, host != "localhost" else {
            return [
                .ip(family: 4, address: [127, 0, 0, 1], port: port),
                .ip(family: 6, address: [UInt8](repeating: 0, count: 15) + [1], port: port),
            ]
        }
        var address = [UInt8](repeating: 0, count: 16)
        let family = hl_numeric_address(host, &address)
        return family == 0 ? nil : [.ip(family: family, address: address, port: port)]
    }

    /// Asks the resolver; may take long.
    static func resolve(_ name: String, port: UInt16) -> [Place] {
        var bytes = [UInt8](repeating: 0, count: 17 * 8)
        let count = Int(hl_resolve(name, &bytes, 8))
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
struct Conversation {
    enum Beginning {
        case begun(Conversation)
        case failed(ProbeResult)
    }

    enum Step {
        /// For the same readiness as before.
        case wait
        /// For something to read.
        case read
        /// It is decided.
        case answer(ProbeResult)
        /// This address refused; the others are to be tried.
        case next([Place])
    }

    let order: ProbeRequest
    let descriptor: Descriptor
    /// What is connected to, in words.
    let place: String
    private let rest: [Place]
    private var isConnected = false
    private var request: [UInt8]
    private var response: [UInt8] = []

    /// Begins with the first place that does not refuse at once; nil when there are no places.
    static func begin(_ order: ProbeRequest, _ places: [Place]) -> Beginning? {
        var rest = places[...]
        var refusal: ProbeResult?
        while let place = rest.popFirst() {
            let number = place.connect()
            if number >= 0 {
                return .begun(Conversation(order, Descriptor(number), rest: Array(rest)))
            }
            let reason = "cannot connect to \(describe(order)): \(errorText(0 &- number))"
            refusal = refusal ?? (Room.isLack(0 &- number) ? .skipped(reason) : .failed(reason))
        }
        return refusal.map { .failed($0) }
    }

    private init(_ order: ProbeRequest, _ descriptor: Descriptor, rest: [Place]) {
        self.order = order
        self.descriptor = descriptor
        self.rest = rest
        place = Self.describe(order)
        guard case .probe(.http(let target)) = order.question else {
            request = []
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
        request = Array(text.utf8)
    }

    /// Goes on as far as it can without waiting.
    mutating func advance() -> Step {
        if !isConnected {
            let error = hl_socket_error(descriptor.number)
            guard error == 0 else {
                return rest.isEmpty
                    ? .answer(.failed("cannot connect to \(place): \(errorText(error))")) : .next(rest)
            }
            isConnected = true
            guard case .probe(.http) = order.question else { return .answer(.succeeded) }
        }
        while !request.isEmpty {
            let sent = hl_send(descriptor.number, request, request.count)
            if sent == -EAGAIN { return .wait }
            if sent == -EINTR { continue }
            guard sent > 0 else { return .answer(.failed("cannot ask \(place): \(errorText(0 &- sent))")) }
            request.removeFirst(Int(sent))
            if request.isEmpty { return .read }
        }
        return readStatus()
    }

    private mutating func readStatus() -> Step {
        var chunk = [UInt8](repeating: 0, count: 512)
        while response.count < 4096, !response.contains(UInt8(ascii: "\n")) {
            let count = recv(descriptor.number, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return .wait }
            guard count > 0 else {
                let cause = count == 0 ? "it closed the connection" : errorText(errno)
                return .answer(.failed("\(place) gave no answer: \(cause)"))
            }
            response += chunk[..<count]
        }
        guard let status = Self.status(response) else { return .answer(.failed("\(place) does not speak HTTP")) }
        return .answer((200...399).contains(status) ? .succeeded : .failed("\(place) answered with status \(status)"))
    }

    /// The status of `HTTP/1.1 200 OK`.
    static func status(_ response: [UInt8]) -> Int? {
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

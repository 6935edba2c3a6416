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
            refusal = refusal ?? (FileDescriptors.isShortage(0 &- result) ? .skipped(reason) : .failed(reason))
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

    private mutating func readStatus() -> Step {
        var chunk = [UInt8](repeating: 0, count: 512)
        while receivedBytes.count < 4096, !receivedBytes.contains(UInt8(ascii: "\n")) {
            let count = recv(descriptor.number, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return .wait }
            guard count > 0 else {
                let cause = count == 0 ? "it closed the connection" : errorText(errno)
                return .finished(.failed("\(targetText) sent no response: \(cause)"))
            }
            receivedBytes += chunk[..<count]
        }
        guard let status = Self.parseStatus(receivedBytes) else {
            return .finished(.failed("\(targetText) did not send an HTTP response"))
        }
        return .finished(
            (200...399).contains(status) ? .succeeded : .failed("\(targetText) responded with status \(status)")
        )
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
        case .probe(.exec), .probe(.log), .probe(.notify), .probe(.watchdog), .listening: ""
        }
    }
}

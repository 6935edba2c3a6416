import CHeroLinux

/// The address that a probe connects to.
enum ProbeAddress: Hashable, Sendable {
    case ip(family: Int32, address: [UInt8], port: UInt16)
    case unix(String)

    /// Returns the addresses that need no resolver; nil if the host name needs one.
    ///
    /// Without a host, the loopback addresses are used.
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

    /// Resolves a host name; may block for a long time.
    static func resolve(_ name: String, port: UInt16) -> [ProbeAddress] {
        var bytes = [UInt8](repeating: 0, count: 17 * 8)
        let count = Int(hl_resolve_host(name, &bytes, 8))
        return (0..<max(0, count)).map { index in
            let entry = bytes[(index * 17)..<(index * 17 + 17)]
            return .ip(family: Int32(entry.first ?? 4), address: Array(entry.dropFirst()), port: port)
        }
    }

    /// Starts a non-blocking connect; returns a descriptor or a negated errno.
    func connect() -> Int32 {
        var pending: Int32 = 0
        switch self {
        case .ip(let family, let address, let port): return hl_connect_tcp(family, address, Int32(port), &pending)
        case .unix(let path): return hl_connect_unix(path, &pending)
        }
    }
}

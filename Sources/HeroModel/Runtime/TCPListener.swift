/// A numeric IP address.
public enum IPAddress: Hashable, Sendable {
    /// An IPv4 address: 4 bytes.
    case v4([UInt8])
    /// An IPv6 address: 16 bytes.
    case v6([UInt8])

    /// Whether this is the wildcard address of its family.
    public var isWildcard: Bool {
        switch self {
        case .v4(let bytes), .v6(let bytes): bytes.allSatisfy { $0 == 0 }
        }
    }
}

/// A listening TCP socket, and the rules for its effect on declared endpoints (TP-1).
public struct TCPListener: Hashable, Sendable {
    /// The address to which the socket is bound.
    public var address: IPAddress
    /// The port.
    public var port: UInt16
    /// Whether an IPv6 socket accepts no IPv4 connections (IPV6_V6ONLY).
    public var isIPv6Only: Bool

    /// Creates a listener.
    public init(address: IPAddress, port: UInt16, isIPv6Only: Bool = false) {
        self.address = address
        self.port = port
        self.isIPv6Only = isIPv6Only
    }

    /// Whether the listener prevents a program from binding an endpoint.
    ///
    /// Both must have the same port.
    ///
    /// - Parameters:
    ///   - host: The host of the endpoint; nil for any address.
    ///   - parse: Parses a numeric address; returns nil for a name, which may have any address.
    /// - Returns: true if the program cannot bind the endpoint, or may not be able to.
    public func blocks(host: String?, parse: (String) -> IPAddress?) -> Bool {
        // An endpoint without an address may be bound in either address family.
        guard let host, host != "::" else { return true }
        guard let wanted = parse(host == "localhost" ? "127.0.0.1" : host) else { return true }
        return covers(wanted) || (isSameFamily(wanted) && wanted.isWildcard)
    }

    /// Whether the listener accepts connections to an endpoint.
    ///
    /// Both must have the same port.
    ///
    /// - Parameters:
    ///   - host: The host of the endpoint; nil for any address.
    ///   - parse: Parses a numeric address; returns nil for a name, which may have any address.
    /// - Returns: true if connections to the endpoint reach the listener, or may reach it.
    public func accepts(host: String?, parse: (String) -> IPAddress?) -> Bool {
        guard let host, host != "localhost", let wanted = parse(host) else { return true }
        return covers(wanted)
    }

    /// A wildcard address covers every address of its family; `::` without IPV6_V6ONLY also covers IPv4 addresses.
    private func covers(_ wanted: IPAddress) -> Bool {
        if isSameFamily(wanted) { return address.isWildcard || address == wanted }
        if case .v4 = wanted { return address.isWildcard && !isIPv6Only }
        return false
    }

    private func isSameFamily(_ other: IPAddress) -> Bool {
        switch (address, other) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }
}

/// The claims on TCP ports, by port number and address; finds an earlier claim that overlaps a new one.
struct ClaimedPorts {
    /// An address with a port.
    private struct BoundAddress: Hashable {
        var port: UInt16
        var address: NumericAddress
    }

    /// The claims on one port.
    ///
    /// Most ports have exactly one claim, so the first one is stored separately.
    ///
    /// All values are indices of claims.
    private struct PortClaims {
        var first: Int
        var firstAddress: NumericAddress?
        var firstIPv4: Int?
        var anyAddress: Int?
        var anyIPv4: Int?

        mutating func add(_ claim: Int, _ address: NumericAddress?) {
            guard let address, !address.isAny6 else {
                anyAddress = anyAddress ?? claim
                return
            }
            if address.isVersion4, firstIPv4 == nil { firstIPv4 = claim }
            if address.isAny4, anyIPv4 == nil { anyIPv4 = claim }
        }
    }

    private var ports: [UInt16: PortClaims] = [:]
    /// The second and later claims on a port, by address.
    private var laterClaims: [BoundAddress: Int] = [:]

    /// Adds a claim on an address of a port; nil means every address.
    mutating func add(_ claim: Int, _ address: NumericAddress?, _ port: UInt16) {
        if ports[port] != nil, let address {
            let boundAddress = BoundAddress(port: port, address: address)
            if laterClaims[boundAddress] == nil { laterClaims[boundAddress] = claim }
        }
        ports[port, default: PortClaims(first: claim, firstAddress: address)].add(claim, address)
    }

    /// Returns the first claim that overlaps an address of a port; nil if there is none.
    func claimOverlapping(_ address: NumericAddress?, _ port: UInt16) -> Int? {
        guard let claims = ports[port] else { return nil }
        guard let address, !address.isAny6 else { return claims.first }
        if let any = claims.anyAddress { return any }
        if address.isAny4 { return claims.firstIPv4 }
        if address.isVersion4, let any4 = claims.anyIPv4 { return any4 }
        if claims.firstAddress == address { return claims.first }
        return laterClaims[BoundAddress(port: port, address: address)]
    }
}

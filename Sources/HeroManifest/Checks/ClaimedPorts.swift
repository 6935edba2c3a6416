/// The claims on ports by their numbers, found by what they overlap.
struct ClaimedPorts {
    /// One address of one port.
    private struct BoundAddress: Hashable {
        var port: UInt16
        var address: NumericAddress
    }

    /// The claims on one port: nearly every port has one.
    private struct PortClaims {
        var first: Int
        var firstAddress: NumericAddress?
        var firstIPv4: Int?
        var anyAddress: Int?
        var anyIPv4: Int?

        mutating func add(_ number: Int, _ address: NumericAddress?) {
            guard let address, !address.isAny6 else {
                anyAddress = anyAddress ?? number
                return
            }
            if address.isVersion4, firstIPv4 == nil { firstIPv4 = number }
            if address.isAny4, anyIPv4 == nil { anyIPv4 = number }
        }
    }

    private var ports: [UInt16: PortClaims] = [:]
    /// The later claims of a port, by address.
    private var laterClaims: [BoundAddress: Int] = [:]

    /// Takes a claim on an address of a port; nil is every address.
    mutating func add(_ number: Int, _ address: NumericAddress?, _ port: UInt16) {
        if ports[port] != nil, let address {
            let place = BoundAddress(port: port, address: address)
            if laterClaims[place] == nil { laterClaims[place] = number }
        }
        ports[port, default: PortClaims(first: number, firstAddress: address)].add(number, address)
    }

    /// A claim that this one overlaps; nil when there is none.
    func claimOverlapping(_ address: NumericAddress?, _ port: UInt16) -> Int? {
        guard let known = ports[port] else { return nil }
        guard let address, !address.isAny6 else { return known.first }
        if let any = known.anyAddress { return any }
        if address.isAny4 { return known.firstIPv4 }
        if address.isVersion4, let any4 = known.anyIPv4 { return any4 }
        if known.firstAddress == address { return known.first }
        return laterClaims[BoundAddress(port: port, address: address)]
    }
}

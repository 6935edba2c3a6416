/// The claims on ports by their numbers, found by what they overlap.
struct ClaimedPorts {
    /// One address of one port.
    private struct BoundAddress: Hashable {
        var port: UInt16
        var address: NumericAddress
    }

    /// The claims on one port: nearly every port has one.
    private struct Known {
        var first: Int
        var firstAddress: NumericAddress?
        var first4: Int?
        var any: Int?
        var any4: Int?

        mutating func note(_ number: Int, _ address: NumericAddress?) {
            guard let address, !address.isAny6 else {
                any = any ?? number
                return
            }
            if address.isVersion4, first4 == nil { first4 = number }
            if address.isAny4, any4 == nil { any4 = number }
        }
    }

    private var ports: [UInt16: Known] = [:]
    /// The later claims of a port, by address.
    private var others: [BoundAddress: Int] = [:]

    /// Takes a claim on an address of a port; nil is every address.
    mutating func note(_ number: Int, _ address: NumericAddress?, _ port: UInt16) {
        if ports[port] != nil, let address {
            let place = BoundAddress(port: port, address: address)
            if others[place] == nil { others[place] = number }
        }
        ports[port, default: Known(first: number, firstAddress: address)].note(number, address)
    }

    /// A claim that this one overlaps; nil when there is none.
    func overlapping(_ address: NumericAddress?, _ port: UInt16) -> Int? {
        guard let known = ports[port] else { return nil }
        guard let address, !address.isAny6 else { return known.first }
        if let any = known.any { return any }
        if address.isAny4 { return known.first4 }
        if address.isVersion4, let any4 = known.any4 { return any4 }
        if known.firstAddress == address { return known.first }
        return others[BoundAddress(port: port, address: address)]
    }
}

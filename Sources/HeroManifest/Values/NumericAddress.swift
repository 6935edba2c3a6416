/// The value of an IPv4 or IPv6 address; two spellings of the same address are equal.
///
/// Stored as 128 bits in network order. An IPv4 address is stored in its IPv6 form (RFC 4291, 2.5.5.2).
struct NumericAddress: Hashable {
    private let high: UInt64
    private let low: UInt64

    /// Parses `127.0.0.1`, `::1` or `::ffff:127.0.0.1`; nil if the text is not a numeric address.
    init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        if let value = Self.version4(text.utf8) {
            (high, low) = (0, 0xFFFF << 32 | UInt64(value))
        } else {
            guard text.utf8.contains(UInt8(ascii: ":")), let groups = Self.version6(text) else { return nil }
            high = Self.join(groups.prefix(4))
            low = Self.join(groups.suffix(4))
        }
    }

    /// `0.0.0.0`: every IPv4 address.
    var isAny4: Bool { high == 0 && low == 0xFFFF << 32 }

    /// `::`: every address.
    var isAny6: Bool { high == 0 && low == 0 }

    /// Whether this is an IPv4 address, also in its IPv6 form.
    var isVersion4: Bool { high == 0 && low >> 32 == 0xFFFF }

    private static func join(_ groups: ArraySlice<UInt16>) -> UInt64 {
        groups.reduce(0) { $0 << 16 | UInt64($1) }
    }

    private static func version4(_ bytes: some Sequence<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var part: UInt32?
        var dots = 0
        for byte in bytes {
            switch (byte, part) {
            case (UInt8(ascii: "."), let complete?) where dots < 3:
                value = value << 8 | complete
                part = nil
                dots += 1
            case (48...57, nil): part = UInt32(byte) - 48
            // No leading zeros: some programs read `010` as octal, others as decimal.
            case (48...57, let value?) where value > 0 && value < 26:
                let longer = value * 10 + UInt32(byte) - 48
                guard longer <= 255 else { return nil }
                part = longer
            default: return nil
            }
        }
        guard dots == 3, let part else { return nil }
        return value << 8 | part
    }

    private static func version6(_ text: String) -> [UInt16]? {
        // At most one `::`, which stands for the missing groups of zeros.
        var halves: [Substring] = []
        var rest = text[...]
        var index = rest.startIndex
        while index < rest.endIndex {
            let next = rest.index(after: index)
            if rest[index] == ":", next < rest.endIndex, rest[next] == ":" {
                halves.append(rest[..<index])
                rest = rest[rest.index(after: next)...]
                index = rest.startIndex
            } else {
                index = next
            }
        }
        halves.append(rest)
        guard halves.count <= 2, let first = groups(halves[0], mayEndInIPv4: halves.count == 1) else { return nil }
        if halves.count == 1 { return first.count == 8 ? first : nil }
        guard let second = groups(halves[1], mayEndInIPv4: true), first.count + second.count < 8 else { return nil }
        return first + Array(repeating: 0, count: 8 - first.count - second.count) + second
    }

    private static func groups(_ text: Substring, mayEndInIPv4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var result: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard let tail = version4(part.utf8) else { return nil }
                result += [UInt16(truncatingIfNeeded: tail >> 16), UInt16(truncatingIfNeeded: tail)]
            } else {
                guard (1...4).contains(part.utf8.count), part.first != "+", part.first != "-",
                    let group = UInt16(part, radix: 16)
                else { return nil }
                result.append(group)
            }
        }
        return result.count <= 8 ? result : nil
    }
}

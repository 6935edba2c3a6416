extension TimeZoneRules {
    /// Reads a time zone file of the IANA database: TZif, versions 1 to 4 (RFC 9636).
    ///
    /// The content is not trusted. Returns nil if the file has another format, contains impossible values, or counts
    /// leap seconds.
    public init?(tzif bytes: [UInt8]) {
        guard let first = TZifBlock(bytes, at: 0, timeSize: 4) else { return nil }
        guard first.version >= UInt8(ascii: "2") else {
            guard let changes = first.transitions, let offset = first.initialOffset else { return nil }
            self.init(offset: offset, transitions: changes, rule: nil)
            return
        }
        // From version 2 on the data is repeated with 64 bits, and a line with the rule for the future follows.
        guard let block = TZifBlock(bytes, at: first.end, timeSize: 8),
            let changes = block.transitions, let offset = block.initialOffset
        else { return nil }
        let line = bytes[block.end...]
        guard line.first == UInt8(ascii: "\n"), let end = line.dropFirst().firstIndex(of: UInt8(ascii: "\n")) else {
            return nil
        }
        let text = line[(line.startIndex + 1)..<end]
        guard !text.isEmpty else {
            self.init(offset: offset, transitions: changes, rule: nil)
            return
        }
        guard let rule = YearlyRule(text) else { return nil }
        self.init(offset: offset, transitions: changes, rule: rule)
    }
}

/// A header and its data (RFC 9636 sections 3.1 and 3.2).
private struct TZifBlock {
    /// The version as an ASCII digit; 0 for version 1.
    let version: UInt8
    /// The index of the first byte after the block.
    let end: Int

    private let bytes: [UInt8]
    private let start: Int
    private let timeSize: Int
    private let timeCount: Int
    private let typeCount: Int

    /// Reads a block; nil if it is incomplete or counts leap seconds.
    init?(_ bytes: [UInt8], at header: Int, timeSize: Int) {
        guard bytes.count - header >= 44, bytes[header..<(header + 4)].elementsEqual("TZif".utf8) else { return nil }
        let counts = (0..<6).map { Int(Self.number(bytes, at: header + 20 + 4 * $0, size: 4) & 0xFFFF_FFFF) }
        let (universal, standard, leaps, times, types, letters) = (
            counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]
        )
        version = bytes[header + 4]
        start = header + 44
        // Each count has 32 bits, so the sum cannot overflow.
        end = start + times * (timeSize + 1) + types * 6 + letters + leaps * (timeSize + 4) + standard + universal
        guard end <= bytes.count, leaps == 0 else { return nil }
        self.bytes = bytes
        self.timeSize = timeSize
        timeCount = times
        typeCount = types
    }

    /// The offset before the first change.
    var initialOffset: Int64? { offset(ofType: 0) }

    /// The changes; nil if they are out of order or out of range.
    var transitions: [TimeZoneRules.Transition]? {
        var changes: [TimeZoneRules.Transition] = []
        changes.reserveCapacity(timeCount)
        for index in 0..<timeCount {
            let time = Self.number(bytes, at: start + index * timeSize, size: timeSize)
            let type = Int(bytes[start + timeCount * timeSize + index])
            guard time >= 0 &- TimeZoneRules.maxTime, time <= TimeZoneRules.maxTime, let offset = offset(ofType: type),
                changes.last.map({ $0.time < time }) ?? true
            else { return nil }
            changes.append(TimeZoneRules.Transition(time: time, offset: offset))
        }
        return changes
    }

    private func offset(ofType type: Int) -> Int64? {
        guard type < typeCount else { return nil }
        let offset = Self.number(bytes, at: start + timeCount * (timeSize + 1) + type * 6, size: 4)
        return offset.magnitude <= TimeZoneRules.maxOffset.magnitude ? offset : nil
    }

    /// A signed number in big-endian order.
    private static func number(_ bytes: [UInt8], at index: Int, size: Int) -> Int64 {
        var value: UInt64 = bytes[index] >= 0x80 ? .max : 0
        for byte in bytes[index..<(index + size)] { value = value << 8 | UInt64(byte) }
        return Int64(bitPattern: value)
    }
}

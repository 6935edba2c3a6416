/// A signal by its number on Linux.
public struct Signal: Hashable, Sendable, Codable {
    /// The number, 1 to 64.
    public var number: Int32

    /// Makes a signal from its number.
    public init(number: Int32) {
        self.number = number
    }

    /// SIGTERM.
    public static let term = Signal(number: 15)
    /// SIGKILL.
    public static let kill = Signal(number: 9)

    /// The names in manifests, without `SIG`, and their numbers (signal(7), x86 and arm).
    public static let names: [(name: String, number: Int32)] = [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8),
        ("KILL", 9), ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15),
        ("STKFLT", 16), ("CHLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21), ("TTOU", 22),
        ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29),
        ("PWR", 30), ("SYS", 31),
    ]

    /// The real-time signals that programs can use; the C library keeps 32 and 33 (signal(7), glibc).
    public static let realTime: ClosedRange<Int32> = 34...64

    /// Whether the signal suspends or continues a program, and does not end a program that does not handle it.
    public var isSuspending: Bool { (18...22).contains(number) }

    /// Parses `TERM`, `SIGTERM`, `RTMIN+3` or `RTMAX-1`; real-time signals count from 34 to 64.
    public init?(name: String) {
        let bare = name.utf8.starts(with: "SIG".utf8) ? String(name.dropFirst(3)) : name
        if let match = Self.names.first(where: { $0.name == bare }) {
            self.init(number: match.number)
        } else if let number = Self.realTimeNumber(bare) {
            self.init(number: number)
        } else {
            return nil
        }
    }

    /// Returns the number of `RTMIN`, `RTMIN+3`, `RTMAX` or `RTMAX-1`; nil for all other texts.
    private static func realTimeNumber(_ name: String) -> Int32? {
        let isFromStart = name.utf8.starts(with: "RTMIN".utf8)
        guard isFromStart || name.utf8.starts(with: "RTMAX".utf8) else { return nil }
        let start = isFromStart ? realTime.lowerBound : realTime.upperBound
        let rest = name.utf8.dropFirst(5)
        guard let sign = rest.first else { return start }
        let digits = rest.dropFirst()
        guard sign == UInt8(ascii: isFromStart ? "+" : "-"), (1...2).contains(digits.count),
            digits.allSatisfy({ (48...57).contains($0) }), digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { return nil }
        let offset = digits.reduce(Int32(0)) { $0 * 10 + Int32($1) - 48 }
        let number = isFromStart ? start + offset : start - offset
        return realTime.contains(number) ? number : nil
    }
}

extension Signal: CustomStringConvertible {
    /// The name, such as `TERM` or `RTMIN+3`, or the number of a signal without a name.
    public var description: String {
        if let name = Self.names.first(where: { $0.number == number })?.name { return name }
        guard Self.realTime.contains(number) else { return String(number) }
        if number == Self.realTime.upperBound { return "RTMAX" }
        return number == Self.realTime.lowerBound ? "RTMIN" : "RTMIN+\(number - Self.realTime.lowerBound)"
    }
}

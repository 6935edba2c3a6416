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

    /// Parses `TERM` or `SIGTERM`.
    public init?(name: String) {
        let bare = name.utf8.starts(with: "SIG".utf8) ? String(name.dropFirst(3)) : name
        guard let match = Self.names.first(where: { $0.name == bare }) else { return nil }
        self.init(number: match.number)
    }
}

extension Signal: CustomStringConvertible {
    /// The name, such as `TERM`, or the number of a signal without a name.
    public var description: String { Self.names.first { $0.number == number }?.name ?? String(number) }
}

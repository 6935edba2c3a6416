import ArgumentParser

/// A duration as manifests write it: `250ms`, `3s`, `10m`, `2h`, `7d`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
    /// The duration.
    let duration: Duration
    private let text: String

    /// Creates a default value of whole seconds.
    init(_ duration: Duration) {
        self.duration = duration
        text = "\(duration.components.seconds)s"
    }

    /// Parses a duration.
    init?(argument: String) {
        let units: [(name: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        let digits = argument.prefix { ("0"..."9").contains($0) }
        let unit = argument.dropFirst(digits.count)
        guard let number = Int64(digits), let size = units.first(where: { $0.name == unit })?.milliseconds else {
            return nil
        }
        // A duration over a century becomes a century.
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: size)
        duration = .milliseconds(overflow ? Self.longest : min(milliseconds, Self.longest))
        text = argument
    }

    var description: String { text }
    var defaultValueDescription: String { text }

    private static let longest: Int64 = 36_500 * 86_400_000
}

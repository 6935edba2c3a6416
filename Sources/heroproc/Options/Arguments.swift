import ArgumentParser
import HeroManifest
import HeroModel

/// A duration as manifests write it: `250ms`, `3s`, `10m`, `2h`, `7d`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
    /// How long.
    let duration: Duration
    private let text: String

    /// Makes a default of whole seconds.
    init(_ duration: Duration) {
        self.duration = duration
        text = "\(duration.components.seconds)s"
    }

    /// Reads one.
    init?(argument: String) {
        let units: [(name: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        let digits = argument.prefix { ("0"..."9").contains($0) }
        let unit = argument.dropFirst(digits.count)
        guard let number = Int64(digits), let size = units.first(where: { $0.name == unit })?.milliseconds else {
            return nil
        }
        // Longer than a century is a century.
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: size)
        duration = .milliseconds(overflow ? Self.longest : min(milliseconds, Self.longest))
        text = argument
    }

    var description: String { text }
    var defaultValueDescription: String { text }

    private static let longest: Int64 = 36_500 * 86_400_000
}

/// A service as users name it: `NAME` of the context `core`, or `CONTEXT/NAME`.
struct ServiceArgument: ExpressibleByArgument {
    /// The service.
    let name: QualifiedName

    /// Reads one.
    init?(argument: String) {
        guard let name = QualifiedName(reference: argument, in: QualifiedName.defaultContext) else { return nil }
        self.name = name
    }
}

/// A service, or one action of it: `NAME[.ACTION]` or `CONTEXT/NAME[.ACTION]`.
struct ActionArgument: ExpressibleByArgument {
    /// The service.
    let service: QualifiedName
    /// The action; nil for all of them.
    let action: String?

    /// Reads one.
    init?(argument: String) {
        let parts = argument.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first,
            let service = QualifiedName(reference: String(first), in: QualifiedName.defaultContext)
        else { return nil }
        self.service = service
        action = parts.count == 2 ? String(parts[1]) : nil
        if let action, !QualifiedName.isValid(action) { return nil }
    }
}

/// A variable with its value: `NAME=VALUE`.
struct VariableArgument: ExpressibleByArgument {
    /// The name.
    let name: String
    /// The value; may be empty.
    let value: String

    /// Reads one.
    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, Manifests.isVariableName(parts[0]) else { return nil }
        name = String(parts[0])
        value = String(parts[1])
    }
}

/// A phase of jobs.
struct PhaseArgument: ExpressibleByArgument {
    /// The phase.
    let phase: JobPhase

    /// Reads one.
    init?(argument: String) {
        guard let phase = JobPhase(rawValue: argument) else { return nil }
        self.phase = phase
    }

    static var allValueStrings: [String] { JobPhase.allCases.map(\.rawValue) }
}

public import HeroJSON
import HeroModel

/// What the processes of services use, as a table.
public struct StatsView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// One line per service and standalone action, and a line with the sum.
    ///
    /// - Parameters:
    ///   - report: The report.
    ///   - earlier: An earlier report; with it, the table shows the share of a processor since then.
    /// - Returns: The lines.
    public func text(_ report: UsageReport, since earlier: UsageReport? = nil) -> String {
        let owners = report.services + report.standalone
        guard !owners.isEmpty else { return "No service was applied yet.\n" }
        let numbers = (earlier == nil ? [] : ["CPU%"]) + ["CPU", "MEMORY", "PROCESSES", "THREADS", "FILES"]
        var table = Table([.init(heading: "NAME")] + numbers.map { .init(heading: $0, alignment: .right) })
        let before = (earlier?.services ?? []) + (earlier?.standalone ?? [])
        let times = Dictionary(
            before.map { ($0.name, $0.total.cpuMicroseconds) },
            uniquingKeysWith: { first, _ in first }
        )
        table.rows = owners.map { owner in
            let usage = owner.total
            guard usage != .none else { return [.init(owner.name.description)] }
            var texts = [
                Self.time(usage.cpuMicroseconds), Self.size(usage.memory), Self.number(usage.processes),
                Self.number(usage.threads), Self.number(usage.descriptors),
            ]
            if let earlier {
                let elapsed = earlier.now.elapsed(until: report.now).wholeMilliseconds
                texts.insert(share(of: usage, since: times[owner.name] ?? nil, elapsed), at: 0)
            }
            return [.init(owner.name.description)] + texts.map { .init($0) }
        }
        return table.text(style) + summary(owners) + "\n"
    }

    /// The share of a processor in percent with one digit; empty for a service that did not run before.
    private func share(of usage: ResourceUsage, since earlier: Int64?, _ milliseconds: Int64) -> String {
        guard let now = usage.cpuMicroseconds else { return Self.unknown }
        guard let earlier, milliseconds > 0 else { return "" }
        // A new process begins at zero.
        let perMille = max(0, now &- earlier) / milliseconds
        return "\(perMille / 10).\(perMille % 10)"
    }

    private func summary(_ owners: [UsageReport.Owner]) -> String {
        let running = owners.filter { $0.total != .none }
        let total = running.reduce(.none) { $0 + $1.total }
        let parts = [
            total.processes.map { counted(Int($0), "process", "processes") } ?? "\(Self.unknown) processes",
            "\(Self.size(total.memory)) of memory",
            "\(Self.time(total.cpuMicroseconds)) of processor time",
        ]
        let isIncomplete = running.contains { owner in
            let usage = owner.total
            let numbers = [usage.cpuMicroseconds, usage.memory, usage.processes, usage.threads, usage.descriptors]
            return numbers.contains(nil)
        }
        let hint = isIncomplete ? " \(Self.unknown) is unknown: this user may not read all processes." : ""
        return "\(running.count) of \(owners.count) run: \(parts.joined(separator: ", ")).\(hint)"
    }

    /// The text of an unknown number.
    private static let unknown = "?"

    private static func number(_ value: Int64?) -> String { value.map { String($0) } ?? unknown }

    static func size(_ bytes: Int64?) -> String { bytes.map(Canonical.roundedSize) ?? unknown }

    static func time(_ microseconds: Int64?) -> String {
        microseconds.map { Duration.microseconds($0).shortText } ?? unknown
    }
}

extension StatsView {
    /// `heroproc/stats/v1`.
    public static func json(_ report: UsageReport) -> JSONValue {
        [
            "schema": "heroproc/stats/v1",
            "services": .array(report.services.map(json)),
            "standalone": .array(report.standalone.map(json)),
        ]
    }

    private static func json(_ owner: UsageReport.Owner) -> JSONValue {
        let names: [JSONValue.Member] = [
            .init("context", .string(owner.name.context)), .init("name", .string(owner.name.name)),
        ]
        let total = owner.total
        return .object(names + members(total) + [.init("processes", JSONValue(total.processes))])
    }

    /// The numbers that a process has, too.
    static func members(_ usage: ResourceUsage) -> [JSONValue.Member] {
        [
            .init("cpu_microseconds", JSONValue(usage.cpuMicroseconds)),
            .init("memory_bytes", JSONValue(usage.memory)),
            .init("threads", JSONValue(usage.threads)),
            .init("descriptors", JSONValue(usage.descriptors)),
        ]
    }
}

import Foundation

/// The number of cycles and the seed of tests with a long form.
///
/// `make torture` sets `HP_TORTURE` and `HP_SEED`, and collects the rows of all tests in one table. Without them the tests
/// have a short form that is the same every time.
public enum TestSettings {
    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["HP_TORTURE"].flatMap { Int($0) }

    /// Whether tests run that disturb other programs of the machine (`make test-slow`).
    public static let isSlow = environment["HP_SLOW"] != nil

    /// Whether the tests run in their long form.
    public static var isLong: Bool { kills != nil }

    /// The number of cycles: `short`, or in the long form the requested number divided by `share`.
    public static func cycles(_ short: Int, share: Int = 1) -> Int { kills.map { max(short, $0 / share) } ?? short }

    /// The seed of a run.
    ///
    /// Tests report it, so that the run can be repeated.
    public static func seed() -> UInt64 {
        switch environment["HP_SEED"] {
        case let text? where UInt64(text) != nil: UInt64(text) ?? 0
        case "random"?: UInt64.random(in: 0...UInt64.max)
        case nil, _?: 1
        }
    }

    /// The columns of the table that `make torture` prints.
    public static let reportColumns = [
        "row", "cycles", "shims hit", "instances", "duplicates", "lost (allowed)", "lost (not)", "invented", "lines",
        "lines lost (allowed)", "lines lost (not)", "other", "slowest", "seed", "verdict",
    ]

    /// Appends a row to that table.
    ///
    /// A missing value is shown as a dash.
    public static func reportRow(_ values: [String: String]) {
        if let path = environment["HP_REPORT"] {
            let text = try? String(contentsOfFile: path, encoding: .utf8)
            if text?.contains("row\t") != true { reportLine(reportColumns) }
        }
        reportLine(reportColumns.map { values[$0] ?? "-" })
    }

    /// Appends a line to the report that `make torture` prints at its end.
    public static func reportLine(_ columns: [String]) {
        let line = columns.joined(separator: "\t") + "\n"
        print(columns.joined(separator: "  "))
        guard let path = environment["HP_REPORT"] else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        _ = line.withCString { write(file, $0, strlen($0)) }
        close(file)
    }
}

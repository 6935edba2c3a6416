/// Renders metrics in the OpenMetrics text format 1.0.
struct MetricsText {
    /// The kinds of metric families that heroproc has.
    enum Kind: String {
        case gauge
        case counter
    }

    /// The value of the header `Content-Type`.
    static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    private(set) var text = ""

    /// Adds a family without its samples.
    mutating func addFamily(_ name: String, _ kind: Kind, _ help: String) {
        text += "# TYPE \(name) \(kind.rawValue)\n"
        if name.hasSuffix("_seconds") { text += "# UNIT \(name) seconds\n" }
        if name.hasSuffix("_bytes") { text += "# UNIT \(name) bytes\n" }
        text += "# HELP \(name) \(help)\n"
    }

    /// Adds a sample of the last family; its name has the suffix of the kind.
    mutating func addSample(_ name: String, _ labels: [(name: String, value: String)] = [], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escape($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// The whole text with its end.
    var complete: String { text + "# EOF\n" }

    /// A number of microseconds in seconds.
    static func seconds(_ microseconds: Int64) -> String {
        let magnitude = microseconds.magnitude
        let fraction = String(magnitude % 1_000_000)
        return (microseconds < 0 ? "-" : "") + "\(magnitude / 1_000_000)."
            + String(repeating: "0", count: 6 - fraction.count) + fraction
    }

    private static func escape(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

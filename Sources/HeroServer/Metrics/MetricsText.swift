/// Renders metrics in the OpenMetrics text format 1.0, or in the older text format of Prometheus.
struct MetricsText {
    /// The text formats.
    enum Format {
        case openMetrics
        /// `promtool check metrics` and some agents read only this one.
        case prometheus

        /// The format of a response to a request with this `Accept` header.
        init(accept: String?) {
            let accept = accept ?? ""
            let isOld = accept.contains("text/plain") && !accept.contains("application/openmetrics-text")
            self = isOld ? .prometheus : .openMetrics
        }

        /// The value of the header `Content-Type`.
        var contentType: String {
            switch self {
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            }
        }
    }

    /// The kinds of metric families that heroproc has.
    enum Kind: String {
        case gauge
        case counter
        case summary
    }

    let format: Format
    private(set) var text = ""

    init(_ format: Format = .openMetrics) { self.format = format }

    /// Adds a family without its samples.
    mutating func addFamily(_ name: String, _ kind: Kind, _ help: String) {
        switch format {
        case .openMetrics:
            text += "# TYPE \(name) \(kind.rawValue)\n"
            if name.hasSuffix("_seconds") { text += "# UNIT \(name) seconds\n" }
            if name.hasSuffix("_bytes") { text += "# UNIT \(name) bytes\n" }
            text += "# HELP \(name) \(help)\n"
        case .prometheus:
            let family = kind == .counter ? name + "_total" : name
            text += "# HELP \(family) \(help)\n# TYPE \(family) \(kind.rawValue)\n"
        }
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
    var complete: String {
        switch format {
        case .openMetrics: text + "# EOF\n"
        case .prometheus: text
        }
    }

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

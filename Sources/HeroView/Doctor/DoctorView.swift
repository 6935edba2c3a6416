public import HeroJSON
import HeroModel

/// The checks of a machine for people and tools.
public struct DoctorView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// The checks in their groups, and a summary as the last line.
    public func text(_ report: DoctorReport) -> String {
        let width = report.checks.map(\.code.columns).max() ?? 0
        var result = ""
        for group in DoctorCheck.Group.allCases {
            let found = report.checks.filter { $0.group == group }
            guard !found.isEmpty else { continue }
            result += style.paint(group.title, .bold) + "\n"
            for finding in found { result += text(finding, width) }
            result += "\n"
        }
        return result + summary(report) + "\n"
    }

    /// The last line, without its line feed.
    ///
    /// `2 missing, 1 warning, 30 fine: a requirement is missing.`
    public func summary(_ report: DoctorReport) -> String {
        let (missing, warnings) = (report.count(.missing), report.count(.warning))
        var parts: [String] = []
        if missing > 0 { parts.append(style.paint("\(missing) missing", .red)) }
        if warnings > 0 { parts.append(style.paint(counted(warnings, "warning"), .yellow)) }
        parts.append("\(report.count(.fine)) fine")
        let conclusion =
            missing > 0
            ? "a requirement is missing" : warnings > 0 ? "all requirements are met" : "no problems"
        return parts.joined(separator: ", ") + ": " + conclusion + "."
    }

    private func text(_ finding: DoctorCheck, _ width: Int) -> String {
        let mark = style.paint(finding.mark.symbol, finding.mark.textStyle)
        let indent = 4 + width + 2
        var result = "  \(mark) \(finding.code.padded(to: width))  " + wrapped(finding.text, indent) + "\n"
        let blanks = String(repeating: " ", count: indent)
        if let meaning = finding.meaning { result += blanks + wrapped(meaning, indent) + "\n" }
        if let help = finding.help {
            for (index, line) in help.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let label = index == 0 ? style.paint("help:", .green) + " " : "  "
                result += blanks + label + wrapped(String(line), indent + 6, keepsIndent: true) + "\n"
            }
        }
        return result
    }

    private func wrapped(_ text: String, _ indent: Int, keepsIndent: Bool = false) -> String {
        let shown = text.printable
        guard let width = style.width, indent + shown.columns > width else { return shown }
        let words = shown.split(separator: " ").map { StyledWord(String($0)) }
        let indentation = keepsIndent ? String(shown.prefix { $0 == " " }) : ""
        return indentation + style.wrappedOnTerminal(words, indent: indent + indentation.columns)
    }

    /// `heroproc/doctor/v1`.
    public static func json(_ report: DoctorReport) -> JSONValue {
        [
            "schema": "heroproc/doctor/v1",
            "healthy": .bool(report.isHealthy),
            "summary": .object(DoctorCheck.Mark.allCases.map { .init($0.rawValue, JSONValue(report.count($0))) }),
            "checks": .array(report.checks.map(json)),
        ]
    }

    private static func json(_ finding: DoctorCheck) -> JSONValue {
        [
            "group": .string(finding.group.rawValue),
            "code": .string(finding.code),
            "mark": .string(finding.mark.rawValue),
            "text": .string(finding.text),
            "meaning": JSONValue(finding.meaning),
            "help": JSONValue(finding.help),
        ]
    }
}

extension DoctorCheck.Mark {
    /// A symbol of one column.
    fileprivate var symbol: String {
        switch self {
        case .fine: "✓"
        case .warning: "!"
        case .missing: "✗"
        }
    }

    fileprivate var textStyle: TextStyle {
        switch self {
        case .fine: .green
        case .warning: .yellow
        case .missing: .red
        }
    }
}

extension DoctorCheck.Group {
    /// The heading.
    fileprivate var title: String {
        switch self {
        case .kernel: "Kernel"
        case .containment: "Process trees"
        case .rights: "Rights"
        case .limits: "Limits"
        case .clocks: "Clocks"
        case .places: "Directories"
        case .programs: "Programs"
        case .supervision: "Supervision"
        case .manifests: "Manifests"
        }
    }
}

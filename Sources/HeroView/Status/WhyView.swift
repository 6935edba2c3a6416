public import HeroJSON
import HeroModel

/// Why a service is in its state, in sentences.
public struct WhyView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// The answer in one sentence, followed by the facts behind it.
    public func text(_ report: WhyReport) -> String {
        text(report.name, report.status?.state.textStyle ?? .bold, report.answer, report.findings)
    }

    /// The same for a standalone action.
    public func text(_ report: ActionWhyReport) -> String {
        text(report.name, report.status?.action.phase?.textStyle ?? .bold, report.answer, report.findings)
    }

    private func text(
        _ name: QualifiedName,
        _ textStyle: TextStyle,
        _ answer: String,
        _ findings: [(topic: String, text: String)]
    ) -> String {
        let width = findings.map(\.topic.utf8.count).max() ?? 0
        var result = style.paint(name.description.printable, textStyle)
        result += " \(answer.printable).\n\n"
        var last = ""
        for (topic, text) in findings {
            let label = (topic == last ? "" : topic).padded(to: width)
            result += "  \(style.paint(label, .dim))  \(text.printable)\n"
            last = topic
        }
        return result
    }

    /// `heroproc/why/v1`.
    public static func json(_ report: WhyReport) -> JSONValue {
        [
            "schema": "heroproc/why/v1",
            "context": .string(report.name.context),
            "name": .string(report.name.name),
            "wanted": JSONValue(report.declared?.spec.status.rawValue),
            "at": JSONValue(report.declared?.location.fileAndLine),
            "state": JSONValue(report.status?.state.rawValue),
            "since": JSONValue(report.status?.since?.description),
            "answer": .string("\(report.name) \(report.answer)"),
            "findings": .array(report.findings.map { ["topic": .string($0.topic), "text": .string($0.text)] }),
            "blocked_by": .array((report.status?.blockedBy ?? []).map { .string($0.description) }),
            "requires": .array((report.declared?.spec.requirements ?? []).map { requirement($0, report) }),
            "service": report.status.map(StatusView.json) ?? .null,
            "reconciler_alive": .bool(report.reconciler != nil),
            "revision": JSONValue(report.revision?.number),
            "standalone": .null,
        ]
    }

    /// `heroproc/why/v1` for a standalone action.
    public static func json(_ report: ActionWhyReport) -> JSONValue {
        [
            "schema": "heroproc/why/v1",
            "context": .string(report.name.context),
            "name": .string(report.name.name),
            "wanted": .null,
            "at": JSONValue(report.declared?.location.fileAndLine),
            "state": .null,
            "since": .null,
            "answer": .string("\(report.name) \(report.answer)"),
            "findings": .array(report.findings.map { ["topic": .string($0.topic), "text": .string($0.text)] }),
            "blocked_by": .array([]),
            "requires": .array([]),
            "service": .null,
            "reconciler_alive": .bool(report.reconciler != nil),
            "revision": JSONValue(report.revision?.number),
            "standalone": report.status.map(StatusView.json) ?? .null,
        ]
    }

    private static func requirement(_ requirement: Requirement, _ report: WhyReport) -> JSONValue {
        let other = report.others[requirement.service]
        return [
            "service": .string(requirement.service.description),
            "state": JSONValue(other?.state.rawValue),
            "up": .bool(other?.state.isUp ?? false),
            "until": .string(requirement.until.rawValue),
            "cascade": .bool(requirement.cascades),
        ]
    }
}

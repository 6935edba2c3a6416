public import HeroJSON
import HeroModel
import HeroPlan

/// The result of an `apply` for people and tools.
public struct ApplyView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// The services that are not in the requested state, and a summary line.
    ///
    /// After a `down` the requested state is "down", not the declared one.
    public func text(_ report: ApplyReport, isDown: Bool = false) -> String {
        var result = ""
        for service in report.services {
            guard let detail = service.detail else { continue }
            result += "\(service.name.description.printable): "
            result += style.paint(service.state.rawValue, service.state.textStyle) + ": \(detail.printable)\n"
        }
        for error in report.errors { result += style.paint("error:", .red) + " \(error.printable)\n" }
        return result + summary(report, isDown) + "\n"
    }

    private func summary(_ report: ApplyReport, _ isDown: Bool) -> String {
        guard let revision = report.revision else {
            if report.isOutcomeUnknown {
                return style.paint("It is not known whether anything was changed.", .yellow)
                    + " `heroproc history` shows whether the revision was recorded."
            }
            return report.isConverged ? "Nothing to do." : style.paint("Refused: nothing was changed.", .red)
        }
        let took = report.elapsed > .zero ? " in \(report.elapsed.shortText)" : ""
        // A narrowed plan ignores differences of other services.
        let isNarrowed = report.plan?.only.isEmpty == false || report.plan?.undeclaredKept ?? 0 > 0
        let state = isDown ? "as requested" : (isNarrowed ? "as planned" : "as declared")
        guard report.isConverged else {
            return style.paint("Revision \(revision) is applied, but not all is \(state)", .yellow)
                + (took.isEmpty ? "." : " after \(report.elapsed.shortText).")
                + " `heroproc status` shows what is missing, `heroproc why NAME` explains it."
        }
        return style.paint("Revision \(revision) is applied: all is \(state)", .green) + "\(took)."
    }

    /// `heroproc/apply/v1`.
    public static func json(_ report: ApplyReport) -> JSONValue {
        [
            "schema": "heroproc/apply/v1",
            "revision": JSONValue(report.revision),
            "converged": .bool(report.isConverged),
            "plan": report.plan.map(PlanView.json) ?? .null,
            "services": .array(report.services.map(json)),
            "errors": .array(report.errors.map(JSONValue.string)),
        ]
    }

    private static func json(_ service: ApplyReport.Service) -> JSONValue {
        [
            "context": .string(service.name.context),
            "name": .string(service.name.name),
            "state": .string(service.state.rawValue),
            "cancelled": JSONValue(service.cancelled),
            "stopped_dependents": .array(service.stoppedDependents.map { .string($0.description) }),
        ]
    }
}

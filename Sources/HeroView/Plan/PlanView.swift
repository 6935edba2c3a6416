import HeroModel
public import HeroPlan

/// A plan for review: what changes, why, in which waves (contract section 5).
public struct PlanView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle
    /// Whether the output is complete: kept services, every field, every name of a wave.
    public var isVerbose: Bool

    /// Creates a view.
    public init(_ style: OutputStyle = .plain, isVerbose: Bool = false) {
        self.style = style
        self.isVerbose = isVerbose
    }

    /// The whole plan: changes, waves, reclaims, drift, diagnostics, and the summary as the last line.
    public func text(_ plan: Plan) -> String {
        let parts = [
            changes(plan), waves(plan), reclaims(plan.reclaims), drift(plan.drift),
            plan.diagnostics.map { DiagnosticView(style).text($0) }.joined(),
        ]
        return parts.filter { !$0.isEmpty }.map { $0 + "\n" }.joined() + summary(plan) + "\n"
    }

    /// The last line of a plan, without its line feed.
    ///
    /// `Plan: 1 to start, 2 to restart; 997 unchanged.` or `Nothing to do: 5 services are as declared.`
    public func summary(_ plan: Plan) -> String {
        plan.isEmpty ? emptySummary(plan) : changeSummary(plan)
    }

    private func emptySummary(_ plan: Plan) -> String {
        let undeclared = plan.undeclaredKept
        let unchanged = plan.count(.keep) - undeclared
        let blocked = plan.count(.blocked)
        let things = plan.changes.contains(where: \.isStandalone) ? "services and actions" : "services"
        var text = "Nothing to do\(scopeText(plan)): "
        switch unchanged {
        case 0 where blocked > 0 || !plan.deferredChanges.isEmpty: text += "no service can change"
        case 0: text += undeclared == 0 ? "there are no services" : "no service is declared"
        case 1: text += "1 \(things == "services" ? "service" : "service or action") is as declared"
        default: text += "\(unchanged) \(things) are as declared"
        }
        if blocked > 0 { text += "; " + style.paint("\(blocked) \(blocked == 1 ? "is" : "are") blocked", .magenta) }
        text += deferredText(plan)
        return text + undeclaredText(undeclared) + refusalText(plan)
    }

    private func changeSummary(_ plan: Plan) -> String {
        let order: [(PlanAction, String)] = [
            (.start, "start"), (.stop, "stop"), (.restart, "restart"), (.reload, "reload"),
            (.update, "update"),
        ]
        let wanted = order.compactMap { action, verb in
            let number = plan.count(action)
            return number == 0 ? nil : style.paint("\(number) to \(verb)", action.textStyle)
        }
        var text = "Plan\(scopeText(plan)): " + wanted.joined(separator: ", ")
        let undeclared = plan.undeclaredKept
        let (blocked, unchanged) = (plan.count(.blocked), plan.count(.keep) - undeclared)
        if blocked > 0 { text += "; " + style.paint("\(blocked) blocked", .magenta) }
        text += deferredText(plan)
        if unchanged > 0 { text += "; \(unchanged) unchanged" }
        return text + undeclaredText(undeclared) + refusalText(plan)
    }

    /// The changes that are not made now.
    private func deferredText(_ plan: Plan) -> String {
        let count = plan.deferredChanges.count
        return count == 0 ? "" : "; " + style.paint("\(count) deferred", .magenta)
    }

    /// The services that `--no-prune` leaves running.
    private func undeclaredText(_ undeclared: Int) -> String {
        undeclared == 0 ? "" : "; " + style.paint("\(undeclared) left running that no manifest declares", .yellow)
    }

    /// The names that a narrowed plan is limited to.
    private func scopeText(_ plan: Plan) -> String {
        guard !plan.only.isEmpty else { return "" }
        let shown = plan.only.prefix(3).map(\.description.printable).joined(separator: ", ")
        let rest = plan.only.count - 3
        return rest > 0 ? " for \(shown) and \(rest) more" : " for \(shown)"
    }

    private func refusalText(_ plan: Plan) -> String {
        let count = plan.refusals.count
        guard count > 0 else { return "." }
        return ". " + style.paint("Refused: \(counted(count, "error")) above.", .red)
    }
}

extension Plan {
    /// The number of kept services that no manifest declares, because pruning is off.
    var undeclaredKept: Int { changes.count { $0.action == .keep && $0.reason.code == .undeclared } }
}

extension PlanAction {
    /// The style of its symbol and its count.
    var textStyle: TextStyle {
        switch self {
        case .keep: .dim
        case .start: .green
        case .stop: .red
        case .restart: .yellow
        case .update, .reload: .cyan
        case .blocked: .magenta
        }
    }
}

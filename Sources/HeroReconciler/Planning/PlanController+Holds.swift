import HeroKernel
import HeroModel
import HeroPlan
import HeroStore

/// Changes that holds defer.
extension PlanController {
    /// A revision is applied: evaluates the holds as of now.
    func judgeHolds(for request: RevisionRequest) {
        evaluatedAt = wallTime
        let observed = observed
        // Without a hold nothing is kept, and no plan is needed to know that.
        if hasHold(in: request.desired) {
            setKept(makePlan(state.declared, observed, options(retriesFailed: true)), observed)
        } else {
            setKept(Plan(baseRevision: 0), observed)
        }
    }

    /// The text about deferred changes for the summary of a new revision; empty without any.
    func deferralSummary(of wanted: DesiredState) -> String {
        guard hasHold(in: wanted) else { return "" }
        var options = PlanOptions()
        options.time = wallTime
        let waiting = makePlan(wanted, observed, options).deferredChanges
        guard let first = waiting.first, let deferral = first.deferred else { return "" }
        let others = waiting.count > 1 ? " and \(waiting.count - 1) more" : ""
        return "; \(first.action.rawValue) of \(first.service)\(others) \(deferral.text)"
    }

    private func hasHold(in wanted: DesiredState) -> Bool {
        wanted.services.values.contains { $0.spec.hold != nil }
            || state.services.values.contains { $0.record.hold != nil }
    }

    /// Sets the services that keep what is recorded of them.
    ///
    /// - Returns: whether the status `ignore` begins or ends for a service, so that a new plan must be made.
    @discardableResult
    func setKept(_ plan: Plan, _ observed: Observed) -> Bool {
        state.kept = Set(plan.kept.map(\.name))
        state.desired = state.kept.isEmpty ? state.declared : state.declared.keeping(plan.kept.map(\.name), observed)
        return waves.updateIgnoredServices()
    }

    /// Records which changes wait, and the status and the hold of each service.
    func recordDeferrals(of plan: Plan) {
        let isDown = state.isDown
        let changes = Dictionary(
            plan.changes.filter { !$0.isStandalone }.map { ($0.service, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for service in state.servicesByName {
            var record = service.record
            let change = changes[service.name]
            if let declared = state.declared.services[service.name]?.spec, !isDown {
                record.hold = declared.hold
                if change != nil, !state.kept.contains(service.name) { record.wanted = declared.status }
            }
            record.deferred = change.flatMap { change in
                change.deferred.map { DeferredChange(action: change.action.rawValue, $0) }
            }
            guard record != service.record else { continue }
            reportDeferral(record.deferred, before: service.record.deferred, of: service)
            service.record = record
            journal.rows.append(.service(record))
        }
        let ends = plan.kept.compactMap { kept in
            changes[kept.name]?.deferred?.until ?? state.declared.services[kept.name]?.spec.hold?.until
                ?? state.services[kept.name]?.record.hold?.until
        }
        nextHoldEnd = configuration.mode == .sync ? ends.min() : nil
    }

    private func reportDeferral(_ now: DeferredChange?, before: DeferredChange?, of service: ServiceEntry) {
        guard now != before else { return }
        if let now {
            journal.recordEvent(.info, service.name.description, "\(now.action) deferred: \(now.deferral.text)")
        } else if let before {
            journal.recordEvent(.info, service.name.description, "\(before.action) is not deferred any more")
        }
    }

    /// Makes the changes that waited for the end of a hold, unless they need a permission that was not given.
    func handleDueDeadlines(_ now: Moment) {
        guard let due = holdTimer, due <= now else { return }
        guard nextHoldEnd.map({ $0 <= wallTime }) ?? false else { return updateHoldTimer() }
        let time = wallTime
        var strict = options(retriesFailed: false)
        (strict.time, strict.allowsProtected, strict.allowsDisruption) = (time, false, false)
        let inspected = observedWithInspection(of: state.declared, checksStarts: true)
        if let refusal = makePlan(state.declared, inspected, strict).refusals.first {
            nextHoldEnd = nil
            let text = "a hold has ended, and its change is not made: \(refusal.message)"
            return journal.recordEvent(.error, "", "\(text); `heroproc apply` has options that allow it")
        }
        evaluatedAt = time
        nextHoldEnd = nil
        allowProofs()
        state.needsPlan = true
    }

    /// The clock was set, or the machine has slept.
    func handleClockChange() {
        if nextHoldEnd != nil { updateHoldTimer() }
    }
}

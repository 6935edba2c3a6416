import HeroModel
import HeroPlan
import Testing

/// A planner that ignores a part of its input, and the invariant that must detect this.
struct FaultyPlanner: CustomTestStringConvertible, Sendable {
    var invariant: PlanInvariant
    var title: String
    var plan: @Sendable (DesiredState, Observed, PlanOptions) -> Plan

    var testDescription: String { title }

    init(
        _ invariant: PlanInvariant,
        _ title: String,
        hiding hide: @escaping @Sendable (inout DesiredState, inout Observed, inout PlanOptions) -> Void
    ) {
        self.invariant = invariant
        self.title = title
        plan = { desired, observed, options in
            var (desired, observed, options) = (desired, observed, options)
            hide(&desired, &observed, &options)
            return Planner.plan(desired, observed, options)
        }
    }

    static let all: [FaultyPlanner] = [
        .init(.heldServicesStay, "holds") { _, _, options in options.time = nil },
        .init(.dependentsStopFirst, "requirements recorded at the start") { _, observed, _ in
            observed.edit { $0.requires = [] }
        },
        .init(.dependenciesStartFirst, "after and wants") { desired, _, _ in
            desired.edit {
                $0.after = []
                $0.wants = []
            }
        },
        .init(.requirementsDecideStarts, "declared requirements") { desired, _, _ in desired.edit { $0.requires = [] }
        },
        .init(.everyRequestIsHandled, "that a service stops if its requirement should be down") { desired, _, _ in
            desired.edit { if $0.status == .stop { $0.status = .ignore } }
        },
        .init(.unwantedServicesNeverStart, "the status") { desired, _, _ in desired.edit { $0.status = .start } },
        .init(.everyChangeIsRequested, "--no-prune") { _, _, options in options.prunes = true },
        .init(.everyChangeIsRequested, "that only an apply retries") { _, _, options in
            options.retriesFailed = true
        },
        .init(.unwantedServicesNeverStart, "down") { _, _, options in options.down = .none },
        .init(.conflictsNeverRunTogether, "conflicts") { desired, observed, _ in
            desired.edit { $0.conflicts = [] }
            observed.edit { $0.conflicts = [] }
        },
        .init(.narrowedPlansStayInScope, "--only") { _, _, options in options.only = [] },
        .init(.guardsAreEnforced, "protection") { desired, _, _ in desired.edit { $0.isProtected = false } },
        .init(.guardsAreEnforced, "max_disruption") { desired, _, _ in desired.settings.maxDisruption = nil },
        .init(.reclaimsAreAllowed, "--no-kill") { _, _, options in options.allowsReclaims = true },
        .init(.standaloneActionsAreIndependent, "that a schedule is paused") { _, observed, _ in
            for name in observed.standalone.keys { observed.standalone[name]?.isScheduled = true }
        },
        .init(.applyConverges, "that a service is running") { _, observed, _ in
            for (name, service) in observed.services where service.state == .running {
                observed.services[name] = nil
            }
        },
        .init(.planningIsDeterministic, "nothing, but its plans are random") { _, observed, _ in
            observed.revision += Int64.random(in: 0...1_000_000)
        },
    ]
}

extension DesiredState {
    fileprivate mutating func edit(_ change: (inout ServiceSpec) -> Void) {
        for name in services.keys {
            guard var declared = services[name] else { continue }
            change(&declared.spec)
            services[name] = declared
        }
    }
}

extension Observed {
    fileprivate mutating func edit(_ change: (inout ObservedService) -> Void) {
        for name in services.keys {
            guard var service = services[name] else { continue }
            change(&service)
            services[name] = service
        }
    }
}

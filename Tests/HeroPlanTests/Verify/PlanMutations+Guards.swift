import HeroModel
import HeroPlan

extension PlanMutation {
    private static let held: PlanOptions = {
        var options = PlanOptions()
        options.time = WallTime(microseconds: 10_000_000)
        return options
    }()

    static let ofHolds: [PlanMutation] = [
        .init(.heldServicesStay, "a restart of a held service", "db hold 20 argv 2: running argv 1", held) {
            $0.kept = []
            $0.edit("db") { change in
                (change.deferred, change.stopWave, change.startWave) = (nil, 0, 0)
            }
            $0.stopWaves = [[QualifiedName("db")]]
            $0.startWaves = [[QualifiedName("db")]]
        },
        .init(
            .deferralsAreJustified,
            "an unrelated change that waits",
            "db hold 20 argv 2: running argv 1\nlog argv 2: running argv 1",
            held
        ) { plan in
            let deferral = plan.change("db")?.deferred
            plan.kept.append(KeptService(QualifiedName("log"), isUntouched: true))
            plan.edit("log") { change in
                (change.deferred, change.stopWave, change.startWave) = (deferral, nil, nil)
                change.deferred?.holder = QualifiedName("db")
            }
            plan.stopWaves = []
            plan.startWaves = []
        },
        .init(
            .everyRequestIsHandled,
            "a change that is lost because of a hold",
            "db hold 20 argv 2: running argv 1\nlog argv 2: running argv 1",
            held
        ) { plan in
            plan.edit("log") { $0 = Change($0.service, .keep, Reason(.unchanged, "it matches its manifest")) }
            plan.stopWaves = []
            plan.startWaves = []
        },
    ]

    static let ofGuards: [PlanMutation] = [
        .init(
            .conflictsNeverRunTogether,
            "a start while a conflicting service is up",
            of: "conflict/a-running-service-with-status-ignore-blocks"
        ) {
            $0.startWaves = [[QualifiedName("green")]]
            $0.edit("green") { $0 = Change($0.service, .start, Reason(.declared, "it is declared"), startWave: 0) }
        },
        .init(
            .narrowedPlansStayInScope,
            "a service outside the scope of a narrowed plan",
            of: "only/a-service-without-dependents"
        ) {
            let reason = Reason(.specChanged, "its manifest changed")
            $0.changes.append(Change(QualifiedName("web"), .restart, reason, stopWave: 0, startWave: 0))
            $0.stopWaves[0].append(QualifiedName("web"))
            $0.startWaves[0].append(QualifiedName("web"))
        },
        .init(
            .standaloneActionsAreIndependent,
            "a changed action that is not run",
            of: "standalone/a-changed-action-runs-again"
        ) {
            $0.changes[0].action = .update
        },
        .init(.standaloneActionsAreIndependent, "a schedule in a wave", of: "standalone/a-new-schedule") {
            $0.changes[0].startWave = 0
        },
        .init(.standaloneActionsAreIndependent, "a missing standalone action", of: "standalone/a-new-schedule") {
            $0.changes = []
        },
        .init(
            .reclaimsAreAllowed,
            "a foreign process stopped without permission",
            of: "reclaim/a-foreign-process-holds-the-port-and-may-not-be-stopped"
        ) { $0.reclaims = [Reclaim(holder(pid: 412, "/usr/sbin/nginx"), allowedBy: .killOthers)] },
        .init(.reclaimsAreAllowed, "pid 1 stopped", of: "reclaim/a-protected-holder") {
            $0.reclaims = [Reclaim(holder(pid: 1, "/sbin/init"), allowedBy: .killOthers)]
        },
        .init(.reclaimsAreAllowed, "a process stopped despite --no-kill", of: "reclaim/no-kill-refuses-the-plan") {
            $0.reclaims = [Reclaim(holder(pid: 412, "/usr/sbin/nginx"), allowedBy: .killOthers)]
        },
        .init(
            .reclaimsAreAllowed,
            "a process stopped for an action that does not start",
            of: "reclaim/a-kept-service-stops-no-holder"
        ) { $0.reclaims = [Reclaim(holder(pid: 412, "/usr/sbin/nginx"), allowedBy: .killOthers)] },
        .init(
            .guardsAreEnforced,
            "a protected service without a refusal",
            of: "guard/a-protected-service-is-not-restarted"
        ) {
            $0.diagnostics = []
        },
        .init(.guardsAreEnforced, "too many stops without a refusal", of: "guard/more-stops-than-allowed") {
            $0.diagnostics = []
        },
    ]

    private static func holder(pid: Int32, _ exe: String) -> ObservedHolder {
        let port = ClaimedResource.tcp(TCPEndpoint(port: 8080))
        return ObservedHolder(service: QualifiedName("web"), action: "main", resource: port, pid: pid, exe: exe)
    }
}

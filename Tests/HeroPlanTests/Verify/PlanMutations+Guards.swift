import HeroModel
import HeroPlan

extension PlanMutation {
    static let ofGuards: [PlanMutation] = [
        .init(
            .conflictsNeverRunTogether,
            "a start beside a rival",
            of: "conflict/what-is-on-ignore-and-up-is-in-the-way"
        ) {
            $0.startWaves = [[QualifiedName("green")]]
            $0.edit("green") { $0 = Change($0.service, .start, Reason(.declared, "it is declared"), startWave: 0) }
        },
        .init(
            .narrowedPlansStayInScope,
            "a bystander taken into a narrow plan",
            of: "only/a-service-that-nobody-requires"
        ) {
            let reason = Reason(.specChanged, "its manifest changed")
            $0.changes.append(Change(QualifiedName("web"), .restart, reason, stopWave: 0, startWave: 0))
            $0.stopWaves[0].append(QualifiedName("web"))
            $0.startWaves[0].append(QualifiedName("web"))
        },
        .init(.standaloneActionsAreIndependent, "a task that is not run", of: "standalone/a-changed-task-runs-again") {
            $0.changes[0].action = .update
        },
        .init(.standaloneActionsAreIndependent, "a schedule in a wave", of: "standalone/a-new-schedule") {
            $0.changes[0].startWave = 0
        },
        .init(.standaloneActionsAreIndependent, "one forgotten", of: "standalone/a-new-schedule") { $0.changes = [] },
        .init(
            .reclaimsAreAllowed,
            "a stranger stopped without permission",
            of: "reclaim/a-stranger-holds-the-port-and-may-not-be-stopped"
        ) { $0.reclaims = [Reclaim(holder(pid: 412, "/usr/sbin/nginx"), allowedBy: .killOthers)] },
        .init(.reclaimsAreAllowed, "pid 1 stopped", of: "reclaim/what-must-never-be-signalled") {
            $0.reclaims = [Reclaim(holder(pid: 1, "/sbin/init"), allowedBy: .killOthers)]
        },
        .init(.reclaimsAreAllowed, "stopped in spite of the option", of: "reclaim/no-kill-makes-it-a-refusal") {
            $0.reclaims = [Reclaim(holder(pid: 412, "/usr/sbin/nginx"), allowedBy: .killOthers)]
        },
        .init(
            .reclaimsAreAllowed,
            "stopped for what does not start",
            of: "reclaim/what-runs-as-declared-stops-nobody"
        ) { $0.reclaims = [Reclaim(holder(pid: 412, "/usr/sbin/nginx"), allowedBy: .killOthers)] },
        .init(
            .guardsAreEnforced,
            "a protected service without a word",
            of: "guard/a-protected-service-is-not-restarted"
        ) {
            $0.diagnostics = []
        },
        .init(.guardsAreEnforced, "too many without a word", of: "guard/more-than-may-be-disturbed") {
            $0.diagnostics = []
        },
    ]

    private static func holder(pid: Int32, _ exe: String) -> ObservedHolder {
        let port = ClaimedResource.tcp(TCPEndpoint(port: 8080))
        return ObservedHolder(service: QualifiedName("web"), action: "main", resource: port, pid: pid, exe: exe)
    }
}

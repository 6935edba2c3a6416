import HeroModel
import HeroPlan

extension Plan {
    mutating func edit(_ name: String, _ change: (inout Change) -> Void) {
        guard let index = changes.firstIndex(where: { $0.service == QualifiedName(name) }) else { return }
        change(&changes[index])
    }
}

extension PlanMutation {
    static let all = ofServices + ofGuards + ofHolds

    private static let ofServices: [PlanMutation] = [
        .init(.everyChangeHasAReason, "a reason without a text", "web") { $0.edit("web") { $0.reason.text = "" } },
        .init(.everyChangeHasAReason, "a reason of another action", "web") {
            $0.edit("web") { $0.reason.code = .undeclared }
        },
        .init(
            .everyChangeHasAReason,
            "a cascade without a cause",
            "db argv 2: running argv 1\nweb requires db: running"
        ) {
            $0.edit("web") { $0.cause = nil }
        },
        .init(.everyChangeHasAReason, "blocked by nothing", "web requires ghost") {
            $0.edit("web") { $0.blockedBy = [] }
        },
        .init(.everyServiceAppearsOnce, "a missing service", "web: running\ndb: running") { $0.changes.removeLast() },
        .init(.everyServiceAppearsOnce, "a service twice", "web: running") { $0.changes.append($0.changes[0]) },
        .init(.everyServiceAppearsOnce, "an unknown service", "web: running") {
            $0.changes.append(Change(QualifiedName("zz"), .keep, Reason(.unchanged, "it is there")))
        },
        .init(.everyServiceAppearsOnce, "services out of order", "web: running\ndb: running") { $0.changes.reverse() },
        .init(.wavesMatchChanges, "a start in no wave", "web\ndb") { $0.startWaves[0].removeLast() },
        .init(.wavesMatchChanges, "a start in two waves", "web\ndb") {
            $0.startWaves.append($0.startWaves[0])
        },
        .init(.wavesMatchChanges, "a change with a wrong wave", "web") {
            $0.edit("web") { $0.startWave = 1 }
        },
        .init(.wavesMatchChanges, "a restart that never stops", "web argv 2: running argv 1") {
            $0.stopWaves = []
            $0.edit("web") { $0.stopWave = nil }
        },
        .init(.dependentsStopFirst, "reversed stop waves", "~db: running\n~web requires db: running") {
            $0.stopWaves.reverse()
            $0.edit("db") { $0.stopWave = 0 }
            $0.edit("web") { $0.stopWave = 1 }
        },
        .init(.dependentsStopFirst, "all stops in one wave", "~a: running\n~b after a: running") {
            $0.stopWaves = [$0.stopWaves.flatMap { $0 }.sorted()]
            $0.edit("a") { $0.stopWave = 0 }
        },
        .init(
            .dependentsStopFirst,
            "a kept dependent of a restarted service",
            "db argv 2: running argv 1\nweb requires db: running"
        ) {
            $0.stopWaves = [[QualifiedName("db")]]
            $0.startWaves = [[QualifiedName("db")]]
            $0.edit("db") { $0.stopWave = 0 }
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "it runs")) }
        },
        .init(.dependenciesStartFirst, "all starts in one wave", "db\nweb wants db") {
            $0.startWaves = [$0.startWaves.flatMap { $0 }.sorted()]
            $0.edit("web") { $0.startWave = 0 }
        },
        .init(.requirementsDecideStarts, "a start without its requirement", "db status stop\nweb requires db") {
            $0.startWaves = [[QualifiedName("web")]]
            $0.edit("web") {
                $0 = Change($0.service, .start, Reason(.declared, "it is declared"), startWave: 0)
            }
        },
        .init(.requirementsDecideStarts, "blocked by a running service", "db: running\nweb requires db") {
            $0.startWaves = []
            $0.edit("web") {
                $0 = Change($0.service, .blocked, Reason(.requirementDown, "db"), blockedBy: [QualifiedName("db")])
            }
        },
        .init(.everyChangeIsRequested, "an unrelated restart", "lone: running") {
            $0.stopWaves = [[QualifiedName("lone")]]
            $0.startWaves = $0.stopWaves
            $0.edit("lone") {
                $0 = Change($0.service, .restart, Reason(.notRunning, "why not"), stopWave: 0, startWave: 0)
            }
        },
        .init(.everyChangeIsRequested, "a cascade along `after`", "db argv 2: running argv 1\nweb after db: running") {
            $0.stopWaves = [[QualifiedName("web")], [QualifiedName("db")]]
            $0.startWaves = [[QualifiedName("db")], [QualifiedName("web")]]
            $0.edit("db") { $0.stopWave = 1 }
            $0.edit("web") {
                let reason = Reason(.cascade, "db restarts")
                $0 = Change($0.service, .restart, reason, cause: QualifiedName("db"), stopWave: 0, startWave: 1)
            }
        },
        .init(.everyChangeIsRequested, "a cycle of causes", "a requires b: running requires -\nb: running requires a") {
            $0.stopWaves = [[QualifiedName("b")], [QualifiedName("a")]]
            $0.startWaves = $0.stopWaves
            $0.edit("a") {
                let reason = Reason(.cascade, "b restarts")
                $0 = Change($0.service, .restart, reason, cause: QualifiedName("b"), stopWave: 1, startWave: 1)
            }
            $0.edit("b") {
                let reason = Reason(.cascade, "a restarts")
                $0 = Change($0.service, .restart, reason, cause: QualifiedName("a"), stopWave: 0, startWave: 0)
            }
        },
        .init(.everyRequestIsHandled, "a missing start", "web") {
            $0.startWaves = []
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "later")) }
        },
        .init(.everyRequestIsHandled, "a missing stop", "web status stop: running") {
            $0.stopWaves = []
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "later")) }
        },
        .init(.everyRequestIsHandled, "a missing restart", "web argv 2: running argv 1") {
            $0.stopWaves = []
            $0.startWaves = []
            $0.edit("web") { $0 = Change($0.service, .keep, Reason(.unchanged, "later")) }
        },
        .init(.unwantedServicesNeverStart, "a start of a service with status stop", "web status stop") {
            $0.startWaves = [[QualifiedName("web")]]
            $0.edit("web") { $0 = Change($0.service, .start, Reason(.declared, "it is declared"), startWave: 0) }
        },
        .init(.passiveChangesAreInNoWave, "an update in a stop wave", "web limit 1: running limit 2") {
            $0.stopWaves = [[QualifiedName("web")]]
            $0.edit("web") { $0.stopWave = 0 }
        },
        .init(.fieldsAreAccurate, "a field that does not differ", "web limit 1: running limit 2") {
            $0.edit("web") { $0.fields[0].before = "1s" }
        },
        .init(.fieldsAreAccurate, "a missing field", "web limit 1 text a: running limit 2 text b") {
            $0.edit("web") { $0.fields.removeLast() }
        },
        .init(.fieldsAreAccurate, "a field with a wrong cost", "web limit 1: running limit 2") {
            $0.edit("web") { $0.fields[0].cost = .none }
        },
    ]
}

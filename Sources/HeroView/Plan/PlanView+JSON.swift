public import HeroJSON
import HeroModel
public import HeroPlan

extension PlanView {
    /// `heroproc/plan/v1`: every change, kept services included, whatever the style is.
    ///
    /// Waves count from 0: `stop_wave` is an index of `stop_waves`.
    public static func json(_ plan: Plan) -> JSONValue {
        let counts: [PlanAction] = [.start, .stop, .restart, .update, .reload, .keep, .blocked]
        return [
            "schema": "heroproc/plan/v1",
            "base_revision": .integer(plan.baseRevision),
            "summary": .object(
                counts.map { JSONValue.Member($0.rawValue, JSONValue(plan.count($0))) }
                    + [JSONValue.Member("deferred", JSONValue(plan.deferredChanges.count))]
            ),
            "changes": .array(plan.changes.map(json)),
            "stop_waves": json(plan.stopWaves),
            "start_waves": json(plan.startWaves),
            "reclaims": .array(plan.reclaims.map(json)),
            "drift": .array(plan.drift.map(json)),
            "diagnostics": .array(plan.diagnostics.map(DiagnosticView.json)),
        ]
    }

    private static func json(_ change: Change) -> JSONValue {
        var members = subject(change.service, isStandalone: change.isStandalone)
        members += [
            JSONValue.Member("context", .string(change.service.context)),
            JSONValue.Member("action", .string(change.action.rawValue)),
            JSONValue.Member(
                "reason",
                ["code": .string(change.reason.code.rawValue), "text": .string(change.reason.text)]
            ),
            JSONValue.Member("cause", JSONValue(change.cause?.description)),
            JSONValue.Member("fields", .array(change.fields.map(json))),
            JSONValue.Member("stop_wave", JSONValue(change.stopWave)),
            JSONValue.Member("start_wave", JSONValue(change.startWave)),
            JSONValue.Member("blocked_by", json(change.blockedBy)),
            JSONValue.Member("deferred", change.deferred.map(json) ?? .null),
        ]
        return .object(members)
    }

    /// Why a change is not made now.
    static func json(_ deferral: Deferral) -> JSONValue {
        [
            "by": .string(deferral.cause.rawValue),
            "until": .string(deferral.until.description),
            "reason": .string(deferral.reason),
        ]
    }

    /// The member `service`, or `standalone` and a null `service` for a standalone action.
    private static func subject(_ name: QualifiedName, isStandalone: Bool) -> [JSONValue.Member] {
        guard isStandalone else { return [JSONValue.Member("service", .string(name.description))] }
        return [
            JSONValue.Member("service", .null), JSONValue.Member("standalone", .string(name.description)),
        ]
    }

    private static func json(_ reclaim: Reclaim) -> JSONValue {
        var members = subject(reclaim.service, isStandalone: reclaim.isStandalone)
        members += [
            JSONValue.Member("action", .string(reclaim.action)),
            JSONValue.Member("resource", .string(reclaim.resource.description)),
            JSONValue.Member("pid", .integer(Int64(reclaim.pid))),
            JSONValue.Member("exe", reclaim.exe.isEmpty ? .null : .string(reclaim.exe)),
            JSONValue.Member("uid", reclaim.user.map { .integer(Int64($0)) } ?? .null),
            JSONValue.Member("allowed_by", .string(reclaim.allowedBy.rawValue)),
        ]
        return .object(members)
    }

    private static func json(_ field: FieldDiff) -> JSONValue {
        [
            "path": .string(field.path),
            "before": JSONValue(field.before),
            "after": JSONValue(field.after),
            "cost": .string(field.cost.jsonName),
            "at": JSONValue(field.location?.fileAndLine),
        ]
    }

    private static func json(_ drift: Drift) -> JSONValue {
        [
            "service": .string(drift.service.description),
            "action": .string(drift.action),
            "kind": .string(drift.kind.rawValue),
            "text": .string(drift.text),
        ]
    }

    private static func json(_ waves: [[QualifiedName]]) -> JSONValue {
        .array(waves.map(json))
    }

    private static func json(_ names: [QualifiedName]) -> JSONValue {
        .array(names.map { .string($0.description) })
    }
}

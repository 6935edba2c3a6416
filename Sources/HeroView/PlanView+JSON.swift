import HeroModel
public import HeroPlan

extension PlanView {
    /// `heroproc/plan/v1`: every change, kept services too; the same whatever the style is.
    ///
    /// Waves are counted from 0 here: `stop_wave` is an index of `stop_waves`.
    public static func json(_ plan: Plan) -> JSONValue {
        let counts: [PlanAction] = [.start, .stop, .restart, .update, .keep, .blocked]
        return [
            "schema": "heroproc/plan/v1",
            "base_revision": .integer(plan.baseRevision),
            "summary": .object(counts.map { JSONValue.Member($0.rawValue, JSONValue(plan.count($0))) }),
            "changes": .array(plan.changes.map(json)),
            "stop_waves": json(plan.stopWaves),
            "start_waves": json(plan.startWaves),
            "reclaims": [],
            "drift": .array(plan.drift.map(json)),
            "diagnostics": .array(plan.diagnostics.map(DiagnosticView.json)),
        ]
    }

    private static func json(_ change: Change) -> JSONValue {
        [
            "service": .string(change.service.description),
            "context": .string(change.service.context),
            "action": .string(change.action.rawValue),
            "reason": ["code": .string(change.reason.code.rawValue), "text": .string(change.reason.text)],
            "cause": JSONValue(change.cause?.description),
            "fields": .array(change.fields.map(json)),
            "stop_wave": JSONValue(change.stopWave),
            "start_wave": JSONValue(change.startWave),
        ]
    }

    private static func json(_ field: FieldDiff) -> JSONValue {
        [
            "path": .string(field.path),
            "before": JSONValue(field.before),
            "after": JSONValue(field.after),
            "cost": .string(field.cost.description),
            "at": JSONValue(field.place?.fileAndLine),
        ]
    }

    private static func json(_ drift: Drift) -> JSONValue {
        [
            "service": .string(drift.service.description),
            "action": .string(drift.action),
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

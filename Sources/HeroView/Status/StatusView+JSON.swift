public import HeroJSON
import HeroModel

extension StatusView {
    /// `heroproc/status/v1`; names without their context, except in `blocked_by`, which may name another context.
    public static func json(_ report: StatusReport) -> JSONValue {
        // A reconciler that is just starting has not published its PID yet.
        let reconciler = report.reconciler.flatMap { $0.pid > 0 ? $0 : nil }
        return [
            "schema": "heroproc/status/v1",
            "revision": .integer(report.revision?.number ?? 0),
            "reconciler": [
                "alive": .bool(report.reconciler != nil),
                "pid": JSONValue(reconciler?.pid),
                "mode": JSONValue(reconciler?.mode),
                "dir": JSONValue(reconciler?.directory),
                "safe_mode": JSONValue(reconciler?.safeMode),
            ],
            "services": .array(report.services.map(json)),
            "standalone": .array(report.standalone.map(json)),
            "database": [
                "writable": .bool(report.storeOutage == nil), "trouble": JSONValue(report.storeOutage),
                "warning": JSONValue(report.databaseLog?.problem),
            ],
            "refused": report.refusedChange.map(json) ?? .null,
            "git": gitJSON(report),
        ]
    }

    private static func json(_ change: RefusedChange) -> JSONValue {
        ["since": JSONValue(change.since?.description), "text": .string(change.text)]
    }

    static func json(_ service: ServiceStatus) -> JSONValue {
        [
            "context": .string(service.name.context),
            "name": .string(service.name.name),
            "class": .string(service.serviceClass.rawValue),
            "wanted": JSONValue(service.wanted?.rawValue),
            "state": .string(service.state.rawValue),
            "since": JSONValue(service.since?.description),
            "run_id": JSONValue(service.run),
            "blocked_by": .array(service.blockedBy.map { .string($0.description) }),
            "deferred": service.deferred.map(json) ?? .null,
            "actions": .array(service.actions.map(json)),
        ]
    }

    private static func json(_ change: DeferredChange) -> JSONValue {
        PlanView.json(change.deferral).adding("action", .string(change.action))
    }

    static func json(_ standalone: StandaloneStatus) -> JSONValue {
        let action = standalone.action
        return [
            "context": .string(standalone.name.context),
            "name": .string(standalone.name.name),
            "job_id": JSONValue(action.job),
            "phase": JSONValue(action.phase?.rawValue),
            "next_run_at": JSONValue(standalone.nextRunAt?.description),
            "pid": JSONValue(action.pid),
            "attempt": JSONValue(action.attempt),
            "restart_count": JSONValue(action.restartCount),
            "exit_code": JSONValue(action.outcome?.exitCode),
            "next_retry_at": JSONValue(action.nextRetryAt?.description),
            "containment": JSONValue(action.containment?.rawValue),
            "paused": .bool(standalone.isPaused),
        ]
    }

    private static func json(_ action: ActionStatus) -> JSONValue {
        [
            "name": .string(action.name),
            "job_id": JSONValue(action.job),
            "phase": JSONValue(action.phase?.rawValue),
            "pid": JSONValue(action.pid),
            "ready": .bool(action.isReady),
            "healthy": JSONValue(action.isHealthy),
            "attempt": JSONValue(action.attempt),
            "restart_count": JSONValue(action.restartCount),
            "exit_code": JSONValue(action.outcome?.exitCode),
            "next_retry_at": JSONValue(action.nextRetryAt?.description),
            "containment": JSONValue(action.containment?.rawValue),
            "reloading": .bool(action.notifyState?.isReloading ?? false),
            "reload_failed": JSONValue(action.reloadFailure),
            "status_text": JSONValue(action.statusText),
        ]
    }
}

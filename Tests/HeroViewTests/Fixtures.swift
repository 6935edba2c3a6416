import HeroModel
import HeroPlan
import HeroView

let now = WallTime(microseconds: 1_795_000_000_000_000)

func timeAgo(_ duration: Duration) -> WallTime {
    WallTime(microseconds: now.microseconds - duration.wholeNanoseconds / 1000)
}

func location(_ file: String, _ line: Int, _ column: Int = 1) -> ManifestLocation {
    ManifestLocation(file: "services.d/\(file)", line: line, column: column)
}

/// A plan with one change of every kind.
let samplePlan = Plan(
    baseRevision: 3,
    changes: [
        Change(
            QualifiedName("api"),
            .blocked,
            Reason(.requirementDown, "what it requires has given up"),
            blockedBy: [QualifiedName("seed")]
        ),
        Change(
            QualifiedName("hero_db"),
            .update,
            Reason(.specChanged, "2 fields change in place", at: location("hero_db.yaml", 4)),
            fields: [
                FieldDiff(
                    path: "actions.server.start_timeout",
                    before: nil,
                    after: "1m",
                    cost: .inPlace,
                    at: location("hero_db.yaml", 9, 5)
                ),
                FieldDiff(path: "tags", before: "a b", after: nil, cost: .inPlace, at: nil),
            ]
        ),
        Change(QualifiedName("mail"), .keep, Reason(.unchanged, "as declared")),
        Change(QualifiedName("new"), .start, Reason(.declared, "declared in services.d/new.yaml:1"), startWave: 0),
        Change(
            QualifiedName("old", context: "lab"),
            .stop,
            Reason(.undeclared, "no manifest declares it any more"),
            stopWave: 1
        ),
        Change(
            QualifiedName("web"),
            .restart,
            Reason(.specChanged, "`env.PORT` changed", at: location("web.yaml", 12)),
            fields: [
                FieldDiff(
                    path: "env.PORT",
                    before: "8080",
                    after: "8081",
                    cost: .restart,
                    at: location("web.yaml", 12, 3)
                ),
                FieldDiff(
                    path: "actions.server.exec",
                    before: "python3 -m http.server 8080",
                    after: "python3 -m http.server 8081",
                    cost: .restart,
                    at: location("web.yaml", 20, 5)
                ),
                FieldDiff(path: "generation", before: nil, after: "1", cost: .restart, at: location("web.yaml", 3, 1)),
            ],
            stopWave: 1,
            startWave: 1
        ),
        Change(
            QualifiedName("worker"),
            .restart,
            Reason(.cascade, "something it requires goes down"),
            cause: QualifiedName("web"),
            stopWave: 0,
            startWave: 2
        ),
    ],
    stopWaves: [[QualifiedName("worker")], [QualifiedName("old", context: "lab"), QualifiedName("web")]],
    startWaves: [[QualifiedName("new")], [QualifiedName("web")], [QualifiedName("worker")]],
    drift: [Drift(service: QualifiedName("mail"), action: "server", text: "process 412 is gone")],
    diagnostics: [
        Diagnostic(
            .warning,
            code: "required-not-wanted",
            "the required service `core/hero_db` has status stop",
            help: "set `status: start`, or take it out of `required`",
            at: location("hero_db.yaml", 3, 9),
            excerpt: "status: stop",
            length: 4
        )
    ]
)

/// Jobs in several phases.
let sampleJobs: [JobRecord] = {
    func job(_ id: JobID, _ service: String?, _ action: String, _ phase: JobPhase) -> JobRecord {
        var job = JobRecord(
            id: id,
            context: "core",
            service: service,
            action: action,
            run: service == nil ? nil : 7,
            revision: 3,
            tags: ["svc"],
            createdAt: timeAgo(.seconds(3600))
        )
        job.phase = phase
        return job
    }
    var up = job(Int64.max, "hero_db", "server", .running)
    up.process = ProcessIdentity(bootID: "b", pidNamespace: 1, pid: 4021, startTicks: 77, pidfsInode: 5)
    up.isReady = true
    up.attempt = 1
    up.startedAt = timeAgo(.seconds(192))
    up.restartCount = 2
    up.outcome = .signaled(.kill, coreDumped: false)
    up.finishedAt = timeAgo(.seconds(193))
    up.isHealthy = true
    var retrying = job(8, "web", "server", .retrying)
    // The process of an earlier start, whose pid must not be shown.
    retrying.process = ProcessIdentity(bootID: "b", pidNamespace: 1, pid: 999, startTicks: 78, pidfsInode: 6)
    retrying.outcome = .exited(3)
    retrying.attempt = 4
    retrying.restartCount = 3
    retrying.nextRetryAt = WallTime(microseconds: now.microseconds + 4_200_000)
    retrying.startedAt = timeAgo(.seconds(2))
    retrying.finishedAt = timeAgo(.seconds(1))
    var failed = job(9, nil, "seed", .failed)
    failed.outcome = .startFailed(StartFailure(stage: .execute, errno: 2, detail: "/no/such: no such file"))
    failed.attempt = 1
    var lost = job(10, "web", "proxy", .failed)
    lost.outcome = .lost("the machine lost power")
    return [up, retrying, failed, lost]
}()

/// Services in several states.
let sampleReport = StatusReport(
    revision: RevisionRecord(
        number: 3,
        time: timeAgo(.seconds(130)),
        directory: "/srv/services.d",
        gitCommit: "0123456789abcdef0123",
        actor: "ada",
        summary: "1 started, 1 restarted",
        variables: ["TOKEN": "secret"]
    ),
    reconciler: ReconcilerLockHolder(pid: 412, mode: "watch", directory: "/srv/services.d"),
    services: [
        ServiceStatus(
            name: QualifiedName("hero_db"),
            serviceClass: .system,
            wanted: .start,
            state: .running,
            since: timeAgo(.seconds(192)),
            run: 7,
            actions: [ActionStatus(sampleJobs[0])]
        ),
        ServiceStatus(
            name: QualifiedName("web"),
            wanted: .start,
            state: .backingOff,
            since: timeAgo(.seconds(60)),
            run: 8,
            actions: [ActionStatus(sampleJobs[1]), ActionStatus(sampleJobs[3])]
        ),
        ServiceStatus(
            name: QualifiedName("worker"),
            wanted: .start,
            state: .blocked,
            blockedBy: [QualifiedName("web")],
            actions: [ActionStatus(name: "loop")]
        ),
        ServiceStatus(name: QualifiedName("idle", context: "lab"), wanted: .stop, state: .stopped),
    ],
    standalone: [
        StandaloneStatus(
            name: QualifiedName("backup"),
            action: ActionStatus(name: "backup"),
            nextRunAt: WallTime(microseconds: now.microseconds + 250_000_000)
        ),
        StandaloneStatus(name: QualifiedName("seed"), action: ActionStatus(sampleJobs[2])),
    ],
    now: now
)

import HeroJSON
import HeroModel
import HeroView
import Testing

@Suite struct StatusViewTests {
    @Test("The status shows services, actions that need attention, and a summary")
    func golden() {
        expectGolden(StatusView().text(sampleReport), "status.txt")
        expectGolden(StatusView(OutputStyle(isColored: true, width: 72)).text(sampleReport), "status-colour.txt")
        expectGolden(StatusView.json(sampleReport).text(.pretty) + "\n", "status.json")
    }

    @Test("An empty status reports that nothing was applied")
    func empty() {
        let empty = StatusReport(revision: nil, reconciler: nil, services: [], now: now)
        #expect(StatusView().text(empty) == "0 services. Nothing was applied yet; no reconciler is running.\n")
        #expect(
            StatusView.json(empty).text()
                == #"{"schema":"heroproc/status/v1","revision":0,"reconciler":{"alive":false,"pid":null,"mode":null,"#
                + #""dir":null,"safe_mode":null},"services":[],"standalone":[],"#
                + #""database":{"writable":true,"trouble":null,"warning":null},"refused":null,"git":null}"#
        )
        #expect(empty.isAllAsWanted)
    }

    @Test("DB-4: The status reports a database that cannot be written as degraded")
    func degraded() {
        var report = sampleReport
        #expect(!StatusView().text(report).contains("Degraded"))
        report.storeOutage = "cannot write \u{1B}[31mthe state database: the disk is full"
        let text = StatusView().text(report)
        #expect(text.contains("\nDegraded: cannot write ") && !text.contains("\u{1B}"))
        #expect(text.contains("the disk is full; running services stay up, nothing new starts"))
        let database = StatusView.json(report)["database"]
        #expect(database?["writable"] == .bool(false))
        #expect(database?["trouble"] == .string(report.storeOutage ?? ""))
    }

    @Test("The status reports a refused change with its errors and its age, and exits 1")
    func refusedChange() {
        var report = StatusReport(revision: nil, reconciler: nil, services: [], now: now)
        #expect(report.isAllAsWanted)
        let text = "cannot apply /srv: its manifests have errors\nweb.yaml:3:1: unknown \u{1B}key"
        report.refusedChange = RefusedChange(since: WallTime(microseconds: now.microseconds - 120_000_000), text: text)
        #expect(!report.isAllAsWanted)
        let shown = StatusView().text(report)
        #expect(
            shown.contains("Refused: cannot apply /srv: its manifests have errors (the last change, refused 2m ago;")
        )
        #expect(shown.contains("\n  web.yaml:3:1: unknown ") && !shown.contains("\u{1B}"))
        #expect(StatusView.json(report)["refused"]?["text"] == .string(text))
    }

    @Test("The status shows the followed repository, how far behind it is, and a refused commit")
    func followedRepository() {
        let commit = String(repeating: "a", count: 40)
        let source = GitSource(
            repository: "https://x.org/\u{1B}infra",
            ref: "main",
            path: "hosts/a",
            author: "Ann",
            subject: "Add web",
            signer: "ann@x"
        )
        var report = StatusReport(
            revision: RevisionRecord(
                number: 1,
                time: now,
                directory: "/checkout",
                gitCommit: commit,
                git: source,
                actor: "reconciler",
                summary: ""
            ),
            reconciler: nil,
            services: [],
            now: now
        )
        var status = RepositoryStatus(source: source)
        status.seenCommit = String(repeating: "b", count: 40)
        status.behind = 2
        status.fetchedAt = now
        status.error = "no route\nto host"
        status.refused = .init(commit: "bbb", reason: "not signed")
        report.repository = status
        let text = StatusView().text(report)
        #expect(text.contains("infra main hosts/a; commit aaaaaaaaaaaa runs (Add web), newest bbbbbbbbbbbb, 2 behind"))
        #expect(text.contains("the last fetch failed: no route") && !text.contains("\u{1B}"))
        let json = StatusView.json(report)["git"]
        #expect(json?["commit"] == .string(commit) && json?["behind"] == .integer(2))
        #expect(json?["refused"]?["reason"] == .string("not signed") && json?["signer"] == .string("ann@x"))
        let refused = "refused bbbbbbbbbbbb: not signed"
        report.refusedChange = RefusedChange(since: now, text: refused)
        #expect(StatusView().text(report).contains("Repository: \(refused) (the last change"))
        #expect(!report.isAllAsWanted)
    }

    @Test("A running program without a reconciler is not as wanted unless its status is ignore")
    func unsupervised() {
        var action = ActionStatus(name: "run")
        action.pid = 412
        func report(_ wanted: DesiredStatus?, healthy: Bool? = nil, _ holder: ReconcilerLockHolder?) -> StatusReport {
            action.isHealthy = healthy
            let service = ServiceStatus(name: QualifiedName("a"), wanted: wanted, state: .running, actions: [action])
            return StatusReport(revision: nil, reconciler: holder, services: [service], now: now)
        }
        let holder = ReconcilerLockHolder(pid: 7, mode: "watch", directory: "/srv")
        #expect(!report(.start, nil).isAllAsWanted)
        #expect(StatusView().text(report(.start, nil)).contains("Unsupervised: no reconciler is running"))
        #expect(report(.start, holder).isAllAsWanted)
        #expect(report(.ignore, nil).isAllAsWanted)
        #expect(report(.start, healthy: false, holder).isAllAsWanted, "not yet failed `failures` times")
    }

    @Test("CR-6: The status reports safe mode with its reason above the summary")
    func safeMode() {
        var report = sampleReport
        #expect(!StatusView().text(report).contains("Safe mode"))
        #expect(StatusView.json(report)["reconciler"]?["safe_mode"] == JSONValue.null)
        report.reconciler?.safeMode = "it \u{1B}[31mcrashed 3 times; it ends by itself"
        let text = StatusView().text(report)
        #expect(text.contains("\nSafe mode: applied services stay up") && !text.contains("\u{1B}"))
        #expect(text.contains("crashed 3 times; it ends by itself.\n"))
        #expect(StatusView.json(report)["reconciler"]?["safe_mode"] == .string(report.reconciler?.safeMode ?? ""))
    }

    @Test("The JSON of a status has the members of the contract in their order")
    func members() {
        let json = StatusView.json(sampleReport)
        let members = ["schema", "revision", "reconciler", "services", "standalone", "database", "refused", "git"]
        #expect(keys(json) == members)
        #expect(json["database"].map(keys) == ["writable", "trouble", "warning"])
        #expect(json["reconciler"].map(keys) == ["alive", "pid", "mode", "dir", "safe_mode"])
        guard case .array(let standalone)? = json["standalone"], let action = standalone.first else {
            Issue.record("no standalone actions")
            return
        }
        #expect(
            keys(action) == [
                "context", "name", "job_id", "phase", "next_run_at", "pid", "attempt", "restart_count", "exit_code",
                "next_retry_at", "containment", "paused",
            ]
        )
        guard case .array(let services)? = json["services"], let first = services.first,
            case .array(let actions)? = first["actions"], let action = actions.first
        else {
            Issue.record("no services")
            return
        }
        #expect(
            keys(first) == [
                "context", "name", "class", "wanted", "state", "since", "run_id", "blocked_by", "deferred",
                "actions",
            ]
        )
        #expect(
            keys(action) == [
                "name", "job_id", "phase", "pid", "ready", "healthy", "attempt", "restart_count", "exit_code",
                "next_retry_at", "containment",
                // Members added later come last.
                "reloading", "reload_failed", "status_text",
            ]
        )
    }

    @Test(
        "A service is as wanted if its state matches its declared status",
        arguments: ServiceState.allCases
    )
    func asWanted(_ state: ServiceState) {
        func isAsWanted(_ wanted: DesiredStatus?) -> Bool {
            StatusReport(
                revision: nil,
                reconciler: nil,
                services: [ServiceStatus(name: QualifiedName("a"), wanted: wanted, state: state)],
                now: now
            ).isAllAsWanted
        }
        #expect(isAsWanted(.start) == (state == .running || state == .exited))
        // A failed service counts as down.
        let isDown = state == .stopped || state == .failed
        #expect(isAsWanted(.stop) == isDown)
        #expect(isAsWanted(.spec) == isDown)
        #expect(isAsWanted(nil) == isDown)
        #expect(isAsWanted(.ignore))
    }

    @Test("An apply is offered only for a failed service that should be up")
    func retryHint() {
        for wanted in [DesiredStatus.start, .stop, .spec, .ignore, nil] {
            let status = ServiceStatus(name: QualifiedName("a"), wanted: wanted, state: .failed)
            let why = WhyReport(
                name: status.name,
                declared: nil,
                status: status,
                reconciler: nil,
                revision: nil,
                now: now
            )
            #expect(why.answer.contains("heroproc apply") == (wanted == .start), "\(why.answer)")
        }
    }

    @Test("A service that waits for its turn is blocked in text and JSON")
    func waiting() {
        func service(_ name: String, _ state: ServiceState, _ waitsFor: String...) -> ServiceStatus {
            let blockedBy = waitsFor.map { QualifiedName($0) }
            return ServiceStatus(name: QualifiedName(name), wanted: .start, state: state, blockedBy: blockedBy)
        }
        func texts(_ services: ServiceStatus...) -> (text: String, why: String) {
            let status = StatusReport(revision: nil, reconciler: nil, services: services, now: now)
            let why = WhyReport(
                name: services[0].name,
                declared: nil,
                status: services[0],
                others: Dictionary(services.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
                reconciler: nil,
                revision: nil,
                now: now
            )
            return (StatusView().text(status), why.answer)
        }
        let turn = texts(service("web", .blocked, "api"), service("api", .blocked, "db"), service("db", .starting))
        #expect(turn.text.contains(#/(?m)^blocked +core/web\b/#), "\(turn.text)")
        #expect(turn.text.contains("waits for core/api"), "\(turn.text)")
        #expect(turn.text.contains("3 services: 1 starting, 2 blocked."), "\(turn.text)")
        #expect(turn.why == "waits for core/api to come up")
        for state in [ServiceState.failed, .stopped, .backingOff, .degraded, .stopping] {
            let blocked = texts(service("web", .blocked, "api"), service("api", .blocked, "db"), service("db", state))
            #expect(blocked.text.contains(#/(?m)^blocked +core/web\b/#), "\(blocked.text)")
            #expect(blocked.why == "is blocked: it waits for core/api")
        }
        #expect(texts(service("web", .blocked, "nobody")).text.contains("blocked"))
    }

    @Test("The last output of an action counts from its failure until it is stable")
    func lastOutputOfRepeatedStart() {
        func needsOutput(_ phase: JobPhase, attempt: Int, _ outcome: Outcome?) -> Bool {
            var action = ActionStatus(name: "main")
            (action.job, action.phase, action.attempt, action.outcome) = (7, phase, attempt, outcome)
            let service = ServiceStatus(name: QualifiedName("web"), wanted: .start, state: .starting, actions: [action])
            let why = WhyReport(
                name: service.name,
                declared: nil,
                status: service,
                reconciler: nil,
                revision: nil,
                now: now
            )
            return why.actionsWithProblems == ["main"]
        }
        #expect(needsOutput(.retrying, attempt: 1, .exited(98)))
        #expect(needsOutput(.running, attempt: 2, .exited(98)))
        #expect(!needsOutput(.running, attempt: 1, nil))
        #expect(!needsOutput(.running, attempt: 0, .exited(98)), "it has been stable since")
    }

    @Test("A standalone action is as wanted unless its last run failed", arguments: JobPhase.allCases)
    func standaloneAsWanted(_ phase: JobPhase) {
        var job = sampleJobs[2]
        job.phase = phase
        let status = StandaloneStatus(name: QualifiedName("seed"), action: ActionStatus(job))
        let report = StatusReport(revision: nil, reconciler: nil, services: [], standalone: [status], now: now)
        var afterDown = report
        afterDown.revision = RevisionRecord(
            number: 2,
            time: now,
            directory: "/srv",
            actor: "root",
            summary: "down",
            isDown: true
        )
        #expect(afterDown.isAllAsWanted == (status.action.pid == nil))
        // A running program is not as wanted without a reconciler.
        #expect(report.isAllAsWanted == (phase != .failed && status.action.pid == nil))
        #expect(
            StatusView().text(report).hasSuffix(
                "\n1 standalone action. Nothing was applied yet; no reconciler is running.\n"
            )
        )
    }

    @Test("The status shows a paused schedule and what resumes it")
    func paused() {
        var status = StandaloneStatus(name: QualifiedName("backup"), action: ActionStatus(name: "backup"))
        func line() -> String {
            let report = StatusReport(revision: nil, reconciler: nil, services: [], standalone: [status], now: now)
            return StatusView().text(report).split(separator: "\n").dropFirst().first.map(String.init) ?? ""
        }
        #expect(line().split(separator: " ").prefix(2) == ["-", "core/backup"])
        status.isPaused = true
        #expect(line().split(separator: " ").prefix(2) == ["paused", "core/backup"])
        #expect(line().hasSuffix("its schedule is paused by `down`; the next apply resumes it"))
    }

    @Test("The status table fits the terminal by cutting only its last column", arguments: [40, 60, 80, 200])
    func width(_ width: Int) {
        var wide = sampleReport
        wide.services[2].blockedBy = (0..<50).map { QualifiedName("requirement-\($0)") }
        let lines = StatusView(OutputStyle(width: width)).text(wide).split(separator: "\n").dropLast()
        #expect(lines.allSatisfy { $0.count <= max(width, 64) })
        #expect(lines.contains { $0.contains("core/worker") && (width >= 1000 || $0.hasSuffix("…")) })
        #expect(lines.allSatisfy { !$0.hasSuffix(" ") })
    }

    @Test("The status shows notifications of a program if there are any")
    func notifyTexts() throws {
        var action = ActionStatus(sampleJobs[0])
        func shown(_ change: (inout NotifyState) -> Void) -> (text: String, json: String) {
            var words = NotifyState(asOf: Moment(nanoseconds: 0))
            change(&words)
            action.notifyState = words
            let service = ServiceStatus(name: QualifiedName("web"), wanted: .start, state: .running, actions: [action])
            let report = StatusReport(revision: nil, reconciler: nil, services: [service], now: now)
            return (StatusView().text(report), StatusView.json(report).text(.compact))
        }
        let busy = shown { ($0.status, $0.isReloading) = ("3 clients", true) }
        #expect(busy.text.contains("reloading; says: 3 clients"))
        #expect(busy.json.contains("\"reloading\":true,\"reload_failed\":null,\"status_text\":\"3 clients\""))
        let silent = shown { $0.status = "" }
        #expect(!silent.text.contains("says"))
        #expect(silent.json.contains("\"reloading\":false,\"reload_failed\":null,\"status_text\":null"))
        #expect(isHarmless(shown { $0.status = hostile }.text))
        action.isReady = false
        #expect(shown { $0.status = "loading" }.text.contains("not ready; last outcome: signal KILL; says: loading"))
    }

    @Test("The status escapes control characters in names and errors")
    func hostileTexts() {
        var job = sampleJobs[1]
        job.error = hostile
        job.action = hostile
        job.tags = [hostile]
        let service = ServiceStatus(
            name: QualifiedName(hostile),
            wanted: .start,
            state: .failed,
            blockedBy: [QualifiedName(hostile)],
            actions: [ActionStatus(job), ActionStatus(name: hostile)]
        )
        let reconciler = ReconcilerLockHolder(pid: 1, mode: hostile, directory: hostile)
        let status = StatusReport(revision: nil, reconciler: reconciler, services: [service], now: now)
        #expect(isHarmless(StatusView().text(status)))
        #expect(isHarmless(JobsView().text([job], now: now)))
        #expect(isHarmless(JobsView().text(job, starts: [], now: now)))
        let event = EventRecord(time: now, level: .error, source: hostile, subject: hostile, text: hostile)
        #expect(isHarmless(EventsView().line(event)) && isHarmless(EventsView.jsonLine(event)))
        let revision = RevisionRecord(number: 1, time: now, directory: hostile, actor: hostile, summary: hostile)
        #expect(isHarmless(HistoryView().text([revision], now: now)))
    }
}

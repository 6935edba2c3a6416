import HeroJSON
import HeroModel
import HeroPlan
import HeroView
import Testing

@Suite struct RecordViewTests {
    @Test("Jobs are shown as a table and as JSON with exact IDs")
    func jobsGolden() {
        expectGolden(JobsView().text(sampleJobs, now: now), "jobs.txt")
        expectGolden(JobsView.json(sampleJobs).text(.pretty) + "\n", "jobs.json")
        #expect(JobsView().text([], now: now) == "No jobs.\n")
    }

    @Test("The JSON of jobs has the members of the contract in their order")
    func jobMembers() {
        guard case .array(let all)? = JobsView.json(sampleJobs)["jobs"], let first = all.first else {
            Issue.record("no jobs")
            return
        }
        #expect(
            keys(first) == [
                "id", "context", "service_id", "action_id", "run_id", "revision", "phase", "attempt", "restart_count",
                "pid", "exit_code", "signal", "error", "tags", "created_at", "started_at", "finished_at",
            ]
        )
        #expect(first["id"] == .integer(.max))
    }

    @Test("A lost outcome is shown as lost, never as an exit code (I2)")
    func lostOutcome() {
        guard case .array(let all)? = JobsView.json(sampleJobs)["jobs"], let lost = all.last else {
            Issue.record("no jobs")
            return
        }
        #expect(lost["exit_code"] == .null && lost["error"] == "lost: the machine lost power")
    }

    @Test("A job is shown with all recorded starts")
    func jobGolden() {
        let starts = [
            StartRecord(
                job: 8,
                generation: 1,
                startedAt: timeAgo(.seconds(90)),
                endedAt: timeAgo(.seconds(30)),
                outcome: .signaled(Signal(number: 11), coreDumped: true)
            ),
            StartRecord(
                job: 8,
                generation: 2,
                startedAt: nil,
                endedAt: timeAgo(.seconds(20)),
                outcome: .startFailed(StartFailure(stage: .directory, errno: 2, detail: "/srv/web: no such directory"))
            ),
            StartRecord(job: 8, generation: 3, startedAt: timeAgo(.milliseconds(2500))),
        ]
        expectGolden(JobsView().text(sampleJobs[1], starts: starts, now: now), "job.txt")
    }

    @Test("Events are shown as lines of text and of JSON")
    func events() {
        let event = EventRecord(
            time: now,
            level: .warning,
            source: "hero_proc.auto_start_db",
            subject: "core/hero_db",
            text: "its status is stop"
        )
        #expect(
            EventsView().line(event)
                == "\(now) warning hero_proc.auto_start_db  core/hero_db: its status is stop\n"
        )
        #expect(
            EventsView.jsonLine(event)
                == #"{"time":"\#(now)","level":"warning","source":"hero_proc.auto_start_db","subject":"core/hero_db","#
                + #""text":"its status is stop"}"# + "\n"
        )
    }

    @Test("The history shows names of variables and never their values")
    func history() throws {
        let revision = try #require(sampleReport.revision)
        expectGolden(HistoryView().text([revision], now: now), "history.txt")
        let json = HistoryView.json([revision]).text()
        #expect(json.contains("TOKEN") && !json.contains("secret"))
        #expect(HistoryView().text([], now: now) == "Nothing was applied yet.\n")
    }

    @Test("The result of an apply shows whether it converged and what is missing")
    func apply() {
        var result = ApplyReport(
            revision: 4,
            isConverged: false,
            plan: Plan(baseRevision: 3),
            services: [
                .init(name: QualifiedName("hero_db"), state: .running),
                .init(
                    name: QualifiedName("web"),
                    state: .backingOff,
                    cancelled: 1,
                    stoppedDependents: [QualifiedName("worker")],
                    detail: "exit code 3; next try in 4s"
                ),
            ],
            errors: ["cannot start core/seed: /no/such: no such file"],
            elapsed: .milliseconds(60_100)
        )
        expectGolden(ApplyView().text(result), "apply.txt")
        expectGolden(ApplyView.json(result).text(.pretty) + "\n", "apply.json")
        result.isConverged = true
        result.errors = []
        result.services = []
        result.elapsed = .milliseconds(1234)
        #expect(ApplyView().text(result) == "Revision 4 is applied: all is as declared in 1.2s.\n")
        result.revision = nil
        #expect(ApplyView().text(result) == "Nothing to do.\n")
        result.isConverged = false
        #expect(ApplyView().text(result) == "Refused: nothing was changed.\n")
        result.isOutcomeUnknown = true
        #expect(ApplyView().text(result).hasPrefix("It is not known whether anything was changed."))
    }

    @Test(
        "Durations are shown in their two most significant units",
        arguments: [
            (Duration.milliseconds(-5), "0ms"), (.milliseconds(999), "999ms"), (.milliseconds(1000), "1s"),
            (.milliseconds(1250), "1.2s"), (.milliseconds(9999), "9.9s"), (.milliseconds(10_900), "10s"),
            (.seconds(192), "3m12s"), (.seconds(180), "3m"), (.seconds(7500), "2h5m"), (.seconds(273_600), "3d4h"),
            (.seconds(Int64.max), "106751d23h"),
        ]
    )
    func durations(_ duration: Duration, _ text: String) {
        #expect(duration.shortText == text)
    }

    @Test("Times are shown relative to now, whatever the clock was set to")
    func relative() {
        #expect(timeAgo(.seconds(192)).relative(to: now) == "3m12s ago")
        #expect(timeAgo(.milliseconds(-4200)).relative(to: now) == "in 4s")
        #expect(timeAgo(.milliseconds(300)).relative(to: now) == "now")
        #expect(WallTime(microseconds: .min).relative(to: WallTime(microseconds: .max)) == "106751d23h ago")
    }
}

import HeroJSON
import HeroModel
import HeroView
import Testing

@Suite struct CleanupViewTests {
    private let result = CleanupResult(
        jobs: [3, 9],
        actions: [
            ActionKey(context: "core", service: nil, action: "report"),
            ActionKey(context: "lab", service: "web", action: "run"),
        ],
        errors: ["cannot remove a log"]
    )

    @Test("A cleanup reports removed jobs and actions as text and JSON")
    func done() {
        #expect(
            CleanupView.text(result)
                == "Removed 2 ended jobs (3, 9).\nRemoved 2 action specs (core/report, lab/web.run).\n"
        )
        let json = #"{"jobs_deleted":2,"actions_deleted":2,"job_ids":[3,9],"action_ids":["report","run"],"#
        #expect(CleanupView.json(result).text() == json + #""errors":["cannot remove a log"],"dry_run":false}"#)
        #expect(CleanupView.text(CleanupResult()) == "Nothing to remove: no ended job matches.\n")
    }

    @Test("A dry run of a cleanup lists the same IDs with counts of 0")
    func dryRun() {
        var preview = result
        preview.isDryRun = true
        #expect(CleanupView.text(preview).hasPrefix("Would remove 2 ended jobs (3, 9).\n"))
        let json = CleanupView.json(preview)
        #expect(json["jobs_deleted"] == .integer(0) && json["actions_deleted"] == .integer(0))
        #expect(json["job_ids"] == [.integer(3), .integer(9)] && json["dry_run"] == .bool(true))
        #expect(CleanupView.text(CleanupResult(isDryRun: true)) == "Nothing would be removed: no ended job matches.\n")
    }

    @Test("A cleanup cuts a long list and counts the rest")
    func long() {
        let text = CleanupView.text(CleanupResult(jobs: Array(1...50)))
        #expect(text.contains("18, 19, 20 and 30 more"))
    }

    @Test("Upcoming runs follow the jobs, pending ones first, then the soonest")
    func upcoming() {
        let runs = [
            UpcomingRun(QualifiedName("late"), nextRunAt: WallTime(microseconds: now.microseconds + 7_200_000_000)),
            UpcomingRun(
                QualifiedName("soon"),
                job: 4,
                nextRunAt: WallTime(microseconds: now.microseconds + 60_000_000)
            ),
            UpcomingRun(QualifiedName("owed"), isRunPending: true), UpcomingRun(QualifiedName("never")),
            UpcomingRun(QualifiedName("queued"), job: 7, nextRunAt: now, isWaiting: true),
        ]
        let lines = JobsView().text([], upcoming: runs, now: now).split(separator: "\n").map(String.init)
        #expect(lines.first == "No jobs.")
        #expect(
            lines.dropFirst(2).compactMap { $0.split(separator: " ").first { $0.contains("/") } } == [
                "core/owed", "core/queued", "core/soon", "core/late",
            ]
        )
        #expect(lines.contains { $0.contains("when job 7 has ended") && $0.contains("core/queued") })
        guard case .array(let all)? = JobsView.json([], upcoming: runs)["standalone"] else {
            Issue.record("no standalone actions")
            return
        }
        #expect(
            all.count == 5
                && keys(all[0]) == [
                    "context", "name", "job_id", "next_run_at", "last_due_at", "owes_run", "is_waiting",
                ]
        )
        #expect(all[1]["job_id"] == .integer(4))
    }
}

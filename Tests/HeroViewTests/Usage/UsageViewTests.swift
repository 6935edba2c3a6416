import HeroJSON
import HeroModel
import HeroView
import Testing

@Suite("Views of processes")
struct UsageViewTests {
    private func process(
        _ pid: Int32,
        _ parent: Int32,
        _ command: String,
        _ age: Duration,
        memory: Int64?
    ) -> ProcessUsage {
        ProcessUsage(
            pid: pid,
            parent: parent,
            command: command,
            startedAt: timeAgo(age),
            usage: ResourceUsage(
                cpuMicroseconds: 1_250_000,
                memory: memory,
                processes: 1,
                threads: 2,
                descriptors: memory == nil ? nil : 9
            )
        )
    }

    private func tree(_ processes: [ProcessUsage]) -> TreeUsage {
        TreeUsage(processes: processes, total: processes.reduce(.none) { $0 + $1.usage })
    }

    /// A service with a tree, one that this user may not read, one without processes, and a standalone action.
    private var report: UsageReport {
        let web = tree([
            process(100, 99, "nginx", .seconds(7320), memory: 40 << 20),
            process(101, 100, "nginx", .seconds(7319), memory: 12 << 20),
            process(105, 101, "helper\u{1B}[2J", .seconds(3), memory: 300 << 10),
            process(102, 100, "nginx", .seconds(7319), memory: 12 << 20),
            // The parent of this one has ended, so the shim is its parent.
            process(140, 99, "sleep", .seconds(60), memory: 300 << 10),
        ])
        let secret = tree([process(200, 199, "agent", .seconds(5), memory: nil)])
        return UsageReport(
            services: [
                .init(name: QualifiedName("web"), actions: [.init(name: "server", job: 7, tree: web)]),
                .init(
                    name: QualifiedName("agent"),
                    actions: [
                        .init(name: "main", job: 8, tree: secret), .init(name: "helper", job: 9, tree: .unknown),
                    ]
                ),
                .init(
                    name: QualifiedName("old", context: "lab"),
                    actions: [.init(name: "main", job: nil, tree: tree([]))]
                ),
            ],
            standalone: [
                .init(
                    name: QualifiedName("backup"),
                    actions: [
                        .init(
                            name: "backup",
                            job: 12,
                            tree: tree([process(300, 299, "tar", .seconds(61), memory: 2 << 30)])
                        )
                    ]
                )
            ],
            now: now
        )
    }

    @Test("Stats show one line per service, and unknown numbers as question marks")
    func stats() {
        expectGolden(StatsView().text(report), "stats.txt")
        expectGolden(StatsView.json(report).text(.pretty) + "\n", "stats.json")
        let none = UsageReport(services: [], standalone: [], now: now)
        #expect(StatsView().text(none) == "No service was applied yet.\n")
    }

    @Test("The share of a processor is counted since the earlier report")
    func load() {
        var later = report
        later.now = WallTime(microseconds: now.microseconds + 2_000_000)
        later.services[0].actions[0].tree.total.cpuMicroseconds = 6_250_000 + 1_501_000
        let text = StatsView().text(later, since: report)
        #expect(text.contains("CPU%"))
        #expect(text.contains(/core\/web +75\.0 +7\.7s/), "\(text)")
        #expect(text.contains(#/core/agent +\? /#), "\(text)")
        // A restarted service begins at zero.
        later.services[0].actions[0].tree.total.cpuMicroseconds = 0
        #expect(StatsView().text(later, since: report).contains(/core\/web +0\.0 +0ms/))
    }

    @Test("Processes are shown below their parents and actions")
    func processes() {
        let text = ProcessTreeView().text(report)
        expectGolden(text, "processes.txt")
        #expect(isHarmless(text))
        expectGolden(ProcessTreeView.json(report).text(.pretty) + "\n", "processes.json")
    }
}

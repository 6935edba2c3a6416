import HeroJSON
import HeroLinux
import HeroModel
import HeroStore
import HeroView
import Synchronization

/// Collects the metrics of `GET /metrics`.
///
/// Rows of ended starts and events are removed after a while. So this counts what it sees after its start; a restart of
/// the server is a reset of these counters, which readers of metrics expect.
final class MetricsCollector: Sendable {
    private struct Exit: Hashable {
        var job: JobLabels
        var code: String
        var signal: String
    }

    private struct JobLabels: Hashable {
        var context: String
        var service: String
        var action: String

        var labels: [(name: String, value: String)] {
            [("context", context), ("service", service), ("action", action)]
        }
    }

    private struct Counts {
        var lastEvent: Int64?
        var events: [EventRecord.Level: Int] = [:]
        /// The last start of each job whose end is counted.
        var countedStarts: [JobID: UInt32] = [:]
        var exits: [Exit: Int] = [:]
    }

    /// The rows that metrics are made of.
    private struct Rows {
        var jobs: [JobRecord] = []
        var revision: RevisionRecord?
    }

    private let data: ServerData
    private let counts = Mutex(Counts())

    init(_ data: ServerData) { self.data = data }

    /// Renders all metrics.
    func render(_ format: MetricsText.Format, now: WallTime) throws(RPCError) -> String {
        let status = try data.status()
        let services = status.document.items("services")
        let rows = try data.readRows { reader in
            let jobs = try reader.currentJobs()
            try self.count(jobs, reader)
            return Rows(jobs: jobs, revision: try reader.revision())
        }
        var text = MetricsText(format)
        addProgram(rows?.revision, status.document, &text)
        addServices(services, &text)
        addUsage(try data.usage().items("services"), &text)
        addProbes(services, &text)
        addJobs(rows?.jobs ?? [], now, &text)
        addCounts(&text)
        return text.complete
    }

    private func addProgram(_ revision: RevisionRecord?, _ status: JSONValue, _ text: inout MetricsText) {
        text.addFamily("heroproc_build_info", .gauge, "The version of heroproc.")
        text.addSample("heroproc_build_info", [("version", Release.version)], "1")
        text.addFamily("heroproc_reconciler_up", .gauge, "Whether a reconciler is running.")
        text.addSample("heroproc_reconciler_up", [], status["reconciler"]?["alive"] == true ? "1" : "0")
        text.addFamily("heroproc_revision", .gauge, "The last applied revision.")
        text.addSample("heroproc_revision", [], String(revision?.number ?? 0))
        if let durations = ReconcilerStatusFile.durations(data.paths) {
            let name = "heroproc_reconcile_duration_seconds"
            text.addFamily(name, .summary, "The time in which all stops and starts of a plan are made.")
            text.addSample("\(name)_count", [], String(durations.count))
            text.addSample("\(name)_sum", [], MetricsText.seconds(durations.totalMicroseconds))
        }
        guard let commit = revision?.gitCommit else { return }
        let source = revision?.git
        let labels = [("commit", commit), ("repository", source?.repository ?? ""), ("ref", source?.ref ?? "")]
        text.addFamily("heroproc_git_info", .gauge, "The commit of the last applied revision.")
        text.addSample("heroproc_git_info", labels, "1")
    }

    private func addServices(_ services: [JSONValue], _ text: inout MetricsText) {
        text.addFamily("heroproc_service_up", .gauge, "Whether the service is running, or has ended well.")
        for service in services {
            let isUp = ["running", "exited"].contains(service.text(of: "state"))
            text.addSample("heroproc_service_up", Self.labels(service), isUp ? "1" : "0")
        }
        text.addFamily("heroproc_service_state", .gauge, "1 for the state of the service, 0 for all others.")
        for service in services {
            for state in ServiceState.allCases {
                let isCurrent = service.text(of: "state") == state.rawValue
                let labels = Self.labels(service) + [("state", state.rawValue)]
                text.addSample("heroproc_service_state", labels, isCurrent ? "1" : "0")
            }
        }
    }

    /// Adds what the processes use; a number that is unknown has no sample.
    private func addUsage(_ services: [JSONValue], _ text: inout MetricsText) {
        text.addFamily("heroproc_service_cpu_seconds", .counter, "The processor time of the processes of the service.")
        for service in services {
            guard let time = service.integer(of: "cpu_microseconds") else { continue }
            text.addSample("heroproc_service_cpu_seconds_total", Self.labels(service), MetricsText.seconds(time))
        }
        for (name, key, help) in [
            ("heroproc_service_memory_bytes", "memory_bytes", "The share of memory (PSS) of these processes."),
            ("heroproc_service_processes", "processes", "The number of these processes."),
            ("heroproc_service_threads", "threads", "The number of their threads."),
            ("heroproc_service_descriptors", "descriptors", "The number of their open descriptors."),
        ] {
            text.addFamily(name, .gauge, help)
            for service in services {
                guard let number = service.integer(of: key) else { continue }
                text.addSample(name, Self.labels(service), String(number))
            }
        }
    }

    private func addProbes(_ services: [JSONValue], _ text: inout MetricsText) {
        text.addFamily("heroproc_probe_success", .gauge, "The last result of a probe of a running action.")
        for service in services {
            for action in service.items("actions") where action["pid"] != .null {
                let labels = Self.labels(service) + [("action", action.text(of: "name") ?? "")]
                for (probe, key) in [("ready", "ready"), ("health", "healthy")] {
                    guard case .bool(let isGood) = action[key] else { continue }
                    text.addSample("heroproc_probe_success", labels + [("probe", probe)], isGood ? "1" : "0")
                }
            }
        }
    }

    private func addJobs(_ jobs: [JobRecord], _ now: WallTime, _ text: inout MetricsText) {
        let labelled = jobs.map { job in (job, Self.labels(job).labels + [("job", String(job.id))]) }
        text.addFamily("heroproc_job_restarts", .counter, "The restarts of the program of the job.")
        for (job, labels) in labelled {
            text.addSample("heroproc_job_restarts_total", labels, String(job.restartCount))
        }
        text.addFamily("heroproc_job_starts", .counter, "The starts of the program of the job.")
        for (job, labels) in labelled { text.addSample("heroproc_job_starts_total", labels, String(job.executions)) }
        text.addFamily("heroproc_job_start_time_seconds", .gauge, "The time of the last start, since 1970.")
        for (job, labels) in labelled {
            guard let time = job.startedAt else { continue }
            text.addSample("heroproc_job_start_time_seconds", labels, MetricsText.seconds(time.microseconds))
        }
        text.addFamily("heroproc_job_backoff_seconds", .gauge, "The time until the next retry; 0 without one.")
        for (job, labels) in labelled {
            let rest = job.phase == .retrying ? (job.nextRetryAt?.microseconds ?? 0) &- now.microseconds : 0
            text.addSample("heroproc_job_backoff_seconds", labels, MetricsText.seconds(max(0, rest)))
        }
    }

    private func addCounts(_ text: inout MetricsText) {
        let (exits, events) = counts.withLock { ($0.exits, $0.events) }
        text.addFamily("heroproc_job_exits", .counter, "The ends of programs since the start of the server.")
        let sorted = exits.sorted {
            let (one, other) = ($0.key, $1.key)
            return (one.job.context, one.job.service, one.job.action, one.code, one.signal)
                < (other.job.context, other.job.service, other.job.action, other.code, other.signal)
        }
        for (exit, number) in sorted {
            let labels = exit.job.labels + [("code", exit.code), ("signal", exit.signal)]
            text.addSample("heroproc_job_exits_total", labels, String(number))
        }
        text.addFamily("heroproc_events", .counter, "The events since the start of the server.")
        for level in EventRecord.Level.allCases {
            text.addSample("heroproc_events_total", [("level", level.rawValue)], String(events[level, default: 0]))
        }
    }

    /// Counts the ends and events that are new since the last time.
    private func count(_ jobs: [JobRecord], _ reader: StateReader) throws {
        let seen = counts.withLock { ($0.lastEvent, $0.countedStarts) }
        let newest = try reader.numberedEvents(EventFilter(limit: 1)).last?.id ?? 0
        let events = try seen.0.map { try reader.numberedEvents(EventFilter(after: $0)) } ?? []
        var ended: [(JobRecord, StartRecord)] = []
        for job in jobs where job.generation > seen.1[job.id, default: 0] {
            for start in try reader.starts(of: job.id) where start.outcome != nil { ended.append((job, start)) }
        }
        counts.withLock { counts in
            for entry in events where entry.id > counts.lastEvent ?? 0 {
                counts.events[entry.event.level, default: 0] += 1
            }
            counts.lastEvent = max(counts.lastEvent ?? 0, events.last?.id ?? newest)
            for (job, start) in ended.sorted(by: { $0.1.generation < $1.1.generation })
            where start.generation > counts.countedStarts[job.id, default: 0] {
                counts.countedStarts[job.id] = start.generation
                guard let outcome = start.outcome else { continue }
                let (code, signal) = Self.describe(outcome)
                counts.exits[Exit(job: Self.labels(job), code: code, signal: signal), default: 0] += 1
            }
            // Jobs that are no longer current need no memory.
            let current = Set(jobs.map(\.id))
            counts.countedStarts = counts.countedStarts.filter { current.contains($0.key) }
        }
    }

    /// The exit code and the signal of an end, each empty if there is none.
    private static func describe(_ outcome: Outcome) -> (code: String, signal: String) {
        switch outcome {
        case .exited(let code): (String(code), "")
        case .signaled(let signal, coreDumped: _): ("", signal.description)
        case .outOfMemory: ("", "KILL")
        case .startFailed, .lost: ("", "")
        }
    }

    private static func labels(_ job: JobRecord) -> JobLabels {
        JobLabels(context: job.context, service: job.service ?? "", action: job.action)
    }

    private static func labels(_ service: JSONValue) -> [(name: String, value: String)] {
        [("context", service.text(of: "context") ?? ""), ("service", service.text(of: "name") ?? "")]
    }
}

import Foundation
import Glibc
import HeroModel
import HeroStore

extension Benchmarks {
    /// Measures a long history: the time to read it, and its size before and after retention.
    mutating func measureHistory() throws {
        let state = try directory.makeFolder("history")
        let manifests = try directory.makeFolder("history-services.d")
        let database = state + "/heroproc.db"
        try Self.fillDatabase(database, jobs: sizes.jobs, services: 100)
        results[.historyJobs, .heroproc] = try processorTime(["jobs", "--service", "s7", "--state", state])
        results[.historyStatus, .heroproc] = try processorTime(["status", "--state", state])
        results[.historySize, .heroproc] = try Self.megabytes(database)
        let rules = "kind: Settings\nretention:\n  - {tag: bench, older_than: 1h}\n"
        try Data(rules.utf8).write(to: URL(filePath: manifests + "/settings.yaml"))
        // One pass removes at most 10,000 jobs per rule, so that it does not delay the reconciler.
        _ = try processorTime(
            ["reconcile", "--dir", manifests, "--state", state],
            repetitions: 1 + sizes.jobs / 10_000
        )
        results[.historyRetained, .heroproc] = try Self.megabytes(database)
        log("heroproc: \(sizes.jobs) jobs recorded")
    }

    /// Adds ended jobs of stopped services to a database, each with one start, all of them a day old.
    private static func fillDatabase(_ path: String, jobs: Int, services: Int) throws {
        let store = try StateStore(path: path)
        let ended = WallTime(microseconds: Int64(time(nil) - 86_400) * 1_000_000)
        var changes: [StoreChange] = []
        for index in 0..<services {
            let spec = ServiceSpec(QualifiedName("s\(index)"), actions: [ActionSpec("run", .exec(["true"]))])
            let record = ServiceRecord(
                spec: spec,
                canonical: CanonicalSpec(spec),
                state: .stopped,
                since: ended,
                run: nil,
                revision: 1,
                isStartRequested: false
            )
            changes.append(.service(record))
        }
        for index in 1...max(1, jobs) {
            var job = JobRecord(
                id: Int64(index),
                context: QualifiedName.defaultContext,
                service: "s\(index % max(1, services))",
                action: "run",
                run: nil,
                revision: 1,
                tags: ["bench"],
                createdAt: ended
            )
            job.phase = .succeeded
            job.outcome = .exited(0)
            job.startedAt = ended
            job.finishedAt = ended
            changes.append(.job(job))
            changes.append(
                .start(StartRecord(job: job.id, generation: 1, startedAt: ended, endedAt: ended, outcome: .exited(0)))
            )
            if changes.count > 5000 {
                try store.commit(changes)
                changes.removeAll(keepingCapacity: true)
            }
        }
        try store.commit(changes)
    }

    /// The processor time of a command in seconds, as the median of several runs.
    private func processorTime(_ arguments: [String], repetitions: Int? = nil) throws -> Double? {
        setenv("HERO_PROC_NO_AUTOSTART_DB", "1", 1)
        var times: [Double] = []
        for _ in 0..<(repetitions ?? 2 * sizes.repetitions + 1) {
            let ending = try ChildProcess([directory.program("heroproc")] + arguments, in: directory.path).wait()
            guard ending.code < 2 else { throw BenchError("`heroproc \(arguments[0])` ended with \(ending.code)") }
            times.append(ending.processorTime)
        }
        return times.median
    }

    private static func megabytes(_ path: String) throws -> Double {
        let sizes = try ["", "-wal"].map { suffix in
            FileManager.default.fileExists(atPath: path + suffix)
                ? try FileManager.default.attributesOfItem(atPath: path + suffix)[.size] as? Int ?? 0 : 0
        }
        return Double(sizes.reduce(0, +)) / 1e6
    }
}

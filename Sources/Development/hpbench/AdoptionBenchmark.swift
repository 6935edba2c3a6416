import Foundation
import HeroLinux
import HeroModel
import HeroStore

extension Benchmarks {
    /// Takes the reconciler away from running jobs with `kill -9`, again and again, and lets the next one take them up
    /// (reliability.md SH-10).
    mutating func measureAdoption() throws {
        let hero = try HeroprocSupervisor(directory, services: sizes.few)
        var reconciler = try hero.startReconciler()
        try hero.stamps.awaitCount(sizes.few, within: 300)
        // From then on it has nothing to do but to hold them.
        try hero.run("apply", "--timeout", "5m")
        var times: [Double] = []
        var answers: [Double] = []
        for _ in 0..<(10 * sizes.repetitions) {
            SignalSender.send(SIGKILL, to: reconciler.pid)
            reconciler.wait()
            let last = try hero.newestEventID()
            let begin = now()
            reconciler = try hero.startReconciler()
            let (adopted, slowest) = try hero.awaitAdoption(of: sizes.few, since: begin, after: last)
            times.append(seconds(from: begin, to: adopted) * 1000)
            answers.append(slowest * 1000)
            try hero.requireSameJobs(sizes.few, of: reconciler)
        }
        results[.adoptionMedian, .heroproc] = times.median
        results[.adoptionTail, .heroproc] = times.percentile(0.99)
        results[.adoptionReply, .heroproc] = answers.max()
        log("heroproc: \(sizes.few) jobs adopted \(times.count) times, median \(Int(times.median ?? 0)) ms")
        try hero.stop()
        directory.endProcesses()
    }
}

extension HeroprocSupervisor {
    /// Starts a reconciler of its own, with nobody above it that would start another.
    fileprivate func startReconciler() throws -> ChildProcess {
        try ChildProcess(arguments("reconcile", ["--watch"]), output: state + "/reconciler")
    }

    /// The number of the newest event.
    fileprivate func newestEventID() throws -> Int64 {
        try openReader().numberedEvents(EventFilter(limit: 1)).last?.id ?? 0
    }

    private var paths: RuntimePaths { .resolve(state: state, environment: ProcessInfo.processInfo.environment) }

    private func openReader() throws -> StateReader {
        let path = paths.database
        guard let reader = try StateReader(path: path) else { throw BenchError("there is no \(path)") }
        return reader
    }

    /// Waits until it is on record that the jobs are adopted, and asks on the control socket all the while.
    ///
    /// `status` would not do as the clock: it shows what runs without any reconciler.
    /// - Returns: when it was on record, and the longest that somebody who asked waited, in seconds; who asks while nobody
    ///   listens yet waits from then on.
    fileprivate func awaitAdoption(
        of count: Int,
        since begin: UInt64,
        after last: Int64
    ) throws -> (adopted: UInt64, slowest: Double) {
        let (paths, reader) = (paths, try openReader())
        var (adopted, slowest): (UInt64?, Double) = (nil, 0)
        var (asked, client): (UInt64, ControlClient?) = (begin, nil)
        while true {
            if client == nil {
                client = try ControlClient.connect(paths)
                // It knows no such request and says so: an answer like any other that changes nothing.
                try client?.send(Array("{}".utf8))
            }
            switch client?.nextLine(timeout: .milliseconds(1)) {
            case .line:
                slowest = max(slowest, seconds(from: asked, to: now()))
                if let adopted { return (adopted, slowest) }
                (asked, client) = (now(), nil)
            case .timedOut: break
            case .ended: client = nil
            case nil: usleep(500)
            }
            if adopted == nil {
                let events = try reader.events(EventFilter(after: last))
                if events.contains(where: { $0.text == "took up \(count) running jobs" }) { adopted = now() }
            }
            guard seconds(from: begin, to: now()) < 60 else {
                throw BenchError("\(count) jobs are not adopted after a minute")
            }
        }
    }

    /// Looks whether `status` shows all jobs in the hands of this reconciler, each the one that was started at first.
    fileprivate func requireSameJobs(_ count: Int, of reconciler: ChildProcess) throws {
        let text = try ChildProcess.output(arguments("status", ["-o", "json"]), in: directory)
        let status = try JSONDecoder().decode(Status.self, from: Data(text.utf8))
        let running = Set(status.services.flatMap(\.actions).compactMap(\.pid))
        guard status.reconciler.pid == reconciler.pid, running.count == count,
            running == Set(stamps.all().map(\.pid))
        else { throw BenchError("the \(count) jobs are not what they were before the reconciler was killed") }
    }

    private struct Status: Decodable {
        struct Reconciler: Decodable {
            var pid: pid_t?
        }
        struct Service: Decodable {
            var actions: [Action]
        }
        struct Action: Decodable {
            var pid: pid_t?
        }
        var reconciler: Reconciler
        var services: [Service]
    }
}

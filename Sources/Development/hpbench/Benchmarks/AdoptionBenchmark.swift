import Foundation
import HeroLinux
import HeroModel
import HeroStore

extension Benchmarks {
    /// Kills the reconciler of running jobs with `kill -9` repeatedly, and measures how fast the next one adopts them (SH-10).
    mutating func measureAdoption() throws {
        let hero = try HeroprocSupervisor(directory, services: sizes.few)
        var reconciler = try hero.startReconciler()
        try hero.stamps.awaitCount(sizes.few, within: 300)
        // After this apply the reconciler only supervises.
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
    /// Starts a reconciler without a monitor that would restart it.
    fileprivate func startReconciler() throws -> ChildProcess {
        try ChildProcess(arguments("reconcile", ["--watch"]), output: state + "/reconciler")
    }

    /// The ID of the newest event.
    fileprivate func newestEventID() throws -> Int64 {
        try openReader().numberedEvents(EventFilter(limit: 1)).last?.id ?? 0
    }

    private var paths: RuntimePaths { .resolve(state: state, environment: ProcessInfo.processInfo.environment) }

    private func openReader() throws -> StateReader {
        let path = paths.database
        guard let reader = try StateReader(path: path) else { throw BenchError("\(path) does not exist") }
        return reader
    }

    /// Waits for the event that the jobs are adopted, and sends requests to the control socket meanwhile.
    ///
    /// `status` cannot measure this, because it shows running jobs without any reconciler.
    /// - Returns: the time of the event, and the longest wait for a reply in seconds. The wait includes the time before the
    ///   socket exists.
    fileprivate func awaitAdoption(
        of count: Int,
        since begin: UInt64,
        after last: Int64
    ) throws -> (adopted: UInt64, slowest: Double) {
        let (paths, reader) = (paths, try openReader())
        var (adopted, slowest): (UInt64?, Double) = (nil, 0)
        var (requestedAt, client): (UInt64, ControlClient?) = (begin, nil)
        while true {
            if client == nil {
                client = try ControlClient.connect(paths)
                // An unknown request: the error is a reply like any other and changes nothing.
                try client?.send(Array("{}".utf8))
            }
            switch client?.nextLine(timeout: .milliseconds(1)) {
            case .line:
                slowest = max(slowest, seconds(from: requestedAt, to: now()))
                if let adopted { return (adopted, slowest) }
                (requestedAt, client) = (now(), nil)
            case .timedOut: break
            case .ended, .unread: client = nil
            case nil: usleep(500)
            }
            if adopted == nil {
                let events = try reader.events(EventFilter(after: last))
                if events.contains(where: { $0.text.hasSuffix(" \(count) running jobs") }) { adopted = now() }
            }
            guard seconds(from: begin, to: now()) < 60 else {
                throw BenchError("\(count) jobs are not adopted after a minute")
            }
        }
    }

    /// Checks that `status` shows this reconciler and the processes that were started first.
    fileprivate func requireSameJobs(_ count: Int, of reconciler: ChildProcess) throws {
        let text = try ChildProcess.output(arguments("status", ["-o", "json"]), in: directory)
        let status = try JSONDecoder().decode(Status.self, from: Data(text.utf8))
        let running = Set(status.services.flatMap(\.actions).compactMap(\.pid))
        guard status.reconciler.pid == reconciler.pid, running.count == count,
            running == Set(stamps.all().map(\.pid))
        else { throw BenchError("the \(count) jobs are not the same as before the reconciler was killed") }
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

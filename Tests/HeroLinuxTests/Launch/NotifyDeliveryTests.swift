import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

/// Notify messages (sd_notify(3)) as the reconciler receives them.
@Suite(.ownThread) struct NotifyDeliveryTests {
    /// A launch of the oracle with a notify socket.
    private func request(_ sandbox: Sandbox, _ actions: String, watchdog: Duration? = nil) throws -> LaunchRequest {
        let shim = try Shim.find()
        let oracle = shim.dropLast("hpshim".count) + "hporacle"
        var request = sandbox.request(1, [String(oracle)] + actions.split(separator: " ").map(String.init))
        request.environment.append(.texts(["ORACLE_DIR": sandbox.folder]))
        request.workingDirectory = sandbox.folder
        request.mayNotify = true
        request.notifiesReady = true
        request.watchdog = watchdog
        return request
    }

    /// Waits for a notify state that satisfies a condition.
    @discardableResult
    private func awaitNotifyState(_ kernel: LinuxKernel, _ condition: (NotifyState) -> Bool) throws -> NotifyState {
        try kernel.awaitValue("the notify state") { event in
            guard case .start(StartID(job: 1, generation: 1), .notified(let report)) = event, condition(report) else {
                return nil
            }
            return report
        }
    }

    private func finish(_ kernel: LinuxKernel) throws {
        kernel.killTree(StartID(job: 1, generation: 1))
        _ = try kernel.awaitEnd(1)
    }

    @Test("Ready, reloading, stopping and the first watchdog ping are reported at once")
    func importantChanges() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let arguments = ["READY=1", "RELOADING=1", "READY=1", "WATCHDOG=1", "STOPPING=1,STATUS=bye+now"]
        let actions = arguments.enumerated().map { "wait-for \($0) notify \($1)" }.joined(separator: " ")
        kernel.launch(try request(sandbox, actions, watchdog: .seconds(20)))
        let first = try awaitNotifyState(kernel) { _ in true }
        #expect(!first.isReady && first.watchdog == .seconds(20) && first.lastPing == nil && first.status == nil)
        try sandbox.write("0", "")
        try awaitNotifyState(kernel) { $0.isReady && !$0.isReloading }
        try sandbox.write("1", "")
        try awaitNotifyState(kernel) { $0.isReady && $0.isReloading }
        try sandbox.write("2", "")
        try awaitNotifyState(kernel) { $0.isReady && !$0.isReloading }
        try sandbox.write("3", "")
        let ping = try awaitNotifyState(kernel) { $0.lastPing != nil }
        #expect(try #require(ping.lastPing) <= ping.asOf)
        try sandbox.write("4", "")
        let last = try awaitNotifyState(kernel) { $0.isStopping }
        #expect(
            last.status == "bye now" && NotifyStateReader.read(1, generation: 1, sandbox.paths)?.status == "bye now"
        )
        #expect(NotifyStateReader.read(1, generation: 2, sandbox.paths) == nil)
        try finish(kernel)
        #expect(access(sandbox.paths.notifySocketFile(of: 1), F_OK) != 0)
    }

    @Test("A new reconciler reads earlier and later notify messages (SH-2)")
    func recovered() throws {
        let sandbox = try Sandbox()
        do {
            let first = try sandbox.kernel()
            first.launch(try request(sandbox, "wait-for 0 notify READY=1 wait-for 1 notify RELOADING=1"))
            _ = try first.awaitStart(1)
        }
        try sandbox.write("0", "")
        while NotifyStateReader.read(1, generation: 1, sandbox.paths)?.isReady != true { usleep(1000) }
        let second = try sandbox.kernel()
        guard case .supervised(generation: 1, .some) = second.adopt([1])[1] else {
            Issue.record("the start is not supervised")
            return
        }
        try awaitNotifyState(second) { $0.isReady }
        try sandbox.write("1", "")
        try awaitNotifyState(second) { $0.isReloading }
        try finish(second)
    }

    @Test("Watchdog pings and status texts cause no event and are read on demand")
    func onDemand() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(try request(sandbox, "ping 20 notify READY=1 wait 10", watchdog: .seconds(20)))
        try awaitNotifyState(kernel) { $0.lastPing != nil }
        let seen = kernel.nextEvents(until: kernel.now() + .milliseconds(300))
        #expect(seen.isEmpty, "\(seen)")
        let before = kernel.now()
        kernel.startProbe(probeRequest(.watchdog(.seconds(20))))
        let events = kernel.nextEvents(until: kernel.now() + .seconds(5))
        guard events.count == 2, case .start(_, .notified(let report)) = events[0],
            case .start(_, .probeFinished(serial: 9, .succeeded)) = events[1]
        else {
            Issue.record("\(events)")
            return
        }
        #expect(try #require(report.lastPing) + .seconds(1) > before)
        try finish(kernel)
    }

    private func probeRequest(_ question: Probe.Check) -> ProbeRequest {
        ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 9,
            question: .probe(question),
            timeout: .seconds(1),
            environment: [],
            workingDirectory: "/"
        )
    }

    @Test("A notify probe returns whether the program has sent READY=1")
    func probe() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(try request(sandbox, "wait-for 0 notify READY=1"))
        _ = try kernel.awaitStart(1)
        kernel.startProbe(probeRequest(.notify))
        var result: ProbeResult?
        try kernel.await("an answer") {
            if case .start(_, .probeFinished(serial: 9, let found)) = $0 { result = found }
            return result != nil
        }
        #expect(result == .failed("it has not sent READY=1 yet"))
        try sandbox.write("0", "")
        try awaitNotifyState(kernel) { $0.isReady }
        kernel.startProbe(probeRequest(.notify))
        try kernel.await("an answer") {
            if case .start(_, .probeFinished(serial: 9, .succeeded)) = $0 { return true }
            return false
        }
        try finish(kernel)
    }

    @Test("A main process named by a notify message is reported and signalled")
    func mainProcess() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(try request(sandbox, "wait-for begin notify-away READY=1 wait-for 0 exit 21"))
        let report = try kernel.awaitStart(1)
        try sandbox.write("begin", "")
        var daemon: ProcessIdentity?
        var isReady = false
        try kernel.await("its successor") {
            if case .start(_, .mainProcessReplaced(let process)) = $0 { daemon = process }
            if case .start(_, .notified(let arguments)) = $0, arguments.isReady {
                #expect(daemon != nil, "the new main process is reported before its readiness")
                isReady = true
            }
            return isReady
        }
        #expect(daemon?.isSameProcess(as: report.process) == false)
        try sandbox.write("0", "")
        let end = try kernel.awaitEnd(1)
        #expect(end.outcome == .exited(21) && end.executed?.process == daemon)
    }

    @Test("The exit status of a main process with another parent is unknown (I2)")
    func otherParent() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(try request(sandbox, "notify-distant READY=1 wait-for 0 exit 0"))
        try awaitNotifyState(kernel) { $0.isReady }
        try sandbox.write("0", "")
        #expect(
            try kernel.awaitEnd(1).outcome
                == .lost(
                    "its main process was the child of another process, and only that process received its exit status"
                )
        )
    }

    @Test("A notify socket path that is too long becomes a random abstract name")
    func longPath() throws {
        let state = "/" + String(repeating: "s", count: 88)
        let paths = RuntimePaths(state: state, uid: 7, environment: [:])
        let name = paths.notifySocket(of: 123_456)
        #expect(name.hasPrefix("@heroproc/123456/") && name.utf8.count <= 107)
        #expect(name != paths.notifySocket(of: 123_456))
        let short = RuntimePaths(state: "/s", uid: 7, environment: [:])
        #expect(short.notifySocket(of: 9) == "/s/run/jobs/9.notify")
        #expect(RuntimePaths(state: state, uid: 0, environment: [:]).notifySocket(of: .max).hasPrefix("/run/heroproc/"))
    }

    @Test("Removing the files of a job removes its notify socket file")
    func removed() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        try sandbox.write("state/run/jobs/5.notify", "")
        kernel.removeRuntimeFiles(5)
        #expect(access(sandbox.paths.notifySocketFile(of: 5), F_OK) != 0)
    }
}

import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct HandoverTests {
    /// A program that exits successfully once `go` exists, and leaves a daemon that writes its PID file.
    private func request(_ sandbox: Sandbox) -> LaunchRequest {
        let daemon = "echo $$ > pid~; mv pid~ pid; trap \"exit 21\" TERM; while :; do sleep 600 & wait; done"
        var request = sandbox.shellRequest(
            1,
            "until [ -e go ]; do sleep 0.01; done; (setsid sh -c '\(daemon)' &); exit 0"
        )
        request.workingDirectory = sandbox.folder
        request.pidFile = sandbox.folder + "/pid"
        return request
    }

    /// The process that replaces the main process.
    private func successor(_ kernel: LinuxKernel) throws -> ProcessIdentity {
        try kernel.awaitValue("a successor") { event in
            guard case .start(_, .mainProcessReplaced(let process)) = event else { return nil }
            return process
        }
    }

    @Test("A forking daemon replaces the main process and its exit status is exact")
    func reported() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(request(sandbox))
        let report = try kernel.awaitStart(1)
        try sandbox.write("go", "")
        let daemon = try successor(kernel)
        #expect(!daemon.isSameProcess(as: report.process))
        #expect(readText(sandbox.folder + "/pid")?.trimmed == "\(daemon.pid)")
        #expect(kernel.signal(daemon, .term))
        let end = try kernel.awaitEnd(1)
        #expect(end.outcome == .exited(21))
        #expect(end.executed?.process == daemon)
    }

    @Test("A new reconciler tracks a daemon that forked before or after recovery")
    func recovered() throws {
        let sandbox = try Sandbox()
        do {
            let first = try sandbox.kernel()
            first.launch(request(sandbox))
            _ = try first.awaitStart(1)
        }
        let daemon: ProcessIdentity
        do {
            let second = try sandbox.kernel()
            guard case .supervised(generation: 1, let report?) = second.adopt([1])[1] else {
                Issue.record("the start is not supervised")
                return
            }
            try sandbox.write("go", "")
            daemon = try successor(second)
            #expect(!daemon.isSameProcess(as: report.process))
        }
        let third = try sandbox.kernel()
        guard case .supervised(generation: 1, let report?) = third.adopt([1])[1] else {
            Issue.record("the start is not supervised")
            return
        }
        #expect(report.process == daemon)
        #expect(third.signal(daemon, .term))
        #expect(try third.awaitEnd(1).outcome == .exited(21))
    }

    @Test("A forked daemon whose shim is killed is the tracked orphan")
    func orphaned() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(request(sandbox))
        _ = try kernel.awaitStart(1)
        try sandbox.write("go", "")
        let daemon = try successor(kernel)
        guard case .found(let record) = RecordReader.read(sandbox.paths.record(of: 1), job: 1) else {
            Issue.record("no record")
            return
        }
        #expect(kernel.signal(try #require(record.shim), .kill))
        var orphan: ProcessIdentity?
        try kernel.await("the orphan") {
            if case .start(_, .shimLost(let report)) = $0 { orphan = report.process }
            return orphan != nil
        }
        #expect(orphan == daemon)
        kernel.killTree(StartID(job: 1, generation: 1))
        #expect(try kernel.awaitEnd(1).outcome == .signaled(.kill, coreDumped: false))
    }
}

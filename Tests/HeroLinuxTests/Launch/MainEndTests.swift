import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct MainEndTests {
    /// A program that ends once `go` exists, and leaves a process that ignores the stop signal.
    private func request(_ sandbox: Sandbox) -> LaunchRequest {
        var request = sandbox.shellRequest(
            1,
            "trap '' TERM; sleep 600 & until [ -e go ]; do sleep 0.01; done; exit 3"
        )
        request.workingDirectory = sandbox.folder
        return request
    }

    private func mainEnd(_ kernel: LinuxKernel) throws -> MainEndReport {
        try kernel.awaitValue("the end of the main process") { event in
            guard case .start(_, .mainEnded(let report)) = event else { return nil }
            return report
        }
    }

    @Test("The end of a main process is reported while its tree is running")
    func reported() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(request(sandbox))
        _ = try kernel.awaitStart(1)
        try sandbox.write("go", "")
        let report = try mainEnd(kernel)
        #expect(report.outcome == .exited(3))
        #expect(report.remainingProcesses >= 1)
        #expect(RecordedEndReader.read(1, generation: 1, sandbox.paths) == .mainEnded(report))
        kernel.killTree(StartID(job: 1, generation: 1))
        #expect(try kernel.awaitEnd(1).outcome == .exited(3))
        #expect(RecordedEndReader.read(1, generation: 1, sandbox.paths) == .ended(.exited(3)))
    }

    @Test("A new reconciler receives the end of a main process, before and after recovery")
    func recovered() throws {
        let sandbox = try Sandbox()
        do {
            let first = try sandbox.kernel()
            first.launch(request(sandbox))
            _ = try first.awaitStart(1)
        }
        do {
            let second = try sandbox.kernel()
            guard case .supervised(generation: 1, .some) = second.adopt([1])[1] else {
                Issue.record("the start is not supervised")
                return
            }
            try sandbox.write("go", "")
            #expect(try mainEnd(second).outcome == .exited(3))
        }
        let third = try sandbox.kernel()
        guard case .mainEnded(generation: 1, _, let report) = third.adopt([1])[1] else {
            Issue.record("the end of the main process is not found")
            return
        }
        #expect(report.outcome == .exited(3))
        third.killTree(StartID(job: 1, generation: 1))
        #expect(try third.awaitEnd(1).outcome == .exited(3))
    }
}

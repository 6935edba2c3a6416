import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct RunDirectoryTests {
    /// The recovery that a kernel reports after its run directory was removed.
    private func recovery(_ kernel: LinuxKernel) throws -> RunDirectoryRecovery? {
        let events = try kernel.await("a lost run directory") { event in
            if case .runDirectoryLost = event { true } else { false }
        }
        return events.lazy.compactMap { if case .runDirectoryLost(let recovery) = $0 { recovery } else { nil } }.first
    }

    @Test("A removed run directory is created again with the records of running starts")
    func restored() throws {
        let sandbox = try Sandbox()
        let first = try sandbox.kernel()
        first.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try first.awaitStart(1)
        removeTree(sandbox.paths.run)
        #expect(try recovery(first) == .restored)
        #expect(isSocket(sandbox.paths.controlSocket))
        let second = try sandbox.kernel()
        #expect(second.adopt([1])[1] == .supervised(generation: 1, report))
        second.killTree(StartID(job: 1, generation: 1))
        _ = try second.awaitEnd(1)
        _ = try first.awaitEnd(1)
        // A new start has a record of its own.
        second.launch(sandbox.shellRequest(1, "exit 3", generation: 2))
        #expect(try second.awaitEnd(1).outcome == .exited(3))
    }

    @Test("The records move to another run directory if the removed one cannot be created again")
    func moved() throws {
        let sandbox = try Sandbox()
        let session = sandbox.folder + "/session"
        let state = sandbox.folder + "/state"
        let paths = RuntimePaths(state: state, uid: 4711, environment: ["XDG_RUNTIME_DIR": session])
        let next = RuntimePaths.resolve(state: state, environment: [:])
        defer { removeTree(next.run) }
        let first = try LinuxKernel(paths: paths, shimPath: Shim.find(), environment: [:], ownsProcess: false)
        first.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let report = try first.awaitStart(1)
        removeTree(session)
        try sandbox.write("session", "no directory")
        #expect(try recovery(first) == .moved(to: next.run))
        let second = try LinuxKernel(paths: next, shimPath: Shim.find(), environment: [:], ownsProcess: false)
        #expect(second.adopt([1])[1] == .supervised(generation: 1, report))
        second.killTree(StartID(job: 1, generation: 1))
        _ = try second.awaitEnd(1)
        _ = try first.awaitEnd(1)
    }

    private func isSocket(_ path: String) -> Bool {
        var file = stat()
        return lstat(path, &file) == 0 && file.st_mode & S_IFMT == S_IFSOCK
    }
}

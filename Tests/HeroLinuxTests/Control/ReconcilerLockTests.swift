import CHeroLinux
import Glibc
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ReconcilerLockTests {
    private func acquire(_ paths: RuntimePaths, mode: String = "watch", directory: String = "/d") throws
        -> (lock: ReconcilerLock?, holder: ReconcilerLockHolder?)
    {
        switch try ReconcilerLock.acquire(paths, mode: mode, directory: directory) {
        case .acquired(let lock): (lock, nil)
        case .held(by: let holder): (nil, holder)
        }
    }

    /// Takes the lock while its text names a reconciler, dead or alive, and a child that is about to execute holds what the body
    /// returns.
    private func acquire(
        fromOneThatIsDead isDead: Bool,
        whileItsChildHolds inherited: (RuntimePaths, _ lock: Int32) throws -> Int32
    ) throws {
        let sandbox = try Sandbox()
        #expect(try acquire(sandbox.paths).lock != nil)
        #expect(eventually { ReconcilerLock.holder(sandbox.paths) == nil })
        let stranger = try HelperProcess(["/bin/sleep", "600"])
        if isDead { stranger.reap() }
        let text = Array("\(stranger.pid)\nwatch\n/d\n".utf8)
        let lock = open(sandbox.paths.reconcilerLock, O_RDWR | O_CLOEXEC)
        #expect(ftruncate(lock, 0) == 0 && pwrite(lock, text, text.count, 0) == text.count)
        let held = try inherited(sandbox.paths, lock)
        let child = try HelperProcess(["/bin/sleep", isDead ? "0.3" : "600"], holding: [held])
        close(lock)
        if held != lock { close(held) }
        let (taken, holder) = try acquire(sandbox.paths)
        #expect((taken != nil) == isDead)
        #expect(holder?.pid == (isDead ? nil : stranger.pid))
        child.reap()
    }

    @Test("LK-1: a second reconciler learns who is the first, and takes over when that is gone")
    func second() throws {
        let sandbox = try Sandbox()
        let expected = ReconcilerLockHolder(pid: getpid(), mode: "no sync", directory: "/a dir\nwith a line")
        var first = try acquire(sandbox.paths, mode: expected.mode, directory: expected.directory).lock
        #expect(first != nil)
        #expect(try acquire(sandbox.paths).holder == expected)
        #expect(ReconcilerLock.holder(sandbox.paths) == expected)
        first = nil
        // A child that another test is just spawning has our descriptors until it executes.
        #expect(eventually { ReconcilerLock.holder(sandbox.paths) == nil })
        #expect(try acquire(sandbox.paths).lock != nil)
    }

    @Test(
        "LK-1: the lock of a dead reconciler whose child is still about to execute is waited for, that of a live one is not"
    )
    func leftBehind() throws {
        for isDead in [true, false] {
            try acquire(fromOneThatIsDead: isDead) { _, lock in
                #expect(flock(lock, LOCK_EX) == 0)
                return lock
            }
        }
    }

    @Test(
        "LK-1: the socket of a dead reconciler whose child is still about to execute is waited for, that of a live one is not"
    )
    func socketLeftBehind() throws {
        for isDead in [true, false] {
            // The locks are free: whoever executes closes them first.
            try acquire(fromOneThatIsDead: isDead) { paths, _ in
                let socket = hl_listen_unix(paths.controlSocket)
                #expect(socket >= 0)
                return socket
            }
        }
    }

    @Test("LK-1: asking who is there makes nothing")
    func asking() throws {
        let sandbox = try Sandbox()
        #expect(ReconcilerLock.holder(sandbox.paths) == nil)
        #expect(listDirectory(sandbox.folder) == [])
    }

    @Test("LK-1: a lock file deleted while held does not let the run directory have two")
    func deleted() throws {
        let sandbox = try Sandbox()
        let first = try acquire(sandbox.paths, directory: "/first").lock
        #expect(first != nil)
        unlink(sandbox.paths.reconcilerLock)
        #expect(try acquire(sandbox.paths, directory: "/second").holder?.directory == "/first")
    }

    @Test("LK-2: two state directories cannot share a run directory")
    func sharedRun() throws {
        let sandbox = try Sandbox()
        var other = sandbox.paths
        other.state = sandbox.folder + "/other"
        let first = try acquire(sandbox.paths, directory: "/first").lock
        #expect(first != nil)
        #expect(try acquire(other).holder?.directory == "/first")
    }

    @Test("LK-1: of many at one time exactly one wins, while others keep asking")
    func race() async throws {
        let sandbox = try Sandbox()
        let paths = sandbox.paths
        for _ in 0..<10 {
            #expect(eventually { ReconcilerLock.holder(paths) == nil })
            let winners = await withTaskGroup(of: ReconcilerLock.Attempt?.self, returning: Int.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        _ = ReconcilerLock.holder(paths)
                        return try? ReconcilerLock.acquire(paths, mode: "watch", directory: "/\(index)")
                    }
                }
                var kept: [ReconcilerLock] = []
                for await attempt in group {
                    if case .acquired(let lock)? = attempt { kept.append(lock) }
                }
                return kept.count
            }
            #expect(winners == 1)
        }
    }
}

import CHeroLinux
import Glibc
import HeroModel
import TestSupport
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

    /// Acquires the lock while the lock file names a reconciler, dead or alive, and a child of it holds the descriptor
    /// that `inherited` returns.
    private func acquire(
        fromOneThatIsDead isDead: Bool,
        whileItsChildHolds inherited: (RuntimePaths, _ lock: Int32) throws -> Int32
    ) throws {
        let sandbox = try Sandbox()
        #expect(try acquire(sandbox.paths).lock != nil)
        #expect(waitUntil { ReconcilerLock.holder(sandbox.paths) == nil })
        let helper = try HelperProcess(["/bin/sleep", "600"])
        if isDead { helper.reap() }
        let text = Array("\(helper.pid)\nwatch\n/d\n".utf8)
        let lock = open(sandbox.paths.reconcilerLock, O_RDWR | O_CLOEXEC)
        #expect(ftruncate(lock, 0) == 0 && pwrite(lock, text, text.count, 0) == text.count)
        let held = try inherited(sandbox.paths, lock)
        let child = try HelperProcess(["/bin/sleep", isDead ? "0.3" : "600"], holding: [held])
        close(lock)
        if held != lock { close(held) }
        let (taken, holder) = try acquire(sandbox.paths)
        #expect((taken != nil) == isDead)
        #expect(holder?.pid == (isDead ? nil : helper.pid))
        child.reap()
    }

    @Test("A second reconciler is refused with the holder's name until the lock is free (LK-1)")
    func secondReconciler() throws {
        let sandbox = try Sandbox()
        let expected = ReconcilerLockHolder(pid: getpid(), mode: "no sync", directory: "/a dir\nwith a line")
        var first = try acquire(sandbox.paths, mode: expected.mode, directory: expected.directory).lock
        #expect(first != nil)
        #expect(try acquire(sandbox.paths).holder == expected)
        #expect(ReconcilerLock.holder(sandbox.paths) == expected)
        first = nil
        // A child that another test starts has our descriptors until it executes its program.
        #expect(waitUntil { ReconcilerLock.holder(sandbox.paths) == nil })
        #expect(try acquire(sandbox.paths).lock != nil)
    }

    @Test(
        "The lock held by a child of a dead reconciler is waited for (LK-1)"
    )
    func lockOfChild() throws {
        for isDead in [true, false] {
            try acquire(fromOneThatIsDead: isDead) { _, lock in
                #expect(flock(lock, LOCK_EX) == 0)
                return lock
            }
        }
    }

    @Test(
        "The control socket held by a child of a dead reconciler is waited for (LK-1)"
    )
    func socketOfChild() throws {
        for isDead in [true, false] {
            // The locks are free: a process that executes a program closes them first.
            try acquire(fromOneThatIsDead: isDead) { paths, _ in
                let socket = hl_listen_unix(paths.controlSocket)
                #expect(socket >= 0)
                return socket
            }
        }
    }

    @Test("Reading the holder of the reconciler lock creates no file (LK-1)")
    func readingHolder() throws {
        let sandbox = try Sandbox()
        #expect(ReconcilerLock.holder(sandbox.paths) == nil)
        #expect(listDirectory(sandbox.folder) == [])
    }

    @Test("Deleting the held lock file does not allow a second reconciler (LK-1)")
    func deletedLock() throws {
        let sandbox = try Sandbox()
        let first = try acquire(sandbox.paths, directory: "/first").lock
        #expect(first != nil)
        unlink(sandbox.paths.reconcilerLock)
        #expect(try acquire(sandbox.paths, directory: "/second").holder?.directory == "/first")
    }

    @Test("A replaced lock file does not hide the running reconciler (LK-1)")
    func replacedLock() throws {
        let sandbox = try Sandbox()
        let first = try acquire(sandbox.paths, directory: "/first").lock
        #expect(first != nil)
        unlink(sandbox.paths.reconcilerLock)
        #expect(ReconcilerLock.holder(sandbox.paths)?.directory == "/first")
        try sandbox.write("state/reconciler.lock", "1\nwatch\n/other\n", mode: 0o600)
        let holder = ReconcilerLock.holder(sandbox.paths)
        #expect(holder?.directory == "/first" && holder?.pid == getpid())
    }

    @Test("Two state directories cannot share a run directory (LK-2)")
    func sharedRunDirectory() throws {
        let sandbox = try Sandbox()
        var other = sandbox.paths
        other.state = sandbox.folder + "/other"
        let first = try acquire(sandbox.paths, directory: "/first").lock
        #expect(first != nil)
        #expect(try acquire(other).holder?.directory == "/first")
    }

    @Test("Exactly one of several concurrent reconcilers acquires the lock (LK-1)")
    func race() async throws {
        let sandbox = try Sandbox()
        let paths = sandbox.paths
        for _ in 0..<10 {
            #expect(waitUntil { ReconcilerLock.holder(paths) == nil })
            let winners = await withTaskGroup(of: ReconcilerLock.Attempt?.self, returning: Int.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        _ = ReconcilerLock.holder(paths)
                        return try? ReconcilerLock.acquire(paths, mode: "watch", directory: "/\(index)")
                    }
                }
                var locks: [ReconcilerLock] = []
                for await attempt in group {
                    if case .acquired(let lock)? = attempt { locks.append(lock) }
                }
                return locks.count
            }
            #expect(winners == 1)
        }
    }
}

import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ManifestWatcherTests {
    @Test("A change is reported after the manifest is closed by its writer (MF-2)")
    func openForWriting() throws {
        let sandbox = try Sandbox()
        try sandbox.write("s/a.yaml", "1")
        let path = sandbox.folder + "/s/a.yaml"
        let kernel = try sandbox.kernel()
        kernel.watchDirectory(sandbox.folder + "/s")
        let number = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        try #require(number >= 0)
        let probe = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(probe) }
        let other = sandbox.folder + "/s/b.yaml"
        try sandbox.write("s/b.yaml", "2")
        #expect(kernel.nextEvents(until: kernel.now() + .seconds(1)) == [])
        for _ in 1...3 {
            try #require(write(number, "x", 1) == 1)
            #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(400)) == [])
        }
        close(number)
        #expect(kernel.nextEvents(until: kernel.now() + .seconds(5)) == [.filesChanged])
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(400)) == [])
        // A file that is open but no longer written to does not delay the report.
        let idle = open(other, O_WRONLY | O_CLOEXEC)
        defer { close(idle) }
        var times = [timespec(tv_sec: 1_700_000_000, tv_nsec: 0), timespec(tv_sec: 1_700_000_000, tv_nsec: 0)]
        try #require(futimens(idle, &times) == 0)
        #expect(kernel.nextEvents(until: kernel.now() + .seconds(5)) == [.filesChanged])
    }

    @Test("A change that inotify does not report is found by the periodic check (MF-2)")
    func resync() throws {
        let sandbox = try Sandbox()
        try sandbox.write("a/b/s/x.yaml", "1")
        try sandbox.write("c/b/s/x.yaml", "2")
        let reactor = try Reactor()
        let watcher = try ManifestWatcher(reactor, resync: .milliseconds(100))
        watcher.watch(sandbox.folder + "/a/b/s")
        // A folder two levels above the directory has no watch.
        rename(sandbox.folder + "/a", sandbox.folder + "/old")
        rename(sandbox.folder + "/c", sandbox.folder + "/a")
        let deadline = reactor.now + .seconds(10)
        while reactor.events.isEmpty, reactor.now < deadline {
            for wake in reactor.wait(until: deadline, mayBlock: true) where wake.source.kind == .manifestWatcher {
                wake.readyEvents == 0 ? watcher.handleTimer(wake.source.id) : watcher.readChanges()
            }
        }
        #expect(reactor.takeEvents() == [.filesChanged])
        // The new directory is watched now.
        try sandbox.write("a/b/s/x.yaml", "3")
        while reactor.events.isEmpty, reactor.now < deadline {
            for wake in reactor.wait(until: deadline, mayBlock: true) where wake.source.kind == .manifestWatcher {
                wake.readyEvents == 0 ? watcher.handleTimer(wake.source.id) : watcher.readChanges()
            }
        }
        #expect(reactor.takeEvents() == [.filesChanged])
    }
}

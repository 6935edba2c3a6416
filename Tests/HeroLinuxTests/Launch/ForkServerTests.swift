import CHeroLinux
import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

@Suite("Fork server", .ownThread) struct ForkServerTests {
    private let sandbox: Sandbox
    private let kernel: LinuxKernel
    private let start = StartID(job: 1, generation: 1)

    init() throws {
        sandbox = try Sandbox()
        kernel = try sandbox.kernel()
    }

    private var server: ForkServer { kernel.shimTracker.forkServer }

    /// Handles events until a condition holds.
    private func handleEvents(_ what: Comment, until isTrue: () -> Bool) {
        let deadline = kernel.now() + .seconds(20)
        while !isTrue(), kernel.now() < deadline { _ = kernel.nextEvents(until: kernel.now() + .milliseconds(10)) }
        #expect(isTrue(), what)
    }

    /// Kills the server; until its restart delay has passed, shims are spawned.
    private func killServer() throws {
        kill(try #require(server.pid), SIGKILL)
        handleEvents("the server has ended") { server.pid == nil }
    }

    @Test("A forked shim is a child of the reconciler and names its job in `ps`")
    func identity() throws {
        kernel.launch(sandbox.shellRequest(1, "exec sleep 600"))
        #expect(server.hasPending, "it is forked and not spawned")
        let process = try kernel.awaitStart(1).process
        let shim = try #require(kernel.shimTracker.shimPID(of: start))
        #expect(parent(of: shim) == getpid() && parent(of: process.pid) == shim)
        #expect(readText("/proc/\(shim)/comm") == "hpshim\n")
        let arguments = readText("/proc/\(shim)/cmdline")?.split(separator: "\0").map(String.init)
        #expect(arguments == ["hpshim", "core/test.1 #1"])
        kernel.killTree(start)
        #expect(try kernel.awaitEnd(1).outcome == .signaled(.kill, coreDumped: false))
    }

    @Test("The fork server keeps nothing of a job open and shows its purpose in `ps`")
    func holdsNothing() throws {
        for job in JobID(1)...3 { kernel.launch(sandbox.shellRequest(job, "exec sleep 600")) }
        handleEvents("all starts are forked") { !server.hasPending }
        let pid = try #require(server.pid)
        #expect(readText("/proc/\(pid)/cmdline")?.split(separator: "\0") == ["hpshim", "fork-server"])
        #expect(children(of: pid).isEmpty)
        // Only root can read the directory of a process that is not dumpable.
        if geteuid() == 0 {
            #expect(waitUntil { descriptorCount(of: pid) == 5 }, "0 to 2, the socket and the notice pipe")
            #expect(!openFiles(of: pid).contains { $0.contains("memfd") })
        }
        for job in JobID(1)...3 {
            kernel.killTree(StartID(job: job, generation: 1))
            _ = try kernel.awaitEnd(job)
        }
    }

    @Test("A forked shim and its program have all attributes of spawned ones (SH-17)")
    func sameAttributes() throws {
        var attributes: [[String]] = []
        for isForked in [true, false] {
            if !isForked { try killServer() }
            kernel.launch(sandbox.shellRequest(1, "exec sleep 600", generation: isForked ? 1 : 2))
            #expect(server.hasPending == isForked)
            let process = try kernel.awaitStart(1).process
            let shim = parent(of: process.pid)
            #expect(waitUntil { readText("/proc/\(process.pid)/comm") == "sleep\n" })
            // The shim protects itself last.
            #expect(waitUntil { readText("/proc/\(shim)/limits")?.contains(#/core file size +0 /#) == true })
            // Cgroup and tag end with the number of the start.
            let found = Self.attributes(of: shim) + Self.attributes(of: process.pid)
            attributes.append(found.map { $0.replacing(#/\.[12](?=\n|$)/#, with: "") })
            kernel.killTree(StartID(job: 1, generation: isForked ? 1 : 2))
            _ = try kernel.awaitEnd(1)
        }
        for (forked, spawned) in zip(attributes[0], attributes[1]) { #expect(forked == spawned) }
        #expect(attributes[0].count > 40)
    }

    /// What a process has or inherits, without what differs for each process.
    private static func attributes(of pid: pid_t) -> [String] {
        let kept: Set<Substring> = [
            "Name", "Umask", "TracerPid", "Uid", "Gid", "Groups", "Kthread", "Threads", "SigPnd", "ShdPnd", "SigBlk",
            "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
            "Cpus_allowed", "CoreDumping", "THP_enabled",
        ]
        let status = (readText("/proc/\(pid)/status") ?? "").split(separator: "\n").filter { line in
            line.split(separator: ":").first.map(kept.contains) ?? false
        }
        let limits = (readText("/proc/\(pid)/limits") ?? "").split(separator: "\n")
        // The variables have no order.
        let files = ["oom_score_adj", "cgroup", "environ", "cmdline"].map { name in
            let parts = (readText("/proc/\(pid)/\(name)") ?? "").split(separator: "\0").map(String.init)
            return "\(name) \((name == "environ" ? parts.sorted() : parts).joined(separator: "\n"))"
        }
        let links = ["cwd", "root", "exe"].map { "\($0) \(linkTarget("/proc/\(pid)/\($0)") ?? "")" }
        let descriptors = (listDirectory("/proc/\(pid)/fd") ?? []).compactMap { Int32($0) }.sorted().map { number in
            let target = linkTarget("/proc/\(pid)/fd/\(number)") ?? ""
            return "\(number) \(target.hasSuffix("]") ? String(target.prefix { $0 != "[" }) : target)"
        }
        let ids = "own group \(getpgid(pid) == pid), own session \(getsid(pid) == pid)"
        let priority = "nice \(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid)))"
        return status.map(String.init) + limits.map(String.init) + files + links + descriptors + [ids, priority]
    }

    @Test("Starts are spawned while the fork server is gone, and it is started again later")
    func killed() throws {
        let pid = try #require(server.pid)
        kernel.launch(sandbox.shellRequest(1, "exit 3"))
        kill(pid, SIGKILL)
        kernel.launch(sandbox.shellRequest(2, "exit 4"))
        var ends: [JobID: Outcome] = [:]
        while ends.count < 2 {
            try kernel.await("an end") { event in
                guard case .start(let start, .ended(let report)) = event else { return false }
                ends[start.job] = report.outcome
                return true
            }
        }
        #expect(ends == [1: .exited(3), 2: .exited(4)])
        handleEvents("the server is reaped") { !isAlive(pid) && !server.isServer(pid) }
        #expect(!isZombie(pid))
        handleEvents("it is started again") {
            kernel.launch(sandbox.shellRequest(3, "exit 5"))
            _ = try? kernel.awaitEnd(3)
            kernel.removeRuntimeFiles(3)
            return server.pid != nil
        }
        #expect(server.pid != pid)
    }

    @Test("A stopped fork server is replaced, and its starts are spawned")
    func stopped() throws {
        let pid = try #require(server.pid)
        kill(pid, SIGSTOP)
        for job in JobID(1)...3 { kernel.launch(sandbox.shellRequest(job, "echo x >> \(sandbox.folder)/out; exit 3")) }
        var ended = 0
        while ended < 3 {
            try kernel.await("an end") { event in
                guard case .start(_, .ended(let report)) = event else { return false }
                #expect(report.outcome == .exited(3))
                ended += 1
                return true
            }
        }
        #expect(readText("\(sandbox.folder)/out") == "x\nx\nx\n", "each ran once")
        handleEvents("the server is killed") { !server.isServer(pid) }
    }

    @Test("A start that is cancelled before its shim is forked never runs its program")
    func cancelled() throws {
        let pid = try #require(server.pid)
        kill(pid, SIGSTOP)
        kernel.launch(sandbox.shellRequest(1, "touch \(sandbox.folder)/out"))
        kernel.killTree(start)
        guard case .startFailed(let failure) = try kernel.awaitEnd(1).outcome else {
            Issue.record("it was started")
            return
        }
        #expect(failure.errno == ECANCELED)
        #expect(access("\(sandbox.folder)/out", F_OK) != 0)
    }

    @Test("A start that is cancelled while its shim is forked ends with its whole tree")
    func cancelledLater() throws {
        let pid = try #require(server.pid)
        kill(pid, SIGSTOP)
        kernel.launch(sandbox.shellRequest(1, "exec sleep 600"))
        kernel.killTree(start)
        kill(pid, SIGCONT)
        let end = try kernel.awaitEnd(1)
        #expect(end.outcome == .signaled(.kill, coreDumped: false))
        #expect(server.pid == pid, "the server stays")
    }

    @Test("More starts than the fork server may have in its queue all end exactly")
    func manyStarts() throws {
        let jobs = JobID(1)...JobID(ForkServer.maxPending * 2)
        for job in jobs { kernel.launch(sandbox.shellRequest(job, "exit \(job % 100)")) }
        var ends: [JobID: Outcome] = [:]
        while ends.count < jobs.count {
            try kernel.await("an end") { event in
                guard case .start(let start, .ended(let report)) = event else { return false }
                #expect(ends.updateValue(report.outcome, forKey: start.job) == nil)
                return true
            }
        }
        for job in jobs { #expect(ends[job] == .exited(Int32(job % 100))) }
    }

    @Test("A shim program without a fork server spawns every start")
    func otherProgram() throws {
        let script = "#!/bin/sh\n[ \"$1\" = fork-server ] && exit 1\nexec \(try Shim.find()) \"$@\"\n"
        try sandbox.write("hpshim", script, mode: 0o755)
        let other = try Sandbox()
        let kernel = try LinuxKernel(
            paths: other.paths,
            shimPath: "\(sandbox.folder)/hpshim",
            environment: [:],
            ownsProcess: false
        )
        kernel.launch(other.shellRequest(1, "exit 7"))
        #expect(try kernel.awaitEnd(1).outcome == .exited(7))
        kernel.launch(other.shellRequest(2, "exit 8"))
        #expect(try kernel.awaitEnd(2).outcome == .exited(8))
        #expect(kernel.shimTracker.forkServer.pid == nil)
    }

    @Test("Refused messages fail in their sender, and earlier ones still arrive")
    func refusedMessages() throws {
        var ends: (own: Int32, other: Int32) = (-1, -1)
        try #require(hl_message_pair(&ends.own, &ends.other) == 0)
        let (own, other) = (Descriptor(ends.own), Descriptor(ends.other))
        let text = Array("hello".utf8)
        #expect(hl_send_message(other.number, text, 5, own.number) == 0)
        hl_refuse_messages(own.number)
        #expect(hl_send_message(other.number, text, 5, own.number) == -EPIPE)
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(hl_receive_message(own.number, &bytes, 16) == 5)
        #expect(hl_receive_message(own.number, &bytes, 16) == 0, "the end")
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import Testing

/// The ladder of TR-2, on every level this machine has; a directory with files stands in for what it lacks.
@Suite("What holds a tree together")
struct ContainmentTests {
    private static let levels = Cgroup.Level.allCases.filter(\.isAvailable)
    private static let hasCgroup = Cgroup.Level.cgroup.isAvailable

    @Test(
        "TR-2: the program is in its cgroup before it executes, the shim is not",
        .enabled(if: hasCgroup, "no cgroup v2 that may be written here")
    )
    func startsInCgroup() throws {
        let job = try TestJob(shell: "grep ^0: /proc/self/cgroup; grep ^0: /proc/$PPID/cgroup; sleep 600 & exit 0")
        let path = try job.useContainment(.cgroup)
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts.count == 2)
        #expect(job.texts.first.map { path.hasSuffix($0.dropFirst(3)) } == true, "\(job.texts)")
        #expect(job.texts.last.map { !path.hasSuffix($0.dropFirst(3)) || $0 == "0::/" } == true, "\(job.texts)")
        let proc = try #require(job.proc)
        #expect(proc.containment == HERO_CONTAINMENT_CGROUP.rawValue)
        #expect(withUnsafeBytes(of: proc.cgroup) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } == path)
        #expect(!FileManager.default.fileExists(atPath: path), "its directory goes with it")
        #expect(!FileManager.default.fileExists(atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path))
    }

    @Test(
        "TR-2: a fork bomb of an ordinary user is ended whole",
        .enabled(if: geteuid() == 0, "only root can run it as a user whose processes are counted"),
        arguments: levels
    )
    func killsForkBomb(_ level: Cgroup.Level) throws {
        // A shell would leave at the first fork that is refused; this one goes on for ever, as every child of it does.
        let job = try TestJob(shell: "exec perl -e 'for (;;) { defined fork or select undef, undef, undef, 0.01 }'")
        let path = try job.useContainment(level)
        // A user of its own: what it may fork is counted for all processes of the user.
        let user = 2_000_000_000 + UInt32(getpid()) * 4 + UInt32(level.kind.rawValue)
        (job.spec.rights.changes_user, job.spec.rights.uid, job.spec.rights.gid) = (1, user, user)
        job.spec.rights.processes = 120
        let shim = try job.start()
        _ = try job.awaitMainPID()
        #expect(job.eventually { processes(of: user) > 60 })
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(processes(of: user) == 0)
        #expect(path.isEmpty || !FileManager.default.fileExists(atPath: path))
    }

    private func processes(of user: UInt32) -> Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter {
            var file = stat()
            return Int32($0) != nil && stat("/proc/\($0)", &file) == 0 && file.st_uid == user
        }.count
    }

    @Test("TR-2: whoever leaves the session, the group and the parent stays held", arguments: levels)
    func killsEscapedProcesses(_ level: Cgroup.Level) throws {
        let job = try TestJob()
        try job.useContainment(level)
        let escape = "trap '' TERM HUP INT; echo $$ >> \(job.path("pids")); exec sleep 600"
        job.spec.arguments = [
            "sh", "-c",
            "for i in 1 2 3 4 5; do (setsid sh -c \"\(escape.replacingOccurrences(of: "$$", with: "\\$\\$"))\" &); done; "
                + "until [ $(wc -l < \(job.path("pids"))) -ge 5 ]; do sleep 0.01; done; exit 0",
        ]
        job.spec.stopTimeout = 100
        job.write("pids", "")
        #expect(try job.run() == HERO_SHIM_DONE)
        let pids = job.numbers("pids")
        #expect(pids.count == 5)
        for pid in pids { #expect(harness_wait_gone(pid, 0) == 1) }
    }

    @Test(
        "TR-2: a child that moves itself to another cgroup is ended with the rest",
        .enabled(if: hasCgroup && geteuid() == 0, "only root can leave a cgroup")
    )
    func killsMovedProcess() throws {
        let job = try TestJob()
        try job.useContainment(.cgroup)
        let root = try #require(Cgroup.Level.cgroup.parent)
        job.spec.arguments = [
            "sh", "-c",
            "(setsid sh -c 'echo $$ > \(root)/cgroup.procs; echo $$ > \(job.path("pids")); exec sleep 600' &); "
                + "until [ -s \(job.path("pids")) ]; do sleep 0.01; done; exit 5",
        ]
        job.spec.stopTimeout = 50
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 5)
        #expect(harness_wait_gone(try #require(job.numbers("pids").first), 0) == 1)
    }

    // MARK: A directory instead of a cgroup

    /// A job that is held by a directory with these files in it.
    private func jobInDirectory(_ shell: String, _ files: [String: String]) throws -> TestJob {
        let job = try TestJob(shell: shell)
        mkdir(job.path("cgroup"), 0o700)
        for (name, text) in files { job.write("cgroup/\(name)", text) }
        job.spec.containment = HERO_CONTAINMENT_CGROUP
        job.spec.cgroup = job.path("cgroup")
        return job
    }

    @Test("TR-2: the orders are written where the kernel wants them")
    func writesCgroupFiles() throws {
        let job = try jobInDirectory(
            "echo $$; exec sleep 600",
            ["cgroup.procs": "", "cgroup.kill": "", "cgroup.events": "populated 0\n"]
        )
        let shim = try job.start()
        let main = try job.awaitMainPID()
        #expect(job.read("cgroup/cgroup.procs") == "\(main)")
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.read("cgroup/cgroup.kill") == "1")
    }

    /// How a program ended, what the kernel counted, and whether that was for want of memory.
    static let outOfMemoryCases: [(String, String, Bool)] = [
        ("kill -KILL $$", "low 0\noom 1\noom_kill 1\noom_group_kill 0\n", true),
        ("kill -KILL $$", "low 0\noom 3\noom_kill 0\n", false),
        ("kill -TERM $$", "oom_kill 2\n", false),
        ("exit 137", "oom_kill 2\n", false),
    ]

    @Test(
        "OM-1: killed for want of memory is killed by SIGKILL where the cgroup counts such a kill",
        arguments: outOfMemoryCases
    )
    func recordsOutOfMemoryKill(_ shell: String, _ events: String, _ isTold: Bool) throws {
        let job = try jobInDirectory(shell, ["cgroup.procs": "", "memory.events": events])
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.out_of_memory == (isTold ? 1 : 0))
    }

    @Test("a cgroup that cannot be joined keeps no service down, unless its limits hold only there")
    func unavailableCgroup() throws {
        let job = try jobInDirectory("exit 6", [:])
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.status == 6)
        #expect(job.proc?.containment == HERO_CONTAINMENT_NONE.rawValue)

        let limited = try jobInDirectory("exit 6", [:])
        limited.spec.needsCgroup = true
        #expect(try limited.run() == HERO_SHIM_DONE)
        #expect(limited.proc?.phase == HERO_PROC_FAILED.rawValue)
        #expect(limited.proc?.stage == HERO_STAGE_CGROUP.rawValue)
        #expect(limited.proc?.error == ENOENT)
    }
}

import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

/// Containment on each level of TR-2 that this machine has.
///
/// A directory with files replaces a missing cgroup.
@Suite("Containment")
struct ContainmentTests {
    private static let levels = Cgroup.Level.allCases.filter(\.isAvailable)
    private static let hasCgroup = Cgroup.Level.cgroup.isAvailable

    @Test(
        "The program is in its cgroup before it executes, and the shim is not (TR-2)",
        .enabled(if: hasCgroup, "needs a writable cgroup v2")
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
        #expect(!FileManager.default.fileExists(atPath: path), "the directory is removed with the job")
        #expect(!FileManager.default.fileExists(atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path))
    }

    @Test(
        "The shim kills a fork bomb of an unprivileged user completely (TR-2)",
        .enabled(if: geteuid() == 0, "needs root to change the user"),
        arguments: levels
    )
    func killsForkBomb(_ level: Cgroup.Level) throws {
        // A shell exits at the first fork that is refused. This program and all its children continue to fork.
        let job = try TestJob(shell: "exec perl -e 'for (;;) { defined fork or select undef, undef, undef, 0.01 }'")
        let path = try job.useContainment(level)
        // Its own user, because the limit counts all processes of a user.
        let user = 2_000_000_000 + UInt32(getpid()) * 4 + UInt32(level.kind.rawValue)
        (job.spec.rights.changes_user, job.spec.rights.uid, job.spec.rights.gid) = (1, user, user)
        job.spec.rights.processes = 120
        let shim = try job.start()
        _ = try job.awaitMainPID()
        #expect(waitUntil { processes(of: user) > 60 })
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

    @Test("The shim kills processes that left session, process group and parent (TR-2)", arguments: levels)
    func killsEscapedProcesses(_ level: Cgroup.Level) throws {
        let job = try TestJob()
        try job.useContainment(level)
        let escape = "trap '' TERM HUP INT; echo $$ >> \(job.path("pids")); exec sleep 600"
        let quoted = escape.replacingOccurrences(of: "$$", with: "\\$\\$")
        job.spec.arguments = [
            "sh", "-c",
            "for i in 1 2 3 4 5; do (setsid sh -c \"\(quoted)\" &); done; "
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
        "The shim kills a child that moved itself to another cgroup (TR-2)",
        .enabled(if: hasCgroup && geteuid() == 0, "needs root to move a process between cgroups")
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

    /// A job with a directory of these files instead of a cgroup.
    private func jobInDirectory(_ shell: String, _ files: [String: String]) throws -> TestJob {
        let job = try TestJob(shell: shell)
        mkdir(job.path("cgroup"), 0o700)
        for (name, text) in files { job.write("cgroup/\(name)", text) }
        job.spec.containment = HERO_CONTAINMENT_CGROUP
        job.spec.cgroup = job.path("cgroup")
        return job
    }

    @Test("The shim writes to cgroup.procs and cgroup.kill (TR-2)")
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

    /// An exit, the counters of the kernel, and whether memory ran out.
    static let outOfMemoryCases: [(String, String, Bool)] = [
        ("kill -KILL $$", "low 0\noom 1\noom_kill 1\noom_group_kill 0\n", true),
        ("kill -KILL $$", "low 0\noom 3\noom_kill 0\n", false),
        ("kill -TERM $$", "oom_kill 2\n", false),
        ("exit 137", "oom_kill 2\n", false),
    ]

    @Test(
        "SIGKILL with a counted OOM kill is recorded as out of memory (OM-1)",
        arguments: outOfMemoryCases
    )
    func recordsOutOfMemoryKill(_ shell: String, _ events: String, _ isOutOfMemory: Bool) throws {
        let job = try jobInDirectory(shell, ["cgroup.procs": "", "memory.events": events])
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.exit?.out_of_memory == (isOutOfMemory ? 1 : 0))
    }

    @Test("A missing cgroup prevents a start only if limits need the cgroup")
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

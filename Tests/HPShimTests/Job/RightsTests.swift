import CHeroRecord
import Foundation
import Testing

private let isRoot = geteuid() == 0
private let needsRoot = Comment("needs root to change the user")

@Suite("User and limits of the program")
struct RightsTests {
    /// A job of the unprivileged user 65534.
    private func jobAsNobody(_ shell: String) throws -> TestJob {
        let job = try TestJob(shell: shell)
        job.spec.rights.changes_user = 1
        job.spec.rights.uid = 65_534
        job.spec.rights.gid = 65_533
        job.spec.groups = [65_533, 4711]
        return job
    }

    @Test(
        "The program gets exactly the user and groups of the spec, permanently (SP-1)",
        .enabled(if: isRoot, needsRoot)
    )
    func changesUser() throws {
        let job = try jobAsNobody("grep -E '^(Uid|Gid|Groups|CapEff)' /proc/$$/status; :")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(
            job.texts.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") } == [
                "Uid: 65534 65534 65534 65534", "Gid: 65533 65533 65533 65533", "Groups: 4711 65533",
                "CapEff: 0000000000000000",
            ]
        )
    }

    @Test(
        "The program is not executed when the change of user is refused (SP-1)",
        .enabled(if: !isRoot, "root may change the user")
    )
    func refusedUser() throws {
        for script in [nil, "touch \"$1\"\n"] {
            let job = try jobAsNobody("")
            job.spec.script = script
            job.spec.arguments = ["sh", "-c", "touch \(job.path("executed"))"]
            #expect(try job.run() == HERO_SHIM_DONE)
            #expect(job.proc?.stage == HERO_STAGE_USER.rawValue)
            #expect(job.proc?.error == EPERM)
            #expect(!FileManager.default.fileExists(atPath: job.path("executed")))
        }
    }

    @Test("The directory is entered and the program executed as the new user (SP-1)", .enabled(if: isRoot, needsRoot))
    func directory() throws {
        let job = try jobAsNobody(":")
        job.spec.workingDirectory = job.directory
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.proc?.stage == HERO_STAGE_DIRECTORY.rawValue)
        #expect(job.proc?.error == EACCES)

        let other = try jobAsNobody(":")
        other.write("program", "#!/bin/sh\n", mode: 0o700)
        chmod(other.directory, 0o711)
        other.spec.candidates = [other.path("program")]
        #expect(try other.run() == HERO_SHIM_DONE)
        #expect(other.proc?.stage == HERO_STAGE_EXECUTE.rawValue)
        #expect(other.proc?.error == EACCES)
    }

    @Test("A program of another user can reopen its output (LG-9)", .enabled(if: isRoot, needsRoot))
    func output() throws {
        let job = try jobAsNobody("echo again > /dev/stdout; echo error > /dev/stderr")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(Set(job.texts) == ["again", "error"])
    }

    @Test(
        "A program of another user can read and execute its script but not change it",
        .enabled(if: isRoot, needsRoot)
    )
    func script() throws {
        let job = try jobAsNobody("")
        chmod(job.directory, 0o711)
        job.spec.script = """
            stat -c '%a %u %g' $0
            chmod 700 $0 2>/dev/null || echo no chmod
            (: >>$0) 2>/dev/null || echo no write
            ln $0 \(job.path("pub/link")) 2>/dev/null || echo no link
            test -x $0 && echo executable

            """
        mkdir(job.path("pub"), 0o777)
        chmod(job.path("pub"), 0o777)
        job.spec.arguments = ["sh", job.spec.scriptPath]
        #expect(try job.run() == HERO_SHIM_DONE)
        let hasLinkProtection =
            (try? String(contentsOfFile: "/proc/sys/fs/protected_hardlinks", encoding: .utf8)) == "1\n"
        #expect(
            job.texts.filter { hasLinkProtection || $0 != "no link" } == ["550 0 65533", "no chmod", "no write"]
                + (hasLinkProtection ? ["no link"] : []) + ["executable"]
        )
        #expect(!FileManager.default.fileExists(atPath: job.spec.scriptPath), "it is removed with the job")
    }

    @Test("The program runs with no_new_privs if the spec requires it (SP-1)", arguments: [0, 1] as [UInt32])
    func newPrivileges(flag: UInt32) throws {
        let job = try TestJob(shell: "grep NoNewPrivs /proc/$$/status; :")
        job.spec.rights.no_new_privileges = flag
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["NoNewPrivs:\t\(flag)"])
    }

    @Test(
        "Another user keeps exactly the capabilities of the spec, and no more",
        .enabled(if: isRoot, needsRoot)
    )
    func keptCapabilities() throws {
        let job = try jobAsNobody("grep -E '^(Uid|Cap)' /proc/$$/status; :")
        job.spec.capabilities = 1 << 10 | 1
        #expect(try job.run() == HERO_SHIM_DONE)
        let sets = ["Inh", "Prm", "Eff", "Bnd", "Amb"].map { "Cap\($0):\t0000000000000401" }
        #expect(job.texts == ["Uid:\t65534\t65534\t65534\t65534"] + sets)
    }

    @Test(
        "A program of root has only the capabilities of the spec, even none",
        .enabled(if: isRoot, needsRoot),
        arguments: [0, 1 << 10] as [UInt64]
    )
    func limitedRoot(kept: UInt64) throws {
        let job = try TestJob(shell: "grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/$$/status; :")
        job.spec.capabilities = kept
        #expect(try job.run() == HERO_SHIM_DONE)
        let digits = kept == 0 ? "0000000000000000" : "0000000000000400"
        let sets = ["Prm", "Eff", "Bnd"].map { "Cap\($0):\t\(digits)" }
        #expect(job.texts == sets + ["CapAmb:\t0000000000000000"])
    }

    @Test("A capability that the kernel does not grant refuses the start")
    func refusedCapability() throws {
        let job = isRoot ? try jobAsNobody(":") : try TestJob(shell: ":")
        job.spec.rights.no_new_privileges = 1
        // No kernel has this capability.
        job.spec.capabilities = 1 << 63
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.proc?.stage == HERO_STAGE_CAPABILITIES.rawValue)
    }

    @Test("Soft and hard limits of the program match the spec (SP-5)")
    func limits() throws {
        let job = try TestJob(shell: "for key in n u c v; do ulimit -S$key; ulimit -H$key; done 2>&1")
        job.spec.candidates = ["/bin/bash"]
        job.spec.rights.open_files = 99
        job.spec.rights.processes = 3999
        job.spec.rights.core_bytes = 1024
        job.spec.rights.memory_bytes = 1 << 30
        // The general limit is weaker than the explicit one.
        job.spec.openFiles = 55
        #expect(try job.run() == HERO_SHIM_DONE)
        // Core dumps are counted in blocks of 512 bytes, memory in KiB.
        #expect(job.texts == ["99", "99", "3999", "3999", "2", "2", "1048576", "1048576"])
    }

    @Test("Soft and hard limits can differ, and each can be unlimited (SP-5)")
    func softAndHardLimits() throws {
        let shell = "for key in n c l f s v; do ulimit -S$key; ulimit -H$key; done 2>&1"
        let job = try TestJob(shell: shell)
        job.spec.candidates = ["/bin/bash"]
        let limits: [(hero_limit_kind, UInt64, UInt64)] = [
            (HERO_LIMIT_OPEN_FILES, 77, 99), (HERO_LIMIT_CORE, 0, 1024), (HERO_LIMIT_LOCKED_MEMORY, 8192, 16384),
            (HERO_LIMIT_FILE_SIZE, 1 << 20, .max), (HERO_LIMIT_STACK, 1 << 20, 1 << 23),
            (HERO_LIMIT_ADDRESS_SPACE, 1 << 33, .max),
        ]
        for (kind, soft, hard) in limits { hero_set_limit(&job.spec.attributes, kind, soft, hard) }
        job.spec.openFiles = 55
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(
            job.texts == [
                "77", "99", "0", "2", "8", "16", "2048", "unlimited", "1024", "8192", "8388608", "unlimited",
            ]
        )
    }

    @Test("The program gets the nice value and the I/O priority of the spec (SP-1)")
    func priorities() throws {
        let job = try TestJob(shell: "cut -d' ' -f19 /proc/self/stat")
        job.spec.attributes.sets_nice = 1
        job.spec.attributes.nice = 7
        job.spec.attributes.io_priority = 3 << 13
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["7"])
    }

    @Test(
        "An ordinary user cannot get a higher priority, and the stage names it (SP-1)",
        .enabled(if: !isRoot, "root may raise the priority")
    )
    func refusedPriority() throws {
        let job = try TestJob(shell: ":")
        job.spec.attributes.sets_nice = 1
        job.spec.attributes.nice = -5
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.proc?.stage == HERO_STAGE_NICE.rawValue)
        #expect(job.proc?.error == EACCES)
    }

    @Test("A limit that cannot be raised is set to the hard limit of heroproc (SP-5)")
    func refusedLimit() throws {
        let job = try TestJob(shell: "ulimit -Sn; ulimit -Hn")
        // Not even root may exceed fs.nr_open.
        job.spec.rights.open_files = 1 << 40
        #expect(try job.run() == HERO_SHIM_DONE)
        let line = read("/proc/self/limits")?.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        let own = String(line?.split(separator: " ").dropFirst(4).first ?? "")
        #expect(job.texts == [own, own])
    }

    @Test("The program gets its OOM score, and the shim is protected (OM-2)")
    func oomScore() throws {
        let own = try #require(read("/proc/self/oom_score_adj"))
        let job = try TestJob(shell: "cat /proc/$$/oom_score_adj /proc/$PPID/oom_score_adj")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts.first == own)
        if mayLowerScore { #expect(job.texts.last == "-1000") }

        let other = try TestJob(shell: "cat /proc/$$/oom_score_adj")
        other.spec.rights.sets_oom_score = 1
        other.spec.rights.oom_score = 789
        #expect(try other.run() == HERO_SHIM_DONE)
        #expect(other.texts == ["789"])
    }

    /// Containers often run root without CAP_SYS_RESOURCE.
    private var mayLowerScore: Bool {
        let line = read("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let mask = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
        return isRoot && mask & 1 << 24 != 0
    }

    private func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .newlines)
        }
    }
}

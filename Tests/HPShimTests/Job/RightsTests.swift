import CHeroRecord
import Foundation
import Testing

private let isRoot = geteuid() == 0
private let needsRoot = Comment("only root can become another user")

@Suite("As whom a service runs, and what it may")
struct RightsTests {
    /// A job as the user that is nobody's.
    private func jobAsNobody(_ shell: String) throws -> TestJob {
        let job = try TestJob(shell: shell)
        job.spec.rights.changes_user = 1
        job.spec.rights.uid = 65_534
        job.spec.rights.gid = 65_533
        job.spec.groups = [65_533, 4711]
        return job
    }

    @Test(
        "SP-1: it is the user for good: real, effective and saved, with exactly these groups",
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

    @Test("SP-1: without being allowed to become the user nothing is executed", .enabled(if: !isRoot, "root may"))
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

    @Test("SP-1: its directory is entered as the user, and its program executed", .enabled(if: isRoot, needsRoot))
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

    @Test("LG-9: as another user it can open its output again", .enabled(if: isRoot, needsRoot))
    func output() throws {
        let job = try jobAsNobody("echo again > /dev/stdout; echo error > /dev/stderr")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(Set(job.texts) == ["again", "error"])
    }

    @Test("as another user it can read its script, and nobody else can", .enabled(if: isRoot, needsRoot))
    func script() throws {
        let job = try jobAsNobody("")
        chmod(job.directory, 0o711)
        job.spec.script = "stat -c '%a %u' $0\n"
        job.spec.arguments = ["sh", job.spec.scriptPath]
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["500 65534"])
    }

    @Test("SP-1: it may never gain privileges where the spec says so", arguments: [0, 1] as [UInt32])
    func newPrivileges(flag: UInt32) throws {
        let job = try TestJob(shell: "grep NoNewPrivs /proc/$$/status; :")
        job.spec.rights.no_new_privileges = flag
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["NoNewPrivs:\t\(flag)"])
    }

    @Test("SP-5: its limits are those of the spec, soft and hard")
    func limits() throws {
        let job = try TestJob(shell: "for key in n u c v; do ulimit -S$key; ulimit -H$key; done 2>&1")
        job.spec.candidates = ["/bin/bash"]
        job.spec.rights.open_files = 99
        job.spec.rights.processes = 3999
        job.spec.rights.core_bytes = 1024
        job.spec.rights.memory_bytes = 1 << 30
        // What is general is weaker than what is asked for.
        job.spec.openFiles = 55
        #expect(try job.run() == HERO_SHIM_DONE)
        // Core dumps are counted in blocks of 512 bytes, memory in KiB.
        #expect(job.texts == ["99", "99", "3999", "3999", "2", "2", "1048576", "1048576"])
    }

    @Test("SP-5: a limit that may not be raised is named", .enabled(if: !isRoot, "root may raise any"))
    func refusedLimit() throws {
        let job = try TestJob(shell: ":")
        job.spec.rights.open_files = 1 << 40
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.proc?.stage == HERO_STAGE_LIMIT_OPEN_FILES.rawValue)
        #expect(job.proc?.error == EPERM)
    }

    @Test("OM-2: it is as ready to be killed as it is told, or as its starter; its shim is the last")
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

    /// Not even root may everywhere: containers often come without CAP_SYS_RESOURCE.
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

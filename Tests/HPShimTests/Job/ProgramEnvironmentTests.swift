import CHeroRecord
import Foundation
import ShimHarness
import Testing

@Suite("Environment of the program")
struct ProgramEnvironmentTests {
    @Test("The program has descriptors 0, 1, 2 and the lock only (SP-2)")
    func descriptors() throws {
        let job = try TestJob(shell: "ls /proc/$$/fd; readlink /proc/$$/fd/0 /proc/$$/fd/3; :")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["0", "1", "2", "3", "/dev/null", job.spec.recordPath])
    }

    @Test("The inherited lock descriptor is read-only")
    func readOnlyLock() throws {
        let job = try TestJob(shell: "grep flags /proc/$$/fdinfo/3; :")
        #expect(try job.run() == HERO_SHIM_DONE)
        let flags = try #require(job.texts.first?.split(separator: "\t").last)
        #expect((Int32(flags, radix: 8) ?? 3) & O_ACCMODE == O_RDONLY)
    }

    @Test("The program starts with no signal ignored or blocked (SP-1)", arguments: [false, true])
    func signals(_ ignoring: Bool) throws {
        let job = try TestJob()
        job.spec.candidates = ["/bin/grep"]
        job.spec.arguments = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]
        let pid = try job.start(ignoringSignals: ignoring)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        let zero = "0000000000000000"
        #expect(job.texts == ["SigBlk:\t\(zero)", "SigIgn:\t\(zero)"])
        // If SIGCHLD were ignored, the kernel would discard the exit status.
        #expect(job.exit?.kind == HERO_EXIT_EXITED.rawValue)
        #expect(job.exit?.status == 0)
    }

    @Test("Environment, arguments, directory and umask of the program match the spec")
    func environment() throws {
        let job = try TestJob(shell: "pwd; umask; echo \"$1|$2\"; env | sort")
        job.spec.arguments += ["zero", "a b", ""]
        job.spec.environment = ["A=1", "B=x y", "PATH=/usr/bin:/bin", "C="]
        job.spec.workingDirectory = "/usr"
        job.spec.umask = 0o137
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts.prefix(3) == ["/usr", "0137", "a b|"])
        #expect(Set(job.texts.dropFirst(3)).isSuperset(of: ["A=1", "B=x y", "C=", "PATH=/usr/bin:/bin"]))
        #expect(!job.texts.contains { $0.hasPrefix("HOME=") })
    }

    @Test("The program has its own session and process group and no terminal (SP-7)")
    func session() throws {
        let job = try TestJob(shell: "cat /proc/$$/stat; :")
        #expect(try job.run() == HERO_SHIM_DONE)
        let stat = try #require(job.texts.first).split(separator: " ")
        #expect(stat[4] == stat[0])
        #expect(stat[5] == stat[0])
        #expect(stat[6] == "0")
        #expect(Int32(stat[3]) == job.proc?.shim.pid)
    }

    @Test("The program has the file limit of the spec and can reopen its output")
    func limitAndReopen() throws {
        let job = try TestJob(shell: "ulimit -Sn; echo again > /dev/stdout; echo error > /dev/stderr")
        job.spec.openFiles = 777
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["777", "again", "error"])
        #expect(job.lines().last?.stream == "stderr")
    }

    @Test("The script is private, exists during the run and is removed afterwards")
    func script() throws {
        let job = try TestJob()
        job.spec.script = "stat -c '%a %n' $0\necho \"$1\"\nexit 9\n"
        job.spec.arguments = ["sh", job.spec.scriptPath, "one"]
        // A file that a killed start may have left.
        job.write("17.script~", "old")
        #expect(try job.run() == HERO_SHIM_DONE)
        #expect(job.texts == ["500 \(job.spec.scriptPath)", "one"])
        #expect(job.exit?.status == 9)
        #expect(try FileManager.default.contentsOfDirectory(atPath: job.directory).sorted() == ["17", "logs"])
    }

    @Test("The shim is named hpshim, has few descriptors and one thread")
    func shim() throws {
        let job = try TestJob(shell: "exec sleep 60")
        let pid = try job.start()
        _ = try job.awaitMainPID()
        #expect(try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8) == "hpshim\n")
        // Only root can read these files of a protected process.
        if geteuid() == 0 {
            #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count <= 16)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").count == 1)
        #expect(harness_signal(pid, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
        #expect(job.exit?.status == SIGKILL)
    }

    @Test("An idle shim causes no context switches")
    func idle() throws {
        let job = try TestJob(shell: "exec sleep 60")
        let pid = try job.start()
        _ = try job.awaitMainPID()
        usleep(100_000)
        let before = contextSwitches(pid)
        usleep(500_000)
        #expect(contextSwitches(pid) == before)
        #expect(harness_signal(pid, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: pid) == HERO_SHIM_DONE)
    }

    private func contextSwitches(_ pid: Int32) -> String? {
        (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8))?
            .split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches") }.map { String($0) }
    }
}

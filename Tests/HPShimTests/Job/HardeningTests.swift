import CHeroRecord
import Foundation
import ShimHarness
import TestSupport
import Testing

@Suite("Hardening of the shim")
struct HardeningTests {
    @Test("Only SIGKILL ends the shim, and its program blocks and ignores no signal (SH-12)")
    func signals() throws {
        // The shell reads the file itself, because it blocks all signals for a moment while it starts another program.
        let read =
            "while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\";; esac; done </proc/self/status"
        let job = try TestJob(shell: "\(read); until [ -e \"$0\" ]; do sleep 0.01; done; exit 8")
        job.spec.arguments.append(job.path("go"))
        let shim = try job.start()
        _ = try job.awaitMainPID()
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGTSTP, 34, 64] {
            #expect(harness_signal(shim, signal) == 0)
        }
        job.write("go", "")
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
        #expect(job.exit?.status == 8)
        #expect(job.texts == ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"])
    }

    @Test("The memory of the shim is protected, and its program keeps its defaults (SH-12)")
    func protectsMemory() throws {
        let job = try TestJob(shell: "grep core /proc/$$/limits; stat -c %u /proc/$$/environ; exec sleep 600")
        let shim = try job.start()
        _ = try job.awaitMainPID()
        #expect(waitUntil { job.texts.count == 2 })
        let own = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        #expect(own.contains("\(job.texts.first ?? "-")\n"), "the limit of the program is inherited")
        #expect(job.texts.last == "\(geteuid())")
        #expect(
            waitUntil {
                (try? String(contentsOfFile: "/proc/\(shim)/limits", encoding: .utf8))?
                    .contains(#/Max core file size +0 /#) ?? false
            }
        )
        // These files belong to root when the process is protected.
        var file = stat()
        #expect(waitUntil { stat("/proc/\(shim)/environ", &file) == 0 && file.st_uid == 0 })
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
    }

    @Test("A shim without a reconciler ends with its process tree (SH-8)")
    func exitsWithoutReconciler() throws {
        for code in 0..<50 {
            let job = try TestJob(shell: "sleep 600 & exit \(code)")
            job.spec.stopTimeout = 100
            #expect(try job.run() == HERO_SHIM_DONE)
            #expect(job.exit?.status == Int32(code))
        }
    }
}

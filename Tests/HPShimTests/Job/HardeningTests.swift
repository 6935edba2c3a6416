import CHeroRecord
import Foundation
import ShimHarness
import Testing

@Suite("Hardening of the shim")
struct HardeningTests {
    @Test("SH-12: no signal ends the shim but SIGKILL, and none is blocked or ignored in its program")
    func signals() throws {
        // The shell reads it by itself: while it starts another program, it has blocked all signals for a moment.
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

    @Test("SH-12: the shim leaves no core and cannot be looked into; its program is as it was started")
    func protectsMemory() throws {
        let job = try TestJob(shell: "grep core /proc/$$/limits; stat -c %u /proc/$$/environ; exec sleep 600")
        let shim = try job.start()
        _ = try job.awaitMainPID()
        #expect(job.eventually { job.texts.count == 2 })
        let own = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        #expect(own.contains("\(job.texts.first ?? "-")\n"), "the program's limit is its starter's")
        #expect(job.texts.last == "\(geteuid())")
        #expect(
            job.eventually {
                (try? String(contentsOfFile: "/proc/\(shim)/limits", encoding: .utf8))?
                    .contains(#/Max core file size +0 /#) ?? false
            }
        )
        // Nobody but root owns these files where nobody else may look in.
        var file = stat()
        #expect(job.eventually { stat("/proc/\(shim)/environ", &file) == 0 && file.st_uid == 0 })
        #expect(harness_signal(shim, HERO_SIGNAL_KILL_TREE) == 0)
        #expect(job.waitForExit(of: shim) == HERO_SHIM_DONE)
    }

    @Test("SH-8: with nobody there to hear of it, a shim ends with its tree, fifty times")
    func exitsWithoutReconciler() throws {
        for code in 0..<50 {
            let job = try TestJob(shell: "sleep 600 & exit \(code)")
            job.spec.stopTimeout = 100
            #expect(try job.run() == HERO_SHIM_DONE)
            #expect(job.exit?.status == Int32(code))
        }
    }
}

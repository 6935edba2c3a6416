import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct StartTests {
    @Test("The exit code of a program is reported exactly (SH-1)", arguments: [0, 1, 7, 104, 255])
    func exactCode(_ code: Int32) throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "exit \(code)"))
        var started: StartReport?
        let end = try kernel.awaitEnd(1) {
            if case .start(_, .started(let report)) = $0 { started = report }
        }
        #expect(end.outcome == .exited(code))
        #expect(end.executed != nil)
        #expect(end.executed == started)
        #expect(started?.process.bootID == kernel.bootID)
    }

    @Test("The signal that killed a program is reported exactly (SH-1)")
    func exactSignal() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "kill -USR2 $$"))
        #expect(try kernel.awaitEnd(1).outcome == .signaled(Signal(number: SIGUSR2), coreDumped: false))
    }

    @Test("A missing program is named and does not count as executed")
    func missingProgram() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.request(1, ["/nowhere/prog"]))
        let end = try kernel.awaitEnd(1)
        #expect(end.executed == nil)
        #expect(
            end.outcome
                == .startFailed(
                    StartFailure(stage: .execute, errno: ENOENT, detail: "/nowhere/prog: No such file or directory")
                )
        )
    }

    @Test("A missing working directory is named")
    func missingDirectory() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        var request = sandbox.request(1, ["/bin/true"])
        request.workingDirectory = "/nowhere"
        kernel.launch(request)
        guard case .startFailed(let failure) = try kernel.awaitEnd(1).outcome else {
            Issue.record("it started")
            return
        }
        #expect(failure.stage == .directory)
        #expect(failure.description == "cannot change to the working directory: /nowhere: No such file or directory")
    }

    @Test("A script runs from its own file, which is removed with the job (YM-3)")
    func script() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let text = "#!/bin/sh\necho \"$1\" > \(sandbox.folder)/out\n"
        var request = sandbox.request(
            1,
            ["/bin/sh", LaunchRequest.scriptPlaceholder, "with $(no) expansion"],
            script: text
        )
        request.umask = 0o022
        kernel.launch(request)
        #expect(try kernel.awaitEnd(1).outcome == .exited(0))
        #expect(readText(sandbox.folder + "/out") == "with $(no) expansion\n")
        kernel.removeRuntimeFiles(1)
        #expect(listDirectory(sandbox.paths.jobs) == [])
    }

    @Test("The output of a program is stored in the log of its job")
    func log() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "echo hello; echo trouble >&2"))
        _ = try kernel.awaitEnd(1)
        let active = sandbox.paths.logs + "/core/test/main/1.log"
        #expect(listDirectory(sandbox.paths.logs + "/core/test/main") == ["1.log"])
        let text = try #require(readText(active))
        #expect(text.contains(" stdout F hello\n"))
        #expect(text.contains(" stderr F trouble\n"))
    }

    @Test("Killing a process tree ends descendants in sessions of their own")
    func killTree() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(
            sandbox.shellRequest(
                1,
                "setsid sleep 600 & echo $! > \(sandbox.folder)/pid; trap '' TERM; sleep 600 & wait"
            )
        )
        let report = try kernel.awaitStart(1)
        #expect(waitUntil { readText(sandbox.folder + "/pid")?.hasSuffix("\n") == true })
        let pid = try #require(readText(sandbox.folder + "/pid").flatMap { Int32($0.trimmed) })
        #expect(waitUntil { ProcessTable.identify(pid) != nil })
        let grandchild = try #require(ProcessTable.identify(pid)?.identity)
        kernel.killTree(StartID(job: 1, generation: 1))
        #expect(try kernel.awaitEnd(1).outcome == .signaled(.kill, coreDumped: false))
        #expect(!ProcessTable.isAlive(report.process))
        #expect(!ProcessTable.isAlive(grandchild))
    }

    @Test("A signal is sent to the recorded process through its identity (ID-2)")
    func signal() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.shellRequest(1, "exec sleep 600"))
        let process = try kernel.awaitStart(1).process
        #expect(kernel.signal(process, .term))
        #expect(try kernel.awaitEnd(1).outcome == .signaled(.term, coreDumped: false))
        #expect(!kernel.signal(process, .term))
    }

    @Test("A shim that cannot be started is reported as the end of the start")
    func brokenShim() throws {
        let sandbox = try Sandbox()
        // Created by another process: a child that another test forks at that moment would inherit a descriptor open
        // for writing, and execve(2) would return ETXTBSY.
        let shim = sandbox.folder + "/shim"
        let script = "echo 'not a program' >\"$1\" && chmod 755 \"$1\""
        try HelperProcess(["/bin/sh", "-c", script, "sh", shim]).finish()
        let kernel = try LinuxKernel(
            paths: sandbox.paths,
            shimPath: shim,
            environment: [:],
            ownsProcess: false
        )
        kernel.launch(sandbox.shellRequest(1, "true"))
        guard case .startFailed(let failure) = try kernel.awaitEnd(1).outcome else {
            Issue.record("it started")
            return
        }
        #expect(failure.stage == .launch)
        #expect(failure.errno == ENOEXEC)
    }

    @Test("Services can be started after the shim was replaced on disk (UP-4)")
    func replacedShim() throws {
        let sandbox = try Sandbox()
        let shim = try Shim.find()
        let bytes = try #require(readFile(shim, limit: 1 << 28))
        let copy = sandbox.folder + "/hpshim"
        let descriptor = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        let kernel = try LinuxKernel(paths: sandbox.paths, shimPath: copy, environment: [:], ownsProcess: false)
        unlink(copy)
        try sandbox.write("hpshim", "something else", mode: 0o755)
        kernel.launch(sandbox.shellRequest(1, "exit 3"))
        #expect(try kernel.awaitEnd(1).outcome == .exited(3))
    }

    @Test("A service has descriptors 0 to 2, the lock and an empty signal mask (SP-2)")
    func cleanProcess() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        kernel.launch(sandbox.request(1, ["/bin/ls", "-l", "/proc/self/fd"]))
        kernel.launch(sandbox.request(2, ["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]))
        var ended = 0
        while ended < 2 {
            try kernel.await("an end") { event in
                guard case .start(_, .ended(let end)) = event else { return false }
                #expect(end.outcome == .exited(0))
                ended += 1
                return true
            }
        }
        let open = try #require(readText(sandbox.paths.logs + "/core/test/main/1.log"))
            .split(separator: "\n").filter { $0.contains("->") }
        // The fifth is the directory that ls reads.
        #expect(open.count == 5, "\(open.joined(separator: ", "))")
        #expect(open.filter { $0.hasSuffix("/jobs/1") }.count == 1)
        let signals = try #require(readText(sandbox.paths.logs + "/core/test/main/2.log"))
        #expect(signals.contains("SigBlk:\t0000000000000000\n"))
        #expect(signals.contains("SigIgn:\t0000000000000000\n"))
    }

    @Test("Many concurrent starts all end with their own status")
    func manyStarts() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        for job in 1...60 { kernel.launch(sandbox.shellRequest(JobID(job), "exit \(job)")) }
        var ends: [JobID: Outcome] = [:]
        var started = 0
        while ends.count < 60 {
            try kernel.await("an end") { event in
                if case .start(_, .started) = event { started += 1 }
                guard case .start(let start, .ended(let end)) = event else { return false }
                ends[start.job] = end.outcome
                return true
            }
        }
        #expect(started == 60)
        for job in 1...60 { #expect(ends[JobID(job)] == .exited(Int32(job))) }
    }
}

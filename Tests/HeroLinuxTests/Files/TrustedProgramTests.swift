import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

private let isRoot = geteuid() == 0
private let stranger: uid_t = 65_534

/// What is executed only if nobody else could change it (FS-4).
@Suite("Strict execution", .ownThread) struct TrustedProgramTests {
    /// Folders `good` and `bad` with a program each, of which the second can be exchanged by somebody else.
    private func sandbox() throws -> Sandbox {
        let sandbox = try Sandbox()
        for folder in ["good", "bad"] {
            try sandbox.write("\(folder)/run", "#!/bin/sh\nexit 3\n", mode: 0o755)
            chmod("\(sandbox.folder)/\(folder)/run", 0o755)
        }
        chmod(sandbox.folder + "/bad", 0o777)
        return sandbox
    }

    private func outcome(_ kernel: LinuxKernel, _ order: LaunchRequest) throws -> Outcome {
        var order = order
        order.rights.isStrict = true
        kernel.launch(order)
        return try kernel.awaitEnd(order.start.job).outcome
    }

    private func refusal(_ part: String, _ cause: String) -> Outcome {
        let trusted = isRoot ? "only root" : "only root and the user \(geteuid())"
        let detail = "`strict_exec` refuses \(part): \(cause): \(trusted) may be able to change what is executed"
        return .startFailed(StartFailure(stage: .execute, errno: EPERM, detail: detail))
    }

    private let loose = "others may write to it; run `chmod go-w` on it"

    @Test("FS-4: a program that others could change or exchange is not started, and what is wrong with it is named")
    func refused() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        let folder = sandbox.folder
        #expect(try outcome(kernel, sandbox.request(1, [folder + "/good/run"])) == .exited(3))
        #expect(try outcome(kernel, sandbox.request(2, [folder + "/bad/run"])) == refusal(folder + "/bad", loose))
        // In the words of the manifest it may also be a relative one.
        var relative = sandbox.request(3, ["./run"])
        relative.workingDirectory = folder + "/bad"
        #expect(try outcome(kernel, relative) == refusal(folder + "/bad", loose))
        symlink("../good/run", folder + "/bad/link")
        #expect(try outcome(kernel, sandbox.request(4, [folder + "/bad/link"])) == refusal(folder + "/bad", loose))
        // Also of its own group, and of a group that counts as nobody else elsewhere.
        chmod(folder + "/good/run", 0o775)
        #expect(try outcome(kernel, sandbox.request(5, [folder + "/good/run"])) == refusal(folder + "/good/run", loose))
    }

    @Test("FS-4: what belongs to somebody else is not started", .enabled(if: isRoot, "needs root"))
    func owner() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        let cause = "it belongs to the user 65534"
        var job: JobID = 0
        for part in ["/good/run", "/good"] {
            chown(sandbox.folder + part, stranger, stranger)
            for user in [nil, "65534"] {
                job += 1
                var order = sandbox.request(job, [sandbox.folder + "/good/run"])
                (order.rights.user, order.rights.group) = (user, user)
                #expect(try outcome(kernel, order) == refusal(sandbox.folder + part, cause))
            }
            chown(sandbox.folder + part, 0, 0)
        }
    }

    @Test("FS-4: of a PATH each folder counts in which it is looked for, up to the one in which it is found")
    func path() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        let folder = sandbox.folder
        unlink(folder + "/bad/run")
        for (job, path) in ["/nowhere:/good:/bad", "/bad:/good"].enumerated() {
            var order = sandbox.request(JobID(job + 1), ["run"])
            let folders = path.split(separator: ":").map { folder + $0 }
            order.environment = [.texts(["PATH": folders.joined(separator: ":")])]
            #expect(try outcome(kernel, order) == (job == 0 ? .exited(3) : refusal(folder + "/bad", loose)))
        }
    }

    @Test("FS-4: a program that is not there is said not to be there")
    func missing() throws {
        let sandbox = try sandbox()
        let detail = "/nowhere/prog: No such file or directory"
        #expect(
            try outcome(sandbox.kernel(), sandbox.request(1, ["/nowhere/prog"]))
                == .startFailed(StartFailure(stage: .execute, errno: ENOENT, detail: detail))
        )
    }

    @Test("FS-5: a refusal of the shim says the same; what it was about may be another file by then")
    func refusedByTheShim() throws {
        let sandbox = try sandbox()
        let folder = sandbox.folder
        func failure(_ names: StartFailureContext?) -> Outcome {
            .startFailed(makeStartFailure(HERO_STAGE_STRICT.rawValue, EPERM, names))
        }
        func names(_ candidates: String...) -> StartFailureContext {
            StartFailureContext(candidates: candidates, workingDirectory: folder, log: "", script: "", record: "")
        }
        #expect(failure(names("bad/run")) == refusal(folder + "/bad", loose))
        let changed = "another file stood there when it was to be executed"
        #expect(failure(names("/nowhere/run", "good/run")) == refusal(folder + "/good/run", changed))
        #expect(failure(names("/nowhere")) == failure(nil))
    }

    @Test("FS-4: a probe command of a strict action is not run either")
    func probe() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        var order = ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 7,
            question: .probe(.exec([sandbox.folder + "/bad/run"])),
            timeout: .seconds(20),
            environment: [],
            workingDirectory: "/"
        )
        order.rights.isStrict = true
        kernel.startProbe(order)
        var answer: ProbeResult?
        try kernel.await("an answer") { event in
            guard case .probeFinished(_, serial: 7, let found) = event else { return false }
            answer = found
            return true
        }
        guard case .failed(let reason)? = answer else {
            Issue.record("\(String(describing: answer))")
            return
        }
        #expect(reason.contains("`strict_exec` refuses \(sandbox.folder)/bad: \(loose)"), "\(reason)")
    }
}

import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

private let isRoot = geteuid() == 0
private let otherUser: uid_t = 65_534

/// Programs are executed only if no other user could change them (FS-4).
@Suite("Strict execution", .ownThread) struct TrustedProgramTests {
    /// Creates folders `good` and `bad` with a program each; another user could replace the one in `bad`.
    private func sandbox() throws -> Sandbox {
        let sandbox = try Sandbox()
        for folder in ["good", "bad"] {
            try sandbox.write("\(folder)/run", "#!/bin/sh\nexit 3\n", mode: 0o755)
            chmod("\(sandbox.folder)/\(folder)/run", 0o755)
        }
        chmod(sandbox.folder + "/bad", 0o777)
        return sandbox
    }

    private func outcome(_ kernel: LinuxKernel, _ request: LaunchRequest) throws -> Outcome {
        var request = request
        request.rights.isStrict = true
        kernel.launch(request)
        return try kernel.awaitEnd(request.start.job).outcome
    }

    private func refusal(_ part: String, _ cause: String) -> Outcome {
        let trusted = isRoot ? "only root" : "only root and the user \(geteuid())"
        let detail = "`strict_exec` refuses \(part): \(cause): \(trusted) may be able to change the executed program"
        return .startFailed(StartFailure(stage: .execute, errno: EPERM, detail: detail))
    }

    private let loose = "others may write to it; run `chmod go-w` on it"

    @Test("A program that other users could replace is refused with the reason (FS-4)")
    func replaceablePrograms() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        let folder = sandbox.folder
        #expect(try outcome(kernel, sandbox.request(1, [folder + "/good/run"])) == .exited(3))
        #expect(try outcome(kernel, sandbox.request(2, [folder + "/bad/run"])) == refusal(folder + "/bad", loose))
        // A manifest may also name a relative path.
        var relative = sandbox.request(3, ["./run"])
        relative.workingDirectory = folder + "/bad"
        #expect(try outcome(kernel, relative) == refusal(folder + "/bad", loose))
        symlink("../good/run", folder + "/bad/link")
        #expect(try outcome(kernel, sandbox.request(4, [folder + "/bad/link"])) == refusal(folder + "/bad", loose))
        // The group of the file counts as another user here, also a group that counts as the owner elsewhere.
        chmod(folder + "/good/run", 0o775)
        #expect(try outcome(kernel, sandbox.request(5, [folder + "/good/run"])) == refusal(folder + "/good/run", loose))
    }

    @Test("A program or directory of another user is refused (FS-4)", .enabled(if: isRoot, "needs root"))
    func otherOwners() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        let cause = "it belongs to the user 65534"
        var job: JobID = 0
        for part in ["/good/run", "/good"] {
            chown(sandbox.folder + part, otherUser, otherUser)
            for user in [nil, "65534"] {
                job += 1
                var request = sandbox.request(job, [sandbox.folder + "/good/run"])
                (request.rights.user, request.rights.group) = (user, user)
                #expect(try outcome(kernel, request) == refusal(sandbox.folder + part, cause))
            }
            chown(sandbox.folder + part, 0, 0)
        }
    }

    @Test("Every PATH directory up to the program's own is checked (FS-4)")
    func searchPath() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        let folder = sandbox.folder
        unlink(folder + "/bad/run")
        for (job, path) in ["/nowhere:/good:/bad", "/bad:/good"].enumerated() {
            var request = sandbox.request(JobID(job + 1), ["run"])
            let folders = path.split(separator: ":").map { folder + $0 }
            request.environment = [.texts(["PATH": folders.joined(separator: ":")])]
            #expect(try outcome(kernel, request) == (job == 0 ? .exited(3) : refusal(folder + "/bad", loose)))
        }
    }

    @Test("A missing program is reported as missing (FS-4)")
    func missingProgram() throws {
        let sandbox = try sandbox()
        let detail = "/nowhere/prog: No such file or directory"
        #expect(
            try outcome(sandbox.kernel(), sandbox.request(1, ["/nowhere/prog"]))
                == .startFailed(StartFailure(stage: .execute, errno: ENOENT, detail: detail))
        )
    }

    @Test("A refusal by the shim is explained from the current files (FS-5)")
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
        let changed = "another file was at this path when it was to be executed"
        #expect(failure(names("/nowhere/run", "good/run")) == refusal(folder + "/good/run", changed))
        #expect(failure(names("/nowhere")) == failure(nil))
    }

    @Test("An unsafe probe command of a strict action is refused (FS-4)")
    func probeCommand() throws {
        let sandbox = try sandbox()
        let kernel = try sandbox.kernel()
        var request = ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 7,
            question: .probe(.exec([sandbox.folder + "/bad/run"])),
            timeout: .seconds(20),
            environment: [],
            workingDirectory: "/"
        )
        request.rights.isStrict = true
        kernel.startProbe(request)
        var result: ProbeResult?
        try kernel.await("an answer") { event in
            guard case .start(_, .probeFinished(serial: 7, let found)) = event else { return false }
            result = found
            return true
        }
        guard case .failed(let reason)? = result else {
            Issue.record("\(String(describing: result))")
            return
        }
        #expect(reason.contains("`strict_exec` refuses \(sandbox.folder)/bad: \(loose)"), "\(reason)")
    }
}

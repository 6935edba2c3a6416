import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// Account lookups through name services that may block.
@Suite("Account lookups (SP-4)", .ownThread) struct AccountLookupTests {
    /// A kernel whose lookup program is a shell script.
    ///
    /// In the script `"$@"` is the query and `"$HEROPROC"` the real lookup program.
    private func machine(_ lookup: String) throws -> (Sandbox, LinuxKernel) {
        let sandbox = try Sandbox()
        let shim = try Shim.find()
        let heroproc = (shim.lastIndex(of: "/").map { String(shim[..<$0]) } ?? "") + "/heroproc"
        let text = "#!/bin/sh\ncd \(sandbox.folder)\nHEROPROC=\(shellQuoted(heroproc))\n\(lookup)\n"
        try sandbox.write("lookup.text", text, mode: 0o755)
        // Copied by another process: a child that another test forks meanwhile would keep the file open for writing.
        try HelperProcess(["/bin/cp", sandbox.folder + "/lookup.text", sandbox.folder + "/lookup"]).finish()
        let kernel = try LinuxKernel(
            paths: sandbox.paths,
            shimPath: shim,
            environment: ["HEROPROC_LOOKUP": sandbox.folder + "/lookup"],
            ownsProcess: false
        )
        return (sandbox, kernel)
    }

    private func request(_ sandbox: Sandbox, _ job: JobID, user: String? = nil, group: String? = nil) -> LaunchRequest {
        var request = sandbox.shellRequest(job, "id -u")
        request.rights = Rights(user: user, group: group)
        return request
    }

    /// The PIDs that the lookup script has recorded.
    private func lookupPIDs(_ sandbox: Sandbox) -> [Int32] {
        (readText(sandbox.folder + "/asked") ?? "").split(separator: "\n").compactMap { Int32($0) }
    }

    @Test("A user directory that does not respond within 5 s fails only that start")
    func slowDirectory() throws {
        let (sandbox, kernel) = try machine("echo $$ >> asked; exec sleep 600")
        let began = kernel.now()
        kernel.launch(request(sandbox, 1, user: "directoryuser"))
        kernel.launch(request(sandbox, 2))
        kernel.launch(request(sandbox, 3, user: "\(geteuid())", group: "\(getegid())"))
        var others: Set<JobID> = []
        var report: EndReport?
        let seen = try kernel.await("the end of all three") { event in
            guard case .start(let start, .ended(let end)) = event else { return false }
            if start.job == 1 { report = end } else { others.insert(start.job) }
            return start.job == 1
        }
        #expect(others == [2, 3], "the other starts have ended meanwhile: \(seen)")
        #expect(kernel.now() - began >= .seconds(5))
        guard case .startFailed(let failure) = report?.outcome else {
            Issue.record("it was started: \(String(describing: report))")
            return
        }
        #expect(
            failure.description
                == "cannot change to user `directoryuser`: the lookup did not finish within 5s"
        )
        #expect(failure.isTransient && report?.executed == nil)
        let pids = lookupPIDs(sandbox)
        #expect(pids.count == 1)
        #expect(waitUntil { pids.allSatisfy { ProcStat(of: $0)?.isDead ?? true } })
    }

    @Test("A start that is stopped during the lookup of its user ends at once")
    func cancelledLookup() throws {
        let (sandbox, kernel) = try machine("echo $$ >> asked; exec sleep 600")
        let began = kernel.now()
        kernel.launch(request(sandbox, 1, user: "directoryuser"))
        #expect(waitUntil { !lookupPIDs(sandbox).isEmpty })
        kernel.killTree(StartID(job: 1, generation: 1))
        let end = try kernel.awaitEnd(1)
        guard case .startFailed = end.outcome else {
            Issue.record("\(end)")
            return
        }
        #expect(kernel.now() - began < .seconds(5))
        #expect(waitUntil { lookupPIDs(sandbox).allSatisfy { ProcStat(of: $0)?.isDead ?? true } })
    }

    @Test("Concurrent starts share an account lookup, later starts look up again, and probes reuse it")
    func sharedLookup() throws {
        let (sandbox, kernel) = try machine(
            "echo $$ >> asked; until [ -e go ]; do sleep 0.01; done; exec \"$HEROPROC\" \"$@\""
        )
        var long = request(sandbox, 3, user: UserDatabase.currentUserName)
        long.arguments = ["/bin/sleep", "600"]
        for one in [
            request(sandbox, 1, user: UserDatabase.currentUserName),
            request(sandbox, 2, user: UserDatabase.currentUserName), long,
        ] { kernel.launch(one) }
        #expect(waitUntil { lookupPIDs(sandbox).count == 1 })
        try sandbox.write("go", "")
        var ended: Set<JobID> = []
        var isUp = false
        try kernel.await("two ends and a start") { event in
            if case .start(let start, .ended(let report)) = event {
                #expect(report.outcome == .exited(0))
                ended.insert(start.job)
            }
            if case .start(let start, .started(_)) = event, start.job == 3 { isUp = true }
            return isUp && ended == [1, 2]
        }
        #expect(lookupPIDs(sandbox).count == 1)
        kernel.launch(request(sandbox, 4, user: UserDatabase.currentUserName))
        #expect(try kernel.awaitEnd(4).outcome == .exited(0))
        #expect(lookupPIDs(sandbox).count == 2, "the next start looks up again")

        var probe = ProbeRequest(
            start: long.start,
            serial: 1,
            question: .probe(.exec(["/bin/true"])),
            timeout: .seconds(20),
            environment: [.texts(["PATH": "/usr/bin:/bin"])],
            workingDirectory: "/"
        )
        probe.rights = long.rights
        kernel.startProbe(probe)
        try kernel.await("the answer") { $0 == .start(long.start, .probeFinished(serial: 1, .succeeded)) }
        #expect(lookupPIDs(sandbox).count == 2, "probes of a start reuse its account")
        kernel.killTree(long.start)
        _ = try kernel.awaitEnd(3)
    }

    @Test("A lookup requested while an earlier lookup process still exits gets its own result")
    func lookupDuringExit() throws {
        let (sandbox, kernel) = try machine("echo $$ >> asked; \"$HEROPROC\" \"$@\"; exec sleep 0.3")
        for job in 1...4 as ClosedRange<JobID> {
            kernel.launch(request(sandbox, job, user: UserDatabase.currentUserName))
            #expect(try kernel.awaitEnd(job).outcome == .exited(0))
        }
        #expect(lookupPIDs(sandbox).count == 4)
    }

    @Test("A probe fails at its own timeout while the lookup of its user is blocked")
    func probeTimeout() throws {
        let (sandbox, kernel) = try machine("echo $$ >> asked; exec sleep 600")
        var probe = ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 1,
            question: .probe(.exec(["/bin/true"])),
            timeout: .milliseconds(300),
            environment: [],
            workingDirectory: "/"
        )
        probe.rights = Rights(user: "directoryuser")
        kernel.startProbe(probe)
        let result = ProbeResult.failed("the lookup of user `directoryuser` did not finish in time")
        try kernel.await("the answer") { $0 == .start(probe.start, .probeFinished(serial: 1, result)) }
        #expect(waitUntil { lookupPIDs(sandbox).allSatisfy { ProcStat(of: $0)?.isDead ?? true } })
    }

    @Test(
        "A lookup process that crashes or returns garbage is a temporary start failure",
        arguments: ["kill -SEGV $$", "echo nonsense", "exec true", "exec \"$HEROPROC\" look-up-account"]
    )
    func brokenLookup(_ lookup: String) throws {
        let (sandbox, kernel) = try machine(lookup)
        kernel.launch(request(sandbox, 1, user: "directoryuser"))
        guard case .startFailed(let failure) = try kernel.awaitEnd(1).outcome else {
            Issue.record("it was started")
            return
        }
        #expect(failure.detail == "user `directoryuser`: the lookup ended without a result")
        #expect(failure.isTransient)
    }

    @Test("A missing lookup program is named in the start failure")
    func missingProgram() throws {
        let sandbox = try Sandbox()
        let kernel = try LinuxKernel(
            paths: sandbox.paths,
            shimPath: Shim.find(),
            environment: ["HEROPROC_LOOKUP": "/nowhere/heroproc"],
            ownsProcess: false
        )
        kernel.launch(request(sandbox, 1, user: "directoryuser"))
        guard case .startFailed(let failure) = try kernel.awaitEnd(1).outcome else {
            Issue.record("it was started")
            return
        }
        #expect(
            failure.detail == "user `directoryuser`: the lookup cannot be started: /nowhere/heroproc: "
                + "No such file or directory"
        )
        #expect(!failure.isTransient)
    }

    // MARK: Reply format

    @Test("An account lookup reply decodes to the encoded account, and a truncated reply is rejected")
    func replyFormat() throws {
        let entry = Account.Entry(name: "ü", home: "/h o", shell: "/bin/sh")
        for account in [
            Account(uid: 1, gid: 2, groups: [2, 3, 4], entry: entry), Account(uid: 0, gid: 0, groups: [], entry: nil),
        ] {
            let bytes = AccountLookupReply.encode(.success(account))
            #expect(try AccountLookupReply.decode(bytes)?.get() == account)
            for size in bytes.indices { #expect(AccountLookupReply.decode(Array(bytes[..<size])) == nil) }
        }
        let refusal = StartError(.user, ENOENT, "user `x`: no such user")
        #expect(AccountLookupReply.decode(AccountLookupReply.encode(.failure(refusal))) == .failure(refusal))
        for text in ["", "account\0", "account\0one\0.\0", "refusal\0x\0.\0", "account\01 2\0name\0.\0", ".\0"] {
            #expect(AccountLookupReply.decode(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test("User and group numbers are resolved from local files without a lookup process")
    func numbers() throws {
        #expect(Account.Query(user: "1000", group: nil).isNumeric)
        #expect(Account.Query(user: nil, group: "0").isNumeric)
        for name in ["www", "", "-1", "4294967295", "0x1", "1 "] {
            #expect(!Account.Query(user: name, group: nil).isNumeric, "\(name)")
            #expect(!Account.Query(user: "0", group: name).isNumeric, "\(name)")
        }
        let root = try Account.resolve(.init(user: "0", group: nil))
        #expect(root.gid == 0 && root.entry?.name == "root" && root.groups.contains(0))
        #expect(try Account.resolve(.init(user: "\(geteuid())", group: nil)).uid == geteuid())
        let other = try Account.resolve(.init(user: "0", group: "4000000002"))
        #expect(other.gid == 4_000_000_002 && other.groups.first == 4_000_000_002)
    }
}

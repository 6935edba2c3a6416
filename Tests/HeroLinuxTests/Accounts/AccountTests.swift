import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

private let isRoot = geteuid() == 0

@Suite(.ownThread) struct AccountTests {
    /// The text of a failed start.
    private func failureText(_ change: (inout LaunchRequest) -> Void, command: [String] = ["/bin/true"]) throws
        -> String
    {
        let sandbox = try Sandbox()
        return try failureText(sandbox, change, command: command)
    }

    private func failureText(
        _ sandbox: Sandbox,
        _ change: (inout LaunchRequest) -> Void = { _ in },
        job: JobID = 1,
        command: [String]
    ) throws -> String {
        let kernel = try sandbox.kernel()
        var request = sandbox.request(job, command)
        change(&request)
        kernel.launch(request)
        let end = try kernel.awaitEnd(job)
        #expect(end.executed == nil)
        guard case .startFailed(let failure) = end.outcome else { return "it started" }
        return failure.description
    }

    @Test(
        "A start with an unknown user or group fails and names it (SP-4)",
        arguments: [
            ("nosuchuser", nil, "cannot change to user `nosuchuser`: no such user"),
            ("root", "nosuchgroup", "cannot change to group `nosuchgroup`: no such group"),
            (
                "4000000001", nil,
                "cannot change to user `4000000001`: no such user, so that its main group is unknown; set `group`"
            ),
            ("4294967295", nil, "cannot change to user `4294967295`: no such user"),
            ("-1", nil, "cannot change to user `-1`: no such user"),
            ("", nil, "cannot change to user ``: no such user"),
        ] as [(String, String?, String)]
    )
    func unknownNames(user: String, group: String?, text: String) throws {
        #expect(try failureText { $0.rights = Rights(user: user, group: group) } == text)
    }

    @Test("A user name and its number resolve to the same account and groups (SP-4)")
    func resolve() throws {
        let root = try Account.resolve(.init(user: "root", group: nil))
        #expect(root.uid == 0)
        #expect(root.gid == 0)
        #expect(root.groups.contains(0))
        #expect(
            root.variables == [
                "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": try #require(root.variables["SHELL"]),
            ]
        )
        let number = try Account.resolve(.init(user: "0", group: nil))
        #expect((number.uid, number.gid, number.groups) == (root.uid, root.gid, root.groups))
        let helper = try Account.resolve(.init(user: "4000000001", group: "4000000002"))
        #expect((helper.uid, helper.gid, helper.groups) == (4_000_000_001, 4_000_000_002, [4_000_000_002]))
        #expect(helper.variables["USER"] == "4000000001")
        #expect(Account.Query(Rights()) == nil)
    }

    @Test("HOME, USER, LOGNAME and SHELL come from the account unless the environment sets them (SP-3)")
    func environment() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        var request = sandbox.shellRequest(1, "echo \"$HOME $USER $LOGNAME $(id -u)\"")
        request.rights.user = UserDatabase.currentUserName
        request.environment.append(.texts(["LOGNAME": "me"]))
        kernel.launch(request)
        #expect(try kernel.awaitEnd(1).outcome == .exited(0))
        let home = try #require(
            try Account.resolve(.init(user: UserDatabase.currentUserName, group: nil)).variables["HOME"]
        )
        let log = try #require(readText(sandbox.paths.logs + "/core/test/main/1.log"))
        #expect(log.hasSuffix(" stdout F \(home) \(UserDatabase.currentUserName) me \(geteuid())\n"))
    }

    @Test(
        "An ordinary user cannot start programs as another user or exceed its limits",
        .enabled(if: !isRoot, "root can run as any user")
    )
    func ordinaryUser() throws {
        #expect(
            try failureText { $0.rights.user = "root" }
                == "cannot change to user `root`: Operation not permitted; only root may do that"
        )
        #expect(
            try failureText { $0.rights.limits.openFiles = ProcessLimit(1 << 40) }
                == "cannot set the limits: nofile 1099511627776: Operation not permitted; only root may do that"
        )
    }

    @Test("Root starts a program as another user without any of its own privileges", .enabled(if: isRoot, "needs root"))
    func otherUser() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        var request = sandbox.shellRequest(1, "id -u; id -g; grep -E '^(NoNewPrivs|CapPrm)' /proc/self/status; umask")
        request.rights = Rights(user: "65534", group: "65533")
        request.umask = 0o027
        kernel.launch(request)
        #expect(try kernel.awaitEnd(1).outcome == .exited(0))
        let log = try #require(readText(sandbox.paths.logs + "/core/test/main/1.log"))
        let texts = log.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 3).last ?? "" }
        #expect(texts == ["65534", "65533", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "0027"])
    }

    @Test("An execution failure names the interpreter, the missing mode or the directory (SP-6)")
    func executionFailures() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/program"
        try sandbox.write("program", "#!/nowhere/python3 -u\n", mode: 0o755)
        #expect(
            try failureText(sandbox, command: [path])
                == "cannot execute: \(path): its interpreter /nowhere/python3 does not exist"
        )
        chmod(path, 0o644)
        #expect(
            try failureText(sandbox, job: 2, command: [path])
                == "cannot execute: \(path): it is not executable; run `chmod +x \(path)`"
        )
        #expect(
            try failureText(sandbox, job: 3, command: [sandbox.folder])
                == "cannot execute: \(sandbox.folder): it is a directory"
        )
    }

    @Test(
        "A working directory that the user may not enter is named with the user (SP-6)",
        .enabled(if: isRoot, "needs root")
    )
    func closedDirectory() throws {
        let sandbox = try Sandbox()
        #expect(
            try failureText(
                sandbox,
                {
                    $0.rights = Rights(user: "65534", group: "65534"); $0.workingDirectory = sandbox.folder
                },
                command: ["/bin/true"]
            )
                == "cannot change to the working directory: \(sandbox.folder): Permission denied as user `65534`"
        )
    }
}

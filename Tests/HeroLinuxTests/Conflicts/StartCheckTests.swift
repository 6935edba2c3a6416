import Glibc
import HeroKernel
import HeroModel
import ShimHarness
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct StartCheckTests {
    private func request(_ arguments: [String], in sandbox: Sandbox) -> LaunchRequest {
        LaunchRequest(
            start: StartID(job: 1, generation: 1),
            label: "core/web.main",
            arguments: arguments,
            environment: [.texts(["PATH": "/usr/bin:/bin"])],
            workingDirectory: sandbox.folder,
            stop: StopPolicy(),
            log: LogPolicy(),
            logFile: "1.log"
        )
    }

    private func problem(_ request: LaunchRequest, looksUpUsers: Bool = true) -> String? {
        var check = StartCheck(looksUpUsers: looksUpUsers)
        return check.problem(of: request)?.description
    }

    @Test("A start with everything it needs has no problem")
    func fine() throws {
        let sandbox = try Sandbox()
        try sandbox.write("run", "#!/bin/sh\n")
        chmod(sandbox.folder + "/run", 0o755)
        for program in ["sh", "/bin/sh", "./run", sandbox.folder + "/run"] {
            #expect(problem(request([program], in: sandbox)) == nil, "\(program)")
        }
    }

    @Test("A program that does not exist or is no program is a problem")
    func programs() throws {
        let sandbox = try Sandbox()
        try sandbox.write("plain", "text")
        try sandbox.write("script", "#!/nowhere/python3 -u\n")
        chmod(sandbox.folder + "/script", 0o755)
        mkdir(sandbox.folder + "/folder", 0o755)
        let expected = [
            ("nosuch", "cannot execute: nosuch in /usr/bin:/bin: No such file or directory"),
            ("/none/x", "cannot execute: /none/x: No such file or directory"),
            ("./plain", "it is not executable; run `chmod +x"), ("./folder", "it is a directory"),
            ("./script", "its interpreter /nowhere/python3 does not exist"),
        ]
        for (program, text) in expected {
            let found = problem(request([program], in: sandbox)) ?? ""
            #expect(found.contains(text), "\(program): \(found)")
        }
    }

    @Test("A file that the kernel refuses gets a sentence of its own")
    func refusedFiles() throws {
        let sandbox = try Sandbox()
        let formats = listDirectory("/proc/sys/fs/binfmt_misc") ?? []
        let hasOtherFormats = !Set(formats).isSubset(of: ["register", "status"])
        let expected = [
            ("crlf", "#!/bin/sh\r\necho\r\n", "its lines end with CR LF, and no interpreter is called `/bin/sh`"),
            ("empty", "", "it is empty"),
            ("mark", "\u{FEFF}#!/bin/sh\necho\n", "a byte order mark is before its `#!`"),
            ("text", "echo\n", "it is text without a `#!` line"),
        ]
        for (name, text, sentence) in expected where !hasOtherFormats || text.hasPrefix("#!") || text.isEmpty {
            try sandbox.write(name, text)
            chmod("\(sandbox.folder)/\(name)", 0o755)
            let found = problem(request(["./\(name)"], in: sandbox)) ?? ""
            #expect(found.contains(sentence), "\(name): \(found)")
        }
        let found = problem(request(["echo hi"], in: sandbox)) ?? ""
        #expect(found.hasSuffix("all of `echo hi` is the name of a program: write `[echo, hi]`"), "\(found)")
    }

    @Test("A missing working directory, user or environment file is a problem")
    func surroundings() throws {
        let sandbox = try Sandbox()
        var request = request(["sh"], in: sandbox)
        request.workingDirectory = sandbox.folder + "/none"
        #expect(problem(request)?.contains("/none: No such file or directory") ?? false)
        request.workingDirectory = sandbox.folder
        request.rights = Rights(user: "no-such-user-here")
        #expect(problem(request)?.contains("user `no-such-user-here`: no such user") ?? false)
        #expect(problem(request, looksUpUsers: false) == nil)
        request.environment.append(.file(EnvironmentFileReference(sandbox.folder + "/none.env")))
        #expect(problem(request, looksUpUsers: false) == nil, "the file may be readable only for that user")
        request.environment.removeLast()
        request.rights = Rights()
        request.environment.append(.file(EnvironmentFileReference(sandbox.folder + "/none.env")))
        #expect(problem(request)?.contains("none.env: No such file or directory") ?? false)
        request.environment[1] = .variables(["TOKEN": .fromFile(sandbox.folder + "/token")])
        #expect(problem(request)?.contains("`TOKEN` from \(sandbox.folder)/token") ?? false)
    }

    @Test("A directory that this process may not enter is no certain problem")
    func unreadable() throws {
        let sandbox = try Sandbox()
        mkdir(sandbox.folder + "/closed", 0)
        // Root may enter every directory, so this thread accesses files as another user.
        chmod(sandbox.folder, 0o755)
        harness_set_file_user(65534)
        defer { harness_set_file_user(geteuid()) }
        #expect(problem(request([sandbox.folder + "/closed/run"], in: sandbox)) == nil)
    }
}

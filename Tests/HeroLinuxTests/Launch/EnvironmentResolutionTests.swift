import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

@Suite("Environment resolution") struct EnvironmentResolutionTests {
    private func failure(_ layers: [EnvironmentLayer]) -> StartFailure? {
        #expect(throws: StartError.self) { try ResolvedLaunch.resolveEnvironment(layers) }?.failure
    }

    @Test("A later environment layer overrides an earlier one, whose file is not read")
    func layers() throws {
        let sandbox = try Sandbox()
        try sandbox.write("one.env", "A=one\nB=one\nC=one\nD=one\n")
        try sandbox.write("two.env", "C=two\nD=two\n")
        try sandbox.write("secret", "s3cret\n", mode: 0o600)
        let found = try ResolvedLaunch.resolveEnvironment([
            .texts(["A": "base", "Z": "base"]), .file(EnvironmentFileReference(sandbox.folder + "/one.env")),
            .variables(["B": "text", "T": .fromFile("/nowhere"), "S": .fromFile(sandbox.folder + "/secret")]),
            .file(EnvironmentFileReference(sandbox.folder + "/two.env")), .variables(["D": "text", "T": "text"]),
        ])
        #expect(found == ["A": "one", "B": "text", "C": "two", "D": "text", "S": "s3cret", "T": "text", "Z": "base"])
    }

    @Test("A missing optional environment file is skipped, and one with an error is not")
    func optionalFile() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/local.env"
        let optional = EnvironmentFileReference(path, isOptional: true)
        let absent = EnvironmentFileReference(sandbox.folder + "/none/local.env", isOptional: true)
        let layers: [EnvironmentLayer] = [.texts(["A": "base"]), .file(optional)]
        #expect(try ResolvedLaunch.resolveEnvironment(layers) == ["A": "base"])
        #expect(try ResolvedLaunch.resolveEnvironment([.file(absent)]) == [:])
        #expect(failure([.file(EnvironmentFileReference(path))])?.errno == ENOENT)
        try sandbox.write("local.env", "A=local\n")
        #expect(try ResolvedLaunch.resolveEnvironment(layers) == ["A": "local"])
        try sandbox.write("local.env", "no equals sign\n")
        #expect(failure(layers)?.detail.contains("line 1") == true)
        unlink(path)
        let start = WallTime(microseconds: 0)
        #expect(EnvironmentDrift.changedFiles([optional], since: start) == [])
        #expect(EnvironmentDrift.changedFiles([EnvironmentFileReference(path)], since: start) == [path])
    }

    @Test("An expand value uses the finished environment, and its own name the weaker value")
    func expansion() throws {
        let sandbox = try Sandbox()
        try sandbox.write("secret", "s3cret\n", mode: 0o600)
        try sandbox.write("own.env", "HOST=file\n")
        let layers: [EnvironmentLayer] = [
            .texts(["PATH": "/bin", "HOST": "base"]), .file(EnvironmentFileReference(sandbox.folder + "/own.env")),
            .variables([
                "PW": .fromFile(sandbox.folder + "/secret"), "URL": .expand("pg://${USER}:${PW}@${HOST}/$$1"),
                "PATH": .expand("/opt:${PATH}"), "GREETING": .expand("hello ${LATE}"),
            ]),
            .variables(["LATE": "world"]),
        ]
        let found = try ResolvedLaunch.resolveEnvironment(layers, weakest: ["USER": "app", "PATH": "/weakest"])
        #expect(found["URL"] == "pg://app:s3cret@file/$1")
        #expect(found["PATH"] == "/opt:/bin")
        #expect(found["GREETING"] == "hello world")
        let secrets = ResolvedLaunch.secrets(in: found, of: layers, weakest: ["USER": "app", "PATH": "/weakest"])
        #expect(secrets.contains("pg://app:s3cret@file/$1") && secrets.contains("s3cret"))
        #expect(!secrets.contains("hello world") && !secrets.contains("app"))
    }

    @Test("An expand value with an unusable variable is a start failure that names both")
    func unusableExpansion() {
        #expect(
            failure([.variables(["A": .expand("x${B}")])])?.detail == "`A`: `${B}` has no value in the environment"
        )
        let nested = failure([.variables(["A": .expand("${B}"), "B": .expand("b")])])
        #expect(nested?.detail == "`A`: `${B}` has no value in the environment")
    }

    @Test(
        "One line break is removed at the end of a value file",
        arguments: [
            ("", ""), ("\n", ""), ("a", "a"), ("a\n", "a"), ("a\n\n", "a\n"), ("a\r\n", "a"), (" a \n", " a "),
            ("a\nb", "a\nb"), ("# a=b\n", "# a=b"), ("$A 'b'", "$A 'b'"),
        ]
    )
    func oneValue(_ text: String, _ expected: String) throws {
        let sandbox = try Sandbox()
        try sandbox.write("value", text)
        #expect(
            try ResolvedLaunch.resolveEnvironment([.variables(["V": .fromFile(sandbox.folder + "/value")])]) == [
                "V": expected
            ]
        )
    }

    @Test("An unusable environment file is named without its content (SE-3, FS-1)")
    func unusable() throws {
        let sandbox = try Sandbox()
        try sandbox.write("loose", "canary", mode: 0o600)
        chmod(sandbox.folder + "/loose", 0o666)
        try sandbox.write("large", String(repeating: "canary\n", count: 10_000))
        try sandbox.write("nul", "canary\0")
        mkdir(sandbox.folder + "/folder", 0o700)
        mkfifo(sandbox.folder + "/fifo", 0o600)
        symlink("loop", sandbox.folder + "/loop")
        let notThere = "No such file or directory"
        let cases: [(String, Int32, String)] = [
            ("missing", ENOENT, notThere),
            ("loose", 0, "others may write to it; run `chmod go-w` on it"),
            ("large", 0, "it is larger than 64 KiB"), ("folder", 0, "it is not a regular file"),
            ("fifo", 0, "it is not a regular file"), ("loop", ELOOP, "Too many levels of symbolic links"),
        ]
        for (name, number, cause) in cases {
            let path = "\(sandbox.folder)/\(name)"
            let value = failure([.variables(["V": .fromFile(path)])])
            #expect(value == StartFailure(stage: .environment, errno: number, detail: "`V` from \(path): \(cause)"))
            let file = failure([.file(EnvironmentFileReference(path))])
            #expect(file == StartFailure(stage: .environment, errno: number, detail: "env_file \(path): \(cause)"))
        }
        let nul = failure([.variables(["V": .fromFile(sandbox.folder + "/nul")])])
        #expect(nul?.detail.hasSuffix("it contains a NUL character, which a variable cannot contain") == true)
        try sandbox.write("bad", "A=1\nB='canary\n")
        let bad = failure([.file(EnvironmentFileReference(sandbox.folder + "/bad"))])
        #expect(bad?.detail == "env_file \(sandbox.folder)/bad, line 2: the quote that opens here is never closed")
    }

    @Test("A link to an environment file is followed, as container secrets need")
    func links() throws {
        let sandbox = try Sandbox()
        try sandbox.write("data/token", "t\n", mode: 0o400)
        symlink("data/token", sandbox.folder + "/token")
        #expect(
            try ResolvedLaunch.resolveEnvironment([.variables(["T": .fromFile(sandbox.folder + "/token")])]) == [
                "T": "t"
            ]
        )
    }

    @Test("A program without a slash is searched in its own PATH, in order")
    func candidates() {
        #expect(ResolvedLaunch.candidatePaths("redis", path: "/usr/bin:/bin/") == ["/usr/bin/redis", "/bin/redis"])
        #expect(ResolvedLaunch.candidatePaths("/opt/redis", path: "/usr/bin") == ["/opt/redis"])
        #expect(ResolvedLaunch.candidatePaths("./redis", path: "/usr/bin") == ["./redis"])
        #expect(ResolvedLaunch.candidatePaths("", path: "/usr/bin") == [])
    }
}

@Suite(.ownThread) struct EnvironmentFileStartTests {
    @Test("A start fails while its environment file is missing and succeeds once it exists")
    func missingFile() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let path = sandbox.folder + "/web.env"
        var request = sandbox.shellRequest(1, "echo \"$GREETING\" > \(sandbox.folder)/out")
        request.environment.append(.file(EnvironmentFileReference(path)))
        kernel.launch(request)
        let end = try kernel.awaitEnd(1)
        #expect(end.executed == nil)
        guard case .startFailed(let failure) = end.outcome else {
            Issue.record("\(end.outcome)")
            return
        }
        let reason = "cannot read the environment: env_file \(path): No such file or directory"
        #expect(failure.description == "\(reason)")
        try sandbox.write("web.env", "GREETING='hello there'\n")
        request.start.generation = 2
        kernel.launch(request)
        #expect(try kernel.awaitEnd(1).outcome == .exited(0))
        #expect(readText(sandbox.folder + "/out") == "hello there\n")
    }

    @Test("A probe command has the environment of its job and names a missing file")
    func probe() throws {
        let sandbox = try Sandbox()
        let kernel = try sandbox.kernel()
        let path = sandbox.folder + "/token"
        let request = ProbeRequest(
            start: StartID(job: 1, generation: 1),
            serial: 7,
            question: .probe(.exec(["sh", "-c", "test \"$TOKEN\" = t"])),
            timeout: .seconds(20),
            environment: [.texts(["PATH": "/usr/bin:/bin"]), .variables(["TOKEN": .fromFile(path)])],
            workingDirectory: "/"
        )
        var results: [ProbeResult] = []
        for _ in 0..<2 {
            kernel.startProbe(request)
            try kernel.await("an answer") { event in
                guard case .start(_, .probeFinished(serial: 7, let result)) = event else { return false }
                results.append(result)
                return true
            }
            try sandbox.write("token", "t\n")
        }
        let reason = "cannot run `sh`: cannot read the environment: `TOKEN` from \(path): No such file or directory"
        #expect(
            results == [.failed("\(reason)"), .succeeded]
        )
    }
}

@Suite("EnvironmentDrift") struct EnvironmentDriftTests {
    private func time(of path: String) throws -> WallTime {
        var file = stat()
        try #require(stat(path, &file) == 0)
        return WallTime(microseconds: Int64(file.st_ctim.tv_sec) * 1_000_000 + Int64(file.st_ctim.tv_nsec) / 1000)
    }

    @Test("Environment files that were written, replaced or removed after the start are found")
    func changed() throws {
        let sandbox = try Sandbox()
        let names = ["kept", "written", "replaced", "removed"]
        let paths = names.map { "\(sandbox.folder)/\($0)" }
        let files = paths.map { EnvironmentFileReference($0) }
        for name in names + ["new"] { try sandbox.write(name, "A=1\n") }
        // Written before the start, with an old modification time.
        var old = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, sandbox.folder + "/new", &old, 0) == 0)
        let start = try time(of: sandbox.folder + "/new")
        #expect(EnvironmentDrift.changedFiles(files, since: start) == [])
        // File times advance in steps of the kernel's clock tick.
        #expect(
            waitUntil {
                try? sandbox.write("written", "A=2\n")
                return (try? time(of: paths[1])).map { $0 > start } ?? false
            }
        )
        rename(sandbox.folder + "/new", paths[2])
        unlink(paths[3])
        #expect(EnvironmentDrift.changedFiles(files, since: start) == Array(paths.dropFirst()))
    }
}

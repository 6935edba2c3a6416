import Glibc
import HeroGit
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ProcessEnvironmentTests {
    private static let commit = "0123456789abcdef0123456789abcdef01234567"

    @Test("the commit of a work tree is read from wherever git keeps it")
    func commit() throws {
        let sandbox = try Sandbox()
        #expect(GitCommit.read(sandbox.folder) == nil)
        try sandbox.write("r/.git/HEAD", "ref: refs/heads/main\n")
        try sandbox.write("r/services.d/a.yaml", "")
        #expect(GitCommit.read(sandbox.folder + "/r/services.d") == nil)
        let other = String(Self.commit.reversed())
        let noCommit = "not a commit"
        try sandbox.write("r/.git/packed-refs", "# pack\n\(other) refs/heads/x/main\n\(Self.commit) refs/heads/main\n")
        #expect(GitCommit.read(sandbox.folder + "/r/services.d") == Self.commit)
        try sandbox.write("r/.git/refs/heads/main", noCommit + "\n")
        #expect(GitCommit.read(sandbox.folder + "/r/services.d") == nil)
        try sandbox.write("r/.git/HEAD", Self.commit + "\n")
        #expect(GitCommit.read(sandbox.folder + "/r") == Self.commit)
        try sandbox.write("w/.git", "gitdir: ../r/.git/worktrees/w\n")
        try sandbox.write("r/.git/worktrees/w/HEAD", "ref: refs/heads/side\n")
        try sandbox.write("r/.git/worktrees/w/commondir", "../..\n")
        try sandbox.write("r/.git/refs/heads/side", Self.commit + "\n")
        #expect(GitCommit.read(sandbox.folder + "/w/not/there") == Self.commit)
    }

    @Test("the base environment is whole and depends on nobody's session")
    func baseEnvironment() {
        setenv("LANG", "xx_XX", 1)
        let environment = BaseEnvironment.current()
        #expect(environment.keys.sorted() == ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TZ", "USER"])
        #expect(environment["LANG"] != "xx_XX")
        #expect(environment["USER"] == UserDatabase.currentUserName)
        #expect(BaseEnvironment.parseLanguage("# c\nLANG=\"de_DE.UTF-8\"\n") == "de_DE.UTF-8")
        #expect(BaseEnvironment.parseLanguage("LC_ALL=x\nLANG=\n") == "C.UTF-8")
    }

    @Test("a background program leaves the session and writes to its log")
    func background() throws {
        let sandbox = try Sandbox()
        let log = sandbox.folder + "/log"
        let background = try BackgroundProcess.spawn(
            ["--filter", "NoSuchTest", "--testing-library", "swift-testing"],
            environment: ["PATH": "/usr/bin:/bin"],
            logFile: log
        )
        #expect(background.pid > 0)
        #expect(eventually(30) { background.exitCode() != nil || kill(background.pid, 0) != 0 })
        #expect(access(log, F_OK) == 0)
    }
}

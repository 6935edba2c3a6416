import Glibc
import TestSupport
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ProcessEnvironmentTests {
    @Test("The base environment is complete and independent of the user session")
    func baseEnvironment() {
        setenv("LANG", "xx_XX", 1)
        let environment = BaseEnvironment.current()
        #expect(environment.keys.sorted() == ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TZ", "USER"])
        #expect(environment["LANG"] != "xx_XX")
        #expect(environment["USER"] == UserDatabase.currentUserName)
        #expect(BaseEnvironment.parseLanguage("# c\nLANG=\"de_DE.UTF-8\"\n") == "de_DE.UTF-8")
        #expect(BaseEnvironment.parseLanguage("LC_ALL=x\nLANG=\n") == "C.UTF-8")
    }

    @Test("A background process leaves the session and writes to its log")
    func background() throws {
        let sandbox = try Sandbox()
        let log = sandbox.folder + "/log"
        let background = try BackgroundProcess.spawn(
            ["--filter", "NoSuchTest", "--testing-library", "swift-testing"],
            environment: ["PATH": "/usr/bin:/bin"],
            logFile: log
        )
        #expect(background.pid > 0)
        #expect(waitUntil(within: 30) { background.exitCode() != nil || kill(background.pid, 0) != 0 })
        #expect(access(log, F_OK) == 0)
    }
}

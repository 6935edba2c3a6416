import Glibc
import TestSupport
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ProcessEnvironmentTests {
    @Test("The base environment is complete and independent of the user session")
    func baseEnvironment() {
        setenv("LANG", "xx_XX", 1)
        let environment = BaseEnvironment.current()
        let names = environment.keys.filter { $0 != "TZ" }.sorted()
        #expect(names == ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "USER"])
        #expect(environment["LANG"] != "xx_XX")
        #expect(environment["USER"] == UserDatabase.currentUserName)
        #expect(BaseEnvironment.parseLanguage("# c\nLANG=\"de_DE.UTF-8\"\n") == "de_DE.UTF-8")
        #expect(BaseEnvironment.parseLanguage("LC_ALL=x\nLANG=\n") == "C.UTF-8")
    }

    @Test(
        "TZ is the name of the time zone of the machine, or is not set",
        arguments: [
            ("/usr/share/zoneinfo/Europe/Brussels", nil, "Europe/Brussels"),
            ("../usr/share/zoneinfo/America/Argentina/Buenos_Aires", nil, "America/Argentina/Buenos_Aires"),
            ("/usr/share/zoneinfo/Etc/UTC", "Asia/Tokyo\n", "Etc/UTC"),
            ("/usr/share/zoneinfo/posix/Europe/Paris", nil, "Europe/Paris"),
            ("/usr/share/zoneinfo/right/Europe/Paris", nil, nil),
            ("/usr/share/zoneinfo/../../passwd", nil, nil),
            ("second", nil, "Europe/Dublin"),
            ("/somewhere/else", "Asia/Tokyo\n", "Asia/Tokyo"),
            (nil, "# comment\n\n  Europe/Oslo \r\n", "Europe/Oslo"),
            (nil, ":/etc/localtime\n", nil),
            (nil, nil, nil),
        ] as [(String?, String?, String?)]
    )
    func timeZoneName(link: String?, nameFile: String?, expected: String?) throws {
        let sandbox = try Sandbox()
        if let link { try #require(symlink(link, sandbox.folder + "/localtime") == 0) }
        try #require(symlink("/usr/share/zoneinfo/Europe/Dublin", sandbox.folder + "/second") == 0)
        if let nameFile { try sandbox.write("timezone", nameFile) }
        #expect(
            BaseEnvironment.timeZoneName(
                localTime: sandbox.folder + "/localtime",
                nameFile: sandbox.folder + "/timezone"
            ) == expected
        )
    }

    @Test("A copied local time file has the name that the name file contains")
    func copiedTimeZone() throws {
        let sandbox = try Sandbox()
        try sandbox.write("localtime", "TZif2")
        #expect(BaseEnvironment.timeZoneName(localTime: sandbox.folder + "/localtime", nameFile: "/none") == nil)
        try sandbox.write("timezone", "Europe/Berlin")
        let name = BaseEnvironment.timeZoneName(
            localTime: sandbox.folder + "/localtime",
            nameFile: sandbox.folder + "/timezone"
        )
        #expect(name == "Europe/Berlin")
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

import Glibc
import Testing

@testable import HeroLinux

/// PID files that may hold anything: each is classified, none is believed too easily, none makes us wait.
@Suite struct PIDFileTests {
    @Test(
        "PF-1: only plain digits with one line feed at most are a process number",
        arguments: [
            ("412", 412), ("412\n", 412), ("2", 2), ("1", nil), ("0", nil), ("-1", nil), ("+5", nil), (" 12", nil),
            ("12 34", nil), ("12\n34", nil), ("12\n\n", nil), ("0x10", nil), ("12abc", nil), ("", nil), ("\n", nil),
            ("99999999999999999999", nil), ("4294967298", nil), ("12\r\n", nil), ("\u{FEFF}12", nil), ("١٢", nil),
            ("12\u{0}", nil),
        ] as [(String, Int32?)]
    )
    func content(_ text: String, _ pid: Int32?) {
        #expect(PIDFile.parsePID(Array(text.utf8)) == pid)
    }

    private func reading(_ path: String) -> String {
        switch PIDFile.read(path, owners: [getuid()]) {
        case .absent: "absent"
        case .invalid(let why): why
        case .found(let file): "names \(file.pid)"
        }
    }

    @Test("PF-1: what lies there is looked at before it is read")
    func kinds() throws {
        let sandbox = try Sandbox()
        let folder = sandbox.folder
        try sandbox.write("good.pid", "412\n")
        #expect(reading(folder + "/good.pid") == "names 412")
        #expect(reading(folder + "/none.pid") == "absent")
        #expect(reading(folder + "/good.pid/none.pid") == "absent")
        try sandbox.write("empty.pid", "")
        #expect(reading(folder + "/empty.pid") == "is empty")
        try sandbox.write("large.pid", String(repeating: "4", count: 33))
        #expect(reading(folder + "/large.pid") == "is too large for a PID file")
        try sandbox.write("words.pid", "nginx")
        #expect(reading(folder + "/words.pid") == "holds no process number")
        #expect(reading(folder) == "is no regular file")
        mkfifo(folder + "/fifo.pid", 0o644)
        #expect(reading(folder + "/fifo.pid") == "is no regular file")
        symlink(folder + "/good.pid", folder + "/link.pid")
        #expect(reading(folder + "/link.pid") == "is a symbolic link")
        symlink("/dev/zero", folder + "/zero.pid")
        #expect(reading(folder + "/zero.pid") == "is a symbolic link")
        #expect(reading("/dev/zero") == "is no regular file")
        link(folder + "/words.pid", folder + "/hard.pid")
        #expect(reading(folder + "/hard.pid") == "has several hard links")
        try sandbox.write("open.pid", "412")
        chmod(folder + "/open.pid", 0o666)
        #expect(reading(folder + "/open.pid") == "can be written by everybody or by its group")
        mkdir(folder + "/shared", 0o755)
        chmod(folder + "/shared", 0o777)
        try sandbox.write("shared/a.pid", "412")
        #expect(reading(folder + "/shared/a.pid") == "lies in a folder where others can exchange it")
        if getuid() == 0 {
            try sandbox.write("foreign.pid", "412")
            chown(folder + "/foreign.pid", 4711, 4711)
            #expect(reading(folder + "/foreign.pid") == "belongs to the user 4711")
        }
    }

    @Test("PF-2: a lock on the very file is seen")
    func lock() throws {
        let sandbox = try Sandbox()
        try sandbox.write("a.pid", "412")
        let descriptor = open(sandbox.folder + "/a.pid", O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        guard case .found(let file) = PIDFile.read(sandbox.folder + "/a.pid", owners: [getuid()]) else {
            Issue.record("the file is not read")
            return
        }
        #expect(!file.isLocked(by: getpid()))
        #expect(flock(descriptor, LOCK_EX) == 0)
        #expect(file.isLocked(by: getpid()))
        #expect(!file.isLocked(by: 1))
    }
}

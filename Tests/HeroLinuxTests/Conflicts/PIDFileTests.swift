import Glibc
import HeroModel
import Testing

@testable import HeroLinux

/// PID files with any content: none is accepted without checks, and none blocks the reader.
@Suite struct PIDFileTests {
    private func reading(_ path: String) -> String {
        switch PIDFile.read(path, owners: [getuid()]) {
        case .absent: "absent"
        case .invalid(let why): why
        case .found(let file): "names \(file.pid)"
        }
    }

    @Test("A PID file of a wrong type, owner or mode is rejected with its reason (PF-1)")
    func fileKinds() throws {
        let sandbox = try Sandbox()
        let folder = sandbox.folder
        try sandbox.write("good.pid", "412\n")
        #expect(reading(folder + "/good.pid") == "names 412")
        #expect(reading(folder + "/none.pid") == "absent")
        #expect(reading(folder + "/good.pid/none.pid") == "absent")
        try sandbox.write("empty.pid", "")
        #expect(reading(folder + "/empty.pid") == "is empty")
        try sandbox.write("large.pid", String(repeating: "4", count: 4097))
        #expect(reading(folder + "/large.pid") == "is too large for a PID file")
        try sandbox.write("words.pid", "nginx")
        #expect(reading(folder + "/words.pid") == "contains no PID")
        #expect(reading(folder) == "is not a regular file")
        mkfifo(folder + "/fifo.pid", 0o644)
        #expect(reading(folder + "/fifo.pid") == "is not a regular file")
        symlink(folder + "/good.pid", folder + "/link.pid")
        #expect(reading(folder + "/link.pid") == "is a symbolic link")
        symlink("/dev/zero", folder + "/zero.pid")
        #expect(reading(folder + "/zero.pid") == "is a symbolic link")
        #expect(reading("/dev/zero") == "is not a regular file")
        link(folder + "/words.pid", folder + "/hard.pid")
        #expect(reading(folder + "/hard.pid") == "has several hard links")
        try sandbox.write("open.pid", "412")
        chmod(folder + "/open.pid", 0o666)
        #expect(reading(folder + "/open.pid") == "can be written by its group or by all users")
        mkdir(folder + "/shared", 0o755)
        chmod(folder + "/shared", 0o777)
        try sandbox.write("shared/a.pid", "412")
        #expect(reading(folder + "/shared/a.pid") == "is in a folder where other users can replace it")
        if getuid() == 0 {
            try sandbox.write("foreign.pid", "412")
            chown(folder + "/foreign.pid", 4711, 4711)
            #expect(reading(folder + "/foreign.pid") == "belongs to the user 4711")
        }
    }

    @Test("A lock on a PID file is detected (PF-2)")
    func lock() throws {
        let sandbox = try Sandbox()
        try sandbox.write("a.pid", "412")
        let descriptor = open(sandbox.folder + "/a.pid", O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        guard case .found(let file) = PIDFile.read(sandbox.folder + "/a.pid", owners: [getuid()]) else {
            Issue.record("the PID file is not accepted")
            return
        }
        #expect(!file.isLocked(by: getpid()))
        #expect(flock(descriptor, LOCK_EX) == 0)
        #expect(file.isLocked(by: getpid()))
        #expect(!file.isLocked(by: 1))
    }

    @Test("The file that an action names is read before a start, whatever it is")
    func leftFiles() throws {
        let sandbox = try Sandbox()
        let folder = sandbox.folder
        #expect(LeftPIDFile.read(folder + "/none.pid") == nil)
        #expect(LeftPIDFile.read(folder + "/none/a.pid") == nil)
        try sandbox.write("good.pid", "412\n/data\n")
        let good = try #require(LeftPIDFile.read(folder + "/good.pid"))
        #expect(good.problem == nil && good.inode > 0 && good.writtenAt > WallTime(microseconds: 0))
        try sandbox.write("large.pid", "412\n" + String(repeating: "x", count: 4096))
        #expect(LeftPIDFile.read(folder + "/large.pid")?.problem == "is larger than 4 KiB")
        try sandbox.write("words.pid", "nginx")
        #expect(LeftPIDFile.read(folder + "/words.pid")?.problem == "has no PID in its first line")
        symlink(folder + "/good.pid", folder + "/link.pid")
        #expect(LeftPIDFile.read(folder + "/link.pid")?.problem == "is not a regular file")
        mkfifo(folder + "/fifo.pid", 0o644)
        #expect(LeftPIDFile.read(folder + "/fifo.pid")?.problem == "is not a regular file")
        #expect(LeftPIDFile.read(folder)?.problem == "is not a regular file")
        mkdir(folder + "/shared", 0o755)
        chmod(folder + "/shared", 0o777)
        try sandbox.write("shared/a.pid", "412")
        let shared = LeftPIDFile.read(folder + "/shared/a.pid")?.problem ?? ""
        #expect(shared.hasPrefix("is in a folder that other users can change"), "\(shared)")
    }

    @Test("Only the PID file that was checked is removed")
    func removesCheckedFile() throws {
        let sandbox = try Sandbox()
        let path = sandbox.folder + "/a.pid"
        try sandbox.write("a.pid", "412\n")
        var file = try #require(LeftPIDFile.read(path))
        try sandbox.write("b.pid", "413\n")
        rename(sandbox.folder + "/b.pid", path)
        #expect(!StaleFileRemoval.remove(file) && readText(path) == "413\n")
        file = try #require(LeftPIDFile.read(path))
        file.writtenAt.microseconds += 1
        #expect(!StaleFileRemoval.remove(file) && readText(path) == "413\n")
        file.writtenAt.microseconds -= 1
        #expect(StaleFileRemoval.remove(file) && access(path, F_OK) != 0)
        #expect(listDirectory(sandbox.folder)?.contains { $0.contains(".hp-") } == false)
    }
}

import Glibc
import HeroKernel
import HeroModel
import TestSupport
import Testing

@testable import HeroLinux

/// Environment files that belong to the user of the action.
@Suite("Environment files of the own user", .enabled(if: geteuid() == 0, "needs root"))
struct UserEnvironmentFileTests {
    private static let user: UInt32 = 65_534
    private static let account = Account(uid: user, gid: user, groups: [user], entry: nil)

    /// A directory of the user in a directory that others may enter.
    private func userDirectory(_ sandbox: Sandbox) -> String {
        chmod(sandbox.folder, 0o711)
        let path = sandbox.folder + "/home"
        mkdir(path, 0o700)
        chown(path, Self.user, Self.user)
        return path
    }

    private func write(_ path: String, _ text: String, owner: UInt32, mode: mode_t) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        #expect(Glibc.write(file, text, text.utf8.count) == text.utf8.count)
        fchown(file, owner, owner)
        fchmod(file, mode)
        close(file)
    }

    private func cause(_ path: String, _ account: Account? = account) -> String? {
        do throws(ValueFile.ReadError) {
            _ = try ValueFile.read(path, as: account)
            return nil
        } catch {
            return error.cause
        }
    }

    @Test("A file of the user of an action is read in any of its directories")
    func ownFile() throws {
        let sandbox = try Sandbox()
        let home = userDirectory(sandbox)
        write(home + "/web.env", "A=1\n", owner: Self.user, mode: 0o600)
        write(sandbox.folder + "/web.env", "B=2\n", owner: Self.user, mode: 0o600)
        write(sandbox.folder + "/root.env", "C=3\n", owner: 0, mode: 0o600)
        let layers = ["home/web.env", "web.env", "root.env"].map {
            EnvironmentLayer.file(EnvironmentFileReference("\(sandbox.folder)/\($0)"))
        }
        let found = try ResolvedLaunch.resolveEnvironment(layers, as: Self.account)
        #expect(found == ["A": "1", "B": "2", "C": "3"])
        // For another user, and without a user, they are files of a third user.
        #expect(cause(home + "/web.env", nil) != nil)
        #expect(cause(home + "/web.env", Account(uid: 4711, gid: 4711, groups: [], entry: nil)) == "Permission denied")
    }

    @Test("The rights of the user decide what is read in the directories of that user")
    func rights() throws {
        let sandbox = try Sandbox()
        let home = userDirectory(sandbox)
        write(sandbox.folder + "/secret", "canary", owner: 0, mode: 0o600)
        symlink(sandbox.folder + "/secret", home + "/link.env")
        #expect(cause(home + "/link.env") == "Permission denied")
        write(home + "/loose.env", "A=1", owner: Self.user, mode: 0o666)
        #expect(cause(home + "/loose.env")?.contains("others may write to it") == true)
        write(home + "/third.env", "A=1", owner: 4711, mode: 0o644)
        #expect(cause(home + "/third.env")?.contains("belongs to another user") == true)
        mkfifo(home + "/fifo.env", 0o600)
        chown(home + "/fifo.env", Self.user, Self.user)
        #expect(cause(home + "/fifo.env") == "it is not a regular file")
        #expect(cause(home + "/none.env") == "No such file or directory")
        // A directory that a third user may write to leads to files that this user may not have chosen.
        chmod(home, 0o777)
        write(home + "/web.env", "A=1", owner: Self.user, mode: 0o600)
        #expect(cause(home + "/web.env")?.contains("other users could replace it") == true)
    }

    @Test("A file without a response fails in time and is not read again at once")
    func noResponse() throws {
        let directory = try makeTemporaryDirectory("hp-reader")
        defer { _ = runShell("rm -r \(directory)") }
        let helper = directory + "/helper"
        write(helper, "#!/bin/sh\necho >> \(directory)/starts\nexec sleep 600\n", owner: 0, mode: 0o700)
        let reader = UserFileReader(HelperProgram(path: helper), limit: .milliseconds(300))
        for _ in 0..<3 {
            let error = #expect(throws: ValueFile.ReadError.self) { try reader.read("/home/x", as: Self.account) }
            #expect(error?.cause.contains("did not respond in time") == true)
        }
        #expect(readFile(directory + "/starts", limit: 100)?.count == 1)
    }

    @Test("A reply that is truncated or malformed is refused", arguments: ["", "x", "-", "-1", "-x y"])
    func malformedReply(text: String) {
        #expect(UserFileReply.decode(Array(text.utf8)) == nil)
    }
}

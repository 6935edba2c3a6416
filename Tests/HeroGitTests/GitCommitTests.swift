import Foundation
import HeroGit
import TestSupport
import Testing

@Suite("GitCommit")
struct GitCommitTests {
    private static let commit = "0123456789abcdef0123456789abcdef01234567"

    @Test("The commit of a work tree is read from every place where git stores it")
    func commit() throws {
        let folder = try makeTemporaryDirectory("hpgit")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ name: String, _ text: String) throws {
            let file = URL(fileURLWithPath: "\(folder)/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(GitCommit.read(folder) == nil)
        try write("r/.git/HEAD", "ref: refs/heads/main\n")
        try write("r/services.d/a.yaml", "")
        #expect(GitCommit.read(folder + "/r/services.d") == nil)
        let other = String(Self.commit.reversed())
        let noCommit = "not a commit"
        try write("r/.git/packed-refs", "# pack\n\(other) refs/heads/x/main\n\(Self.commit) refs/heads/main\n")
        #expect(GitCommit.read(folder + "/r/services.d") == Self.commit)
        try write("r/.git/refs/heads/main", noCommit + "\n")
        #expect(GitCommit.read(folder + "/r/services.d") == nil)
        try write("r/.git/HEAD", Self.commit + "\n")
        #expect(GitCommit.read(folder + "/r") == Self.commit)
        try write("w/.git", "gitdir: ../r/.git/worktrees/w\n")
        try write("r/.git/worktrees/w/HEAD", "ref: refs/heads/side\n")
        try write("r/.git/worktrees/w/commondir", "../..\n")
        try write("r/.git/refs/heads/side", Self.commit + "\n")
        #expect(GitCommit.read(folder + "/w/not/there") == Self.commit)
    }
}

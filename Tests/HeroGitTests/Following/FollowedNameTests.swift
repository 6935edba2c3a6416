import Testing

@testable import HeroGit

@Suite("Names that a follower of git accepts")
struct FollowedNameTests {
    @Test(
        "An https, ssh or file address is accepted",
        arguments: [
            ("https://example.org/infra.git", RepositoryAddress.Transport.https),
            ("https://user@example.org/infra.git", .https), ("ssh://git@example.org:2222/infra.git", .ssh),
            ("git@example.org:infra.git", .ssh), ("file:///srv/infra.git", .file), ("/srv/infra.git", .file),
        ]
    )
    func acceptsAddress(_ text: String, _ transport: RepositoryAddress.Transport) throws {
        #expect(try RepositoryAddress(text).transport == transport)
    }

    @Test(
        "Another transport, an option and a password in the address are refused",
        arguments: [
            "", "-", "--upload-pack=touch /tmp/x", "ext::sh -c id", "http://example.org/x", "git://example.org/x",
            "ftp://example.org/x", "fd::17", "transport::address", "infra.git", "../infra.git", "./x",
            "https://user:secret@example.org/x", "ssh://-oProxyCommand=id/x", "-oProxyCommand=id:x",
            "git@-oProxyCommand=id:x", "https:///x", "file://host/x", "file://x", "/srv/a b", "/srv/a\nb", "a:",
            "https://example.org/x\u{0}", "C:\\repo",
        ]
    )
    func refusesAddress(_ text: String) {
        #expect(throws: GitError.self) { try RepositoryAddress(text) }
    }

    @Test(
        "A name that git does not allow for a branch is refused",
        arguments: [
            "", "-x", "--upload-pack=x", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a/", "/a",
            "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a@{1}", "@", "HEAD", "a\nb", "a.",
        ]
    )
    func refusesReference(_ name: String) {
        #expect(throws: GitError.self) { try RepositoryNames.checkReference(name) }
    }

    @Test("A branch is tried before a tag of the same name")
    func triesBranchFirst() throws {
        try RepositoryNames.checkReference("release/1.0")
        #expect(RepositoryNames.candidates("v1") == ["refs/heads/v1", "refs/tags/v1"])
        #expect(RepositoryNames.candidates("refs/tags/v1") == ["refs/tags/v1"])
    }

    @Test("A services directory outside of the repository is refused")
    func checksPath() throws {
        #expect(try RepositoryNames.checkedPath("hosts//a/./x/") == "hosts/a/x")
        #expect(try RepositoryNames.checkedPath("./") == ".")
        for path in ["/etc", "..", "a/../../b", ".git", "a/.GIT/b", "a\nb"] {
            #expect(throws: GitError.self) { try RepositoryNames.checkedPath(path) }
        }
    }
}

@Suite("The files of a commit")
struct CommitTreeTests {
    private let id = String(repeating: "a", count: 40)

    private func tree(_ rows: [String], _ limits: CommitTree.Limits = .init()) throws(GitError) -> CommitTree {
        try CommitTree(Array(rows.joined().utf8), limits: limits)
    }

    private func file(_ path: String, mode: String = "100644", size: String = "1") -> String {
        "\(mode) blob \(id) \(size)\t\(path)\0"
    }

    @Test("Files, programs, links and submodules are read in order")
    func readsEntries() throws {
        let found = try tree([
            file("a/b"), file("a/run", mode: "100755"), file("l", mode: "120000"), "160000 commit \(id) -\tsub\0",
        ])
        #expect(
            found.entries.map(\.kind) == [.file(isExecutable: false), .file(isExecutable: true), .link, .submodule]
        )
        #expect(found.folders == ["a"])
    }

    @Test(
        "A path that is dangerous to write is refused",
        arguments: ["../x", "a/../b", "a/./b", "/etc/x", "a//b", ".git/config", "a/.GIT/x", "a\nb", "a\u{1B}[2J", ".."]
    )
    func refusesPath(_ path: String) {
        #expect(throws: GitError.self) { try tree([file(path)]) }
    }

    @Test("A device, a duplicate and a file that is also a folder are refused")
    func refusesEntries() {
        #expect(throws: GitError.self) { try tree([file("dev", mode: "020000")]) }
        #expect(throws: GitError.self) { try tree([file("a"), file("a", mode: "120000")]) }
        #expect(throws: GitError.self) { try tree([file("a", mode: "120000"), file("a/b")]) }
        #expect(throws: GitError.self) { try tree([file("a", size: "-")]) }
        #expect(throws: GitError.self) { try CommitTree(Array("100644 blob x 1\t".utf8) + [0xFF, 0]) }
    }

    @Test("A commit over the limits is refused before it is written")
    func limitsSize() throws {
        let limits = CommitTree.Limits(fileSize: 10, totalSize: 15, count: 3)
        _ = try tree([file("a", size: "10"), file("b", size: "5")], limits)
        #expect(throws: GitError.self) { try tree([file("a", size: "11")], limits) }
        #expect(throws: GitError.self) { try tree([file("a", size: "10"), file("b", size: "6")], limits) }
        #expect(throws: GitError.self) { try tree(["a", "b", "c", "d"].map { file($0, size: "1") }, limits) }
    }

    @Test(
        "A link that stays in the repository is accepted",
        arguments: [["l": "a"], ["a/l": "../b"], ["a/b/l": "../../c/./d"], ["d": "x/y", "l": "d/../z"]]
    )
    func acceptsLinks(_ targets: [String: String]) throws {
        try CommitTree.checkLinks(targets)
    }

    @Test(
        "A link that leaves the repository, also through another link, is refused",
        arguments: [
            ["l": "/etc/passwd"], ["l": ".."], ["a/l": "../../x"], ["a/b/c/d": "../../..", "a/b/c/e": "d/../x"],
            ["l": "l"], ["l": ""], ["a": "/", "b": "a/etc"],
        ]
    )
    func refusesLinks(_ targets: [String: String]) {
        #expect(throws: GitError.self) { try CommitTree.checkLinks(targets) }
    }

    @Test("The signature of a commit is separated from the signed text")
    func separatesSignature() {
        let text = """
            tree x
            author a
            gpgsig -----BEGIN SSH SIGNATURE-----
             U1NI
             -----END SSH SIGNATURE-----

            gpgsig in the message

            """
        let commit = SignedCommit(object: Array(text.utf8))
        let payload = "tree x\nauthor a\n\ngpgsig in the message\n"
        #expect(String(decoding: commit.payload, as: UTF8.self) == payload)
        #expect(commit.isSSHSignature)
        let twice = text.replacing("author a\n", with: "author a\ngpgsig -----BEGIN SSH SIGNATURE-----\n x\n")
        #expect(!SignedCommit(object: Array(twice.utf8)).isSSHSignature)
        #expect(SignedCommit(object: Array(payload.utf8)).signature == nil)
    }
}

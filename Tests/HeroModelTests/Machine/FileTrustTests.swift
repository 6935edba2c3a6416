import HeroModel
import Testing

/// A file of root with mode 0644; the arguments name what differs.
private func file(
    _ kind: FileFacts.Kind = .regular,
    owner: UInt32 = 0,
    group: UInt32 = 0,
    mode: UInt32 = 0o644,
    links: UInt64 = 1,
    hasAccessList: Bool = false,
    isReadOnly: Bool = false
) -> FileFacts {
    FileFacts(
        kind: kind,
        owner: owner,
        group: group,
        mode: mode,
        linkCount: links,
        hasAccessList: hasAccessList,
        isOnReadOnlyFileSystem: isReadOnly
    )
}

private let writable = "others may write to it; run `chmod go-w` on it"

@Suite("FileTrust")
struct FileTrustTests {
    private let trust = FileTrust(user: 1000, group: 1000)
    private let root = FileTrust(user: 0, group: 0)

    private func problem(_ check: () throws(PathProblem) -> Void) -> String? {
        do throws(PathProblem) {
            try check()
            return nil
        } catch {
            return error.text
        }
    }

    @Test(
        "A private or system group without an access list counts as the owner (FS-1)",
        arguments: [
            (file(mode: 0o644), false), (file(mode: 0o755), false),
            (file(mode: 0o666), true), (file(mode: 0o602), true),
            (file(group: 0, mode: 0o664), false), (file(group: 99, mode: 0o664), false),
            (file(group: 100, mode: 0o664), true), (file(group: 1000, mode: 0o664), false),
            (file(owner: 4711, group: 4711, mode: 0o664), false), (file(owner: 4711, group: 4712, mode: 0o664), true),
            (file(group: 0, mode: 0o664, hasAccessList: true), true),
            (file(group: 0, mode: 0o666, isReadOnly: true), false),
            (file(group: 4712, mode: 0o664, isReadOnly: true), false),
        ]
    )
    func writableByOthers(file: FileFacts, expected: Bool) {
        #expect(trust.isWritableByOthers(file) == expected)
    }

    @Test("Root, the own user and users without a mapping are trusted owners (FS-1)")
    func owners() {
        #expect(trust.owners == [0, 1000] && root.owners == [0])
        #expect(FileTrust(user: 0, group: 0, unmappedUser: 65534).owners == [0, 65534])
    }

    @Test(
        "A directory is trusted if its owner is, and others cannot change its entries (FS-1)",
        arguments: [
            (file(.directory, mode: 0o755), nil), (file(.directory, owner: 1000, mode: 0o700), nil),
            (file(.directory, owner: 4711, mode: 0o700), "/d: it belongs to the user 4711"),
            (file(.directory, mode: 0o777), "/d: \(writable)"), (file(.directory, mode: 0o1777), nil),
            (file(.directory, owner: 4711, mode: 0o1777), "/d: it belongs to the user 4711"),
        ] as [(FileFacts, String?)]
    )
    func directory(file: FileFacts, expected: String?) {
        #expect(problem { () throws(PathProblem) in try trust.checkDirectory(file, "/d", trust.owners) } == expected)
    }

    @Test(
        "A file of heroproc's own has one link and a trusted writer (FS-1)",
        arguments: [
            (file(mode: 0o600), nil), (file(owner: 1000, mode: 0o644), nil),
            (file(.link), "it is a symbolic link"), (file(.directory), "it is not a regular file"),
            (file(.other), "it is not a regular file"), (file(owner: 4711), "it belongs to the user 4711"),
            (file(links: 2), "it has several hard links; remove this one"),
            (file(mode: 0o664), writable), (file(mode: 0o646), writable),
        ] as [(FileFacts, String?)]
    )
    func ownFile(file: FileFacts, expected: String?) {
        #expect(trust.ownFileProblem(file) == expected)
    }

    @Test(
        "A private directory belongs to the user and is closed to others (FS-1)",
        arguments: [
            (1000, file(.directory, owner: 1000, mode: 0o700), true), (0, file(.directory, mode: 0o711), true),
            (1000, file(.directory, owner: 1000, mode: 0o711), false), (0, file(.directory, mode: 0o755), false),
            (1000, file(.directory, owner: 0, mode: 0o700), false), (0, file(.link, mode: 0o700), false),
        ] as [(UInt32, FileFacts, Bool)]
    )
    func privateDirectory(user: UInt32, file: FileFacts, isTrusted: Bool) {
        let problem = FileTrust(user: user, group: user).privateDirectoryProblem(file, "/d")
        #expect((problem == nil) == isTrusted, "\(problem ?? "")")
    }

    @Test(
        "A value file belongs to root or the user, who alone can write it (SE-3)",
        arguments: [
            (file(mode: 0o640), nil), (file(owner: 1000, mode: 0o600), nil), (file(links: 2), nil),
            (file(.other), "it is not a regular file"),
            (file(owner: 4711), "it belongs to another user; give it to root or to the user that heroproc runs as"),
            (file(mode: 0o666), writable),
        ] as [(FileFacts, String?)]
    )
    func valueFile(file: FileFacts, expected: String?) {
        #expect(trust.valueFileProblem(file) == expected)
    }

    @Test(
        "A manifest may belong to the owner of its directory, without foreign hard links (FS-1)",
        arguments: [
            (file(owner: 500), 500, nil), (file(owner: 0), 500, nil), (file(owner: 1000), 500, nil),
            (file(owner: 4711), 500, "/m: it belongs to the user 4711"),
            (file(owner: 500, mode: 0o666), 500, "/m: \(writable)"),
            (file(owner: 500, links: 2), 500, nil),
            (file(owner: 0, links: 2), 500, "/m: it is a hard link to a file of the user 0"),
            (file(owner: 0, links: 2), 1000, nil), (file(.directory, owner: 500, mode: 0o755), 500, nil),
            (file(.directory, owner: 500, mode: 0o777), 500, "/m: \(writable)"),
        ] as [(FileFacts, UInt32, String?)]
    )
    func manifest(file: FileFacts, directoryOwner: UInt32, expected: String?) {
        let found = problem { () throws(PathProblem) in
            try trust.checkManifest(file, "/m", directoryOwner: directoryOwner)
        }
        #expect(found == expected)
    }

    @Test(
        "Strict_exec accepts neither a group that may write nor an unmapped owner, other checks do (FS-4)",
        arguments: [
            (file(mode: 0o755), nil, nil), (file(mode: 0o775), nil, "/p: \(writable)"),
            (file(mode: 0o777), "/p: others may write to it", "/p: \(writable)"),
            (file(mode: 0o777, isReadOnly: true), nil, "/p: \(writable)"),
            (file(owner: 65534), nil, "/p: it belongs to the user 65534"),
            (file(owner: 4711), "/p: it belongs to the user 4711", "/p: it belongs to the user 4711"),
        ] as [(FileFacts, String?, String?)]
    )
    func program(file: FileFacts, expected: String?, strict: String?) {
        let trust = FileTrust(user: 0, group: 0, unmappedUser: 65534)
        #expect(problem { () throws(PathProblem) in try trust.checkProgram(file, "/p") } == expected)
        #expect(problem { () throws(PathProblem) in try trust.checkStrictProgram(file, "/p") } == strict)
    }
}

@Suite("PathTrust")
struct PathTrustTests {
    /// Checks a path in a small file system; links are given as `path: target`.
    private func problem(
        _ path: String,
        _ files: [String: FileFacts],
        links: [String: String] = [:],
        trusting owners: Set<UInt32> = []
    ) -> String? {
        var all = ["/": file(.directory, mode: 0o755)].merging(files) { $1 }
        for link in links.keys where all[link] == nil { all[link] = file(.link, mode: 0o777) }
        let check = PathTrust(
            trust: FileTrust(user: 1000, group: 1000),
            facts: { all[$0] },
            linkTarget: { links[$0] }
        )
        do throws(PathProblem) {
            try check.check(path, trusting: owners)
            return nil
        } catch {
            return error.text
        }
    }

    private let good = file(.directory, mode: 0o755)
    private let open = file(.directory, mode: 0o777)
    private let foreign = file(.directory, owner: 4711, mode: 0o755)

    @Test("The first directory on a path that others can change is named (FS-1)")
    func directories() {
        #expect(problem("/a/b", ["/a": good, "/a/b": good]) == nil)
        #expect(problem("/a/b/c", ["/a": open, "/a/b": open, "/a/b/c": good]) == "/a: \(writable)")
        #expect(problem("/a/b", ["/a": foreign, "/a/b": good]) == "/a: it belongs to the user 4711")
        #expect(problem("/a/b", ["/a": foreign, "/a/b": good], trusting: [4711]) == nil)
        #expect(problem("/a", ["/": open, "/a": good]) == "/: \(writable)")
    }

    @Test("A missing part of a path and a file at its end are accepted (FS-1)")
    func ends() {
        #expect(problem("/a/none/b", ["/a": good]) == nil)
        #expect(problem("/a/file", ["/a": good, "/a/file": file(owner: 4711, mode: 0o666)]) == nil)
        #expect(problem("/a/file/b", ["/a": good, "/a/file": file()]) == "/a/file: it is not a directory")
    }

    @Test("Links are followed and checked, whether their targets are absolute or relative (FS-1)")
    func links() {
        let files = ["/a": good, "/b": good, "/b/c": open]
        #expect(problem("/a/link", files, links: ["/a/link": "/b/c"]) == "/b/c: \(writable)")
        #expect(problem("/a/link/x", files, links: ["/a/link": "../b/c"]) == "/b/c: \(writable)")
        #expect(problem("/a/link", files, links: ["/a/link": "../b/./"]) == nil)
        #expect(problem("/a/loop", files, links: ["/a/loop": "loop"]) == "/a/loop: it is a link without a target")
        let link = file(.link, owner: 4711, mode: 0o777)
        #expect(
            problem("/a/link", ["/a": good, "/a/link": link], links: ["/a/link": "/a"])
                == "/a/link: it belongs to the user 4711"
        )
    }
}

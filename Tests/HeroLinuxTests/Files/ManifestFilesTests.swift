import Glibc
import HeroKernel
import HeroModel
import Testing

@testable import HeroLinux

@Suite(.ownThread) struct ManifestFilesTests {
    private func paths(_ directory: String) throws -> [String] {
        guard case .files(let files, skipped: _) = ManifestFiles.read(directory) else {
            Issue.record("\(directory) is unreadable")
            return []
        }
        return files.map(\.path)
    }

    @Test("Manifests in subfolders are found, and temporary files of editors are ignored (MF-1)")
    func names() throws {
        let sandbox = try Sandbox()
        let good = ["a.yaml", "b.yml", "sub/c.yaml", "sub/deep/d.yaml", "with space.yaml", "2.yaml"]
        let bad = [
            ".a.yaml", "#a.yaml#", "#a.yaml", "a.yaml~", "a.yaml.swp", ".a.yaml.swp", "a.yaml.tmp", "a.yaml.bak",
            "4913",
            "a.yaml.dpkg-new", "README.md", "a.json", ".git/x.yaml", "#old/x.yaml", "old~/x.yaml", "old.bak/x.yaml",
        ]
        for name in good + bad { try sandbox.write("s/" + name, "x") }
        mkdir(sandbox.folder + "/s/folder.yaml", 0o755)
        mkfifo(sandbox.folder + "/s/pipe.yaml", 0o644)
        let expected = good.map { "\(sandbox.folder)/s/\($0)" }.sorted()
        #expect(try paths(sandbox.folder + "/s") == expected)
        #expect(try paths(sandbox.folder + "/s/") == expected)
    }

    @Test("A link out of the services directory is ignored, and one inside is followed")
    func links() throws {
        let sandbox = try Sandbox()
        try sandbox.write("s/.data/real.yaml", "inside")
        try sandbox.write("outside/x.yaml", "outside")
        try sandbox.write("s2/x.yaml", "sibling")
        let links = [
            ("/etc/passwd", "passwd.yaml"), ("../outside/x.yaml", "x.yaml"), ("../outside", "folder"),
            ("../s2/x.yaml", "sibling.yaml"), (".data/real.yaml", "real.yaml"), ("nowhere", "dangling.yaml"),
            ("loop.yaml", "loop.yaml"), (".", "self"),
        ]
        for (target, name) in links { symlink(target, "\(sandbox.folder)/s/\(name)") }
        guard case .files(let files, skipped: _) = ManifestFiles.read(sandbox.folder + "/s") else {
            Issue.record("unreadable")
            return
        }
        #expect(files.map(\.path) == ["\(sandbox.folder)/s/real.yaml"])
        #expect(files.first?.bytes == Array("inside".utf8))
        #expect(files.first?.baseDirectory == sandbox.folder + "/s")
    }

    @Test("Files are read from one path and named by another path to the same directory")
    func namedByAnotherPath() throws {
        let sandbox = try Sandbox()
        try sandbox.write("s/sub/a.yaml", "x")
        symlink("s", sandbox.folder + "/link")
        let (directory, link) = (sandbox.folder + "/s", sandbox.folder + "/link")
        guard case .files(let files, skipped: _) = ManifestFiles.read(link, shownAs: directory, namedBy: directory)
        else {
            Issue.record("unreadable")
            return
        }
        #expect(files.map(\.path) == [directory + "/sub/a.yaml"])
        #expect(files.map(\.baseDirectory) == [directory + "/sub"])
        #expect(ManifestFiles.isSameDirectory(directory, link) && ManifestFiles.isSameDirectory("/none", "/none"))
        #expect(!ManifestFiles.isSameDirectory(directory, sandbox.folder))
        #expect(!ManifestFiles.isSameDirectory(directory, sandbox.folder + "/none"))
    }

    @Test("Entries that look like manifests and are not read are reported")
    func skippedEntries() throws {
        let sandbox = try Sandbox()
        let root = sandbox.folder + "/s"
        for name in ["s/real.yaml", "s/.data/inside.yaml", "outside/x.yaml", "s/folder.yaml/y.yaml"] {
            try sandbox.write(name, "x")
        }
        let links = [
            ("../outside/x.yaml", "link.yaml"), ("../outside", "linked"), ("../outside", "linked.yaml"),
            ("nowhere", "broken.yaml"), ("nowhere", "broken"), ("loop.yaml", "loop.yaml"),
            ("/dev/null", "null.yaml"), (".data/inside.yaml", "inside.yaml"), (".", "self"), ("../outside", ".hidden"),
            ("../outside", "old~"), ("../outside/x.yaml", "README"),
        ]
        for (target, name) in links { symlink(target, "\(root)/\(name)") }
        mkfifo(root + "/pipe.yaml", 0o644)
        mkfifo(root + "/pipe", 0o644)
        let damaged = Array("\(root)/caf".utf8) + [0xE9]
        for ending in [".yaml", ".txt"] {
            let path = (damaged + Array(ending.utf8) + [0]).map { CChar(bitPattern: $0) }
            close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
        }
        mkdir((damaged + [0]).map { CChar(bitPattern: $0) }, 0o755)
        let deep = (1...33).map { "d\($0)" }.joined(separator: "/")
        try sandbox.write("s/\(deep)/x.yaml", "x")

        guard case .files(let files, let skipped) = ManifestFiles.read(root) else {
            Issue.record("unreadable")
            return
        }
        let shown = files.map { $0.path.dropFirst(root.count + 1) }
        #expect(shown == ["folder.yaml/y.yaml", "inside.yaml", "real.yaml"])
        #expect(skipped.allSatisfy { $0.path == $0.absolutePath })
        let found = Dictionary(
            skipped.map { ($0.path.dropFirst(root.count + 1), $0.reason) },
            uniquingKeysWith: { first, _ in first }
        )
        let expected: [Substring: SkippedManifest.Reason] = [
            "link.yaml": .linkOutside(target: "../outside/x.yaml"), "linked": .folderLink(target: "../outside"),
            "linked.yaml": .folderLink(target: "../outside"), "broken.yaml": .brokenLink(target: "nowhere"),
            "loop.yaml": .brokenLink(target: "loop.yaml"), "null.yaml": .linkOutside(target: "/dev/null"),
            "pipe.yaml": .notAFile(kind: "a FIFO"), "caf\u{FFFD}.yaml": .nameNotUTF8, "caf\u{FFFD}": .nameNotUTF8,
            deep[...]: .tooDeep,
        ]
        #expect(found == expected)
        #expect(skipped.count == expected.count)
    }

    @Test("A services directory that is missing or a file is unreadable with its reason")
    func unreadable() throws {
        let sandbox = try Sandbox()
        try sandbox.write("file", "")
        #expect(
            ManifestFiles.read(sandbox.folder + "/none")
                == .unreadable("No such file or directory")
        )
        #expect(
            ManifestFiles.read(sandbox.folder + "/file")
                == .unreadable("Not a directory")
        )
    }

    @Test("A manifest over the size limit is read one byte beyond the limit")
    func sizes() throws {
        let sandbox = try Sandbox()
        try sandbox.write("s/big.yaml", String(repeating: "x", count: 3 << 20))
        try sandbox.write("s/empty.yaml", "")
        guard case .files(let files, skipped: _) = ManifestFiles.read(sandbox.folder + "/s") else {
            Issue.record("unreadable")
            return
        }
        #expect(files.map(\.bytes.count) == [1 << 20 + 1, 0])
    }

    @Test("Each way in which editors save a manifest is reported once (MF-2)")
    func editorChanges() throws {
        let sandbox = try Sandbox()
        try sandbox.write("s/a.yaml", "1")
        let kernel = try sandbox.kernel()
        let directory = sandbox.folder + "/s"
        kernel.watchDirectory(directory)
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(50)) == [])
        let saves: [() throws -> Void] = [
            { try sandbox.write("s/a.yaml", "2") },
            {
                try sandbox.write("s/a.yaml.tmp", "3")
                rename(directory + "/a.yaml.tmp", directory + "/a.yaml")
            },
            {
                rename(directory + "/a.yaml", directory + "/a.yaml~")
                try sandbox.write("s/a.yaml", "4")
            },
            { for size in 1...20 { try sandbox.write("s/a.yaml", String(repeating: "5", count: size)) } },
            { try sandbox.write("s/new/b.yaml", "6") },
            { try sandbox.write("s/new/b.yaml", "7") },
            { unlink(directory + "/a.yaml") },
            { rename(directory, directory + "-away") },
            { rename(directory + "-away", directory) },
            {
                removeTree(directory)
                try sandbox.write("s/c.yaml", "8")
            },
            { try sandbox.write("s/c.yaml", "9") },
        ]
        for (index, save) in saves.enumerated() {
            let before = kernel.now()
            try save()
            let events = kernel.nextEvents(until: before + .seconds(5))
            #expect(events == [.filesChanged], "save \(index)")
            #expect(kernel.now() - before >= .milliseconds(290), "save \(index)")
            #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(20)) == [], "save \(index)")
        }
        // A change of another file is not reported.
        try sandbox.write("s/.c.yaml.swp", "x")
        try sandbox.write("s/4913", "x")
        try sandbox.write("elsewhere", "x")
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(400)) == [])
        kernel.watchDirectory(nil)
        try sandbox.write("s/c.yaml", "10")
        #expect(kernel.nextEvents(until: kernel.now() + .milliseconds(400)) == [])
    }
}

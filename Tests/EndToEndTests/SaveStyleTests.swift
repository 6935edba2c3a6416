import Foundation
import Glibc
import Testing

/// The ways in which editors and tools save a file (reliability.md MF-1, MF-2).
@Suite("Saving manifests", .serialized)
struct SaveStyleTests {
    /// One way to replace the text of a file.
    struct Style: Sendable, CustomTestStringConvertible {
        let name: String
        /// Takes the path of the file, and the new text.
        let save: @Sendable (_ file: String, _ text: String) throws -> Void
        var testDescription: String { name }

        init(_ name: String, _ save: @escaping @Sendable (_ file: String, _ text: String) throws -> Void) {
            self.name = name
            self.save = save
        }
    }

    /// Writes a file in place, made if need be.
    private static func put(_ path: String, _ text: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(file >= 0, "\(path)")
        defer { close(file) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
    }

    private static func move(_ from: String, _ to: String) throws { try #require(rename(from, to) == 0, "\(from)") }

    private static func folder(_ file: String) -> String { URL(fileURLWithPath: file).deletingLastPathComponent().path }

    private static func beside(_ file: String, _ name: String) -> String { folder(file) + "/" + name }

    /// The calls of the tools, as strace(1) shows them.
    private static let calls: [Style] = [
        Style("vim backupcopy=no") { file, text in
            try put(beside(file, "4913"), "")
            unlink(beside(file, "4913"))
            try put(beside(file, ".web.yaml.swp"), "b0VIM")
            try move(file, file + "~")
            try put(file, text)
            unlink(file + "~")
            unlink(beside(file, ".web.yaml.swp"))
        },
        Style("vim backupcopy=yes") { file, text in
            try put(file + "~", text)
            try put(file, text)
            unlink(file + "~")
        },
        Style("vim backupcopy=auto, backup kept") { file, text in
            try put(beside(file, "4913"), "")
            unlink(beside(file, "4913"))
            try move(file, file + "~")
            try put(file, text)
        },
        Style("emacs") { file, text in
            symlink("someone@host.4711:1", beside(file, ".#web.yaml"))
            try put(beside(file, "#web.yaml#"), "half of a te")
            try move(file, file + "~")
            try put(file, text)
            unlink(beside(file, "#web.yaml#"))
            unlink(beside(file, ".#web.yaml"))
        },
        Style("nano with a backup") { file, text in
            try put(file + ".save", "kind: Service\nname: ghost\n")
            try put(file, text)
        },
        Style("gedit") { file, text in
            try put(beside(file, ".goutputstream-ABC123"), text)
            try move(beside(file, ".goutputstream-ABC123"), file)
        },
        Style("JetBrains") { file, text in
            try put(file + "___jb_tmp___", text)
            try move(file, file + "___jb_old___")
            try move(file + "___jb_tmp___", file)
            unlink(file + "___jb_old___")
        },
        Style("rsync") { file, text in
            try put(beside(file, ".web.yaml.Xa1B2c"), text)
            try move(beside(file, ".web.yaml.Xa1B2c"), file)
        },
        Style("rsync --inplace") { file, text in
            let number = open(file, O_WRONLY | O_CLOEXEC)
            try #require(number >= 0)
            defer { close(number) }
            for (index, byte) in text.utf8.enumerated() {
                try #require(pwrite(number, [byte], 1, off_t(index)) == 1)
            }
            ftruncate(number, off_t(text.utf8.count))
        },
        Style("ansible") { file, text in
            try put(beside(file, ".ansible_tmpk3j2web.yaml"), text)
            try move(beside(file, ".ansible_tmpk3j2web.yaml"), file)
        },
        Style("salt") { file, text in
            try put(beside(file, "__salt.tmp.x7d2"), text)
            try move(beside(file, "__salt.tmp.x7d2"), file)
        },
        Style("dpkg") { file, text in
            try put(file + ".dpkg-new", text)
            link(file, file + ".dpkg-tmp")
            try move(file + ".dpkg-new", file)
            unlink(file + ".dpkg-tmp")
        },
        Style("a hard link as backup, then in place") { file, text in
            try put(file + ".bak", text)
            try put(file, text)
        },
        Style("removed, and written anew a second later") { file, text in
            unlink(file)
            usleep(1_000_000)
            try put(file, text)
        },
        Style("emptied, and written a second later") { file, text in
            let number = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC)
            try #require(number >= 0)
            defer { close(number) }
            usleep(1_000_000)
            let bytes = Array(text.utf8)
            try #require(Glibc.write(number, bytes, bytes.count) == bytes.count)
        },
        Style("emptied and closed, and written a second later") { file, text in
            try put(file, "")
            usleep(1_000_000)
            try put(file, text)
        },
    ]

    /// The tools themselves, where they are installed.
    private static let tools: [Style] = [
        Style("cp") { file, text in
            try put("\(folder(file))/../new", text)
            #expect(shell("cp '\(folder(file))/../new' '\(file)'") == 0)
        },
        Style("mv") { file, text in
            try put("\(folder(file))/../new", text)
            #expect(shell("mv '\(folder(file))/../new' '\(file)'") == 0)
        },
        Style("sed -i") { file, text in
            let generation = text.firstMatch(of: /generation: \d+/).map { String($0.0) } ?? ""
            #expect(shell("sed -i 's/generation: .*/\(generation)/' '\(file)'") == 0)
        },
        Style("patch") { file, text in
            try put("\(folder(file))/../new", text)
            #expect(shell("cd '\(folder(file))' && diff -u web.yaml ../new | patch -s web.yaml") == 0)
        },
        Style("vim") { file, text in
            let generation = text.firstMatch(of: /generation: \d+/).map { String($0.0) } ?? ""
            #expect(shell("vim -u NONE -es -c '%s/generation: .*/\(generation)/' -c wq '\(file)'") == 0)
        },
        Style("git checkout") { file, text in
            try put(file, text)
            let git = "git -c user.name=a -c user.email=a@b -C '\(folder(file))'"
            #expect(
                shell(
                    "\(git) init -q && \(git) add -A && \(git) commit -qm new && \(git) rm -rq --cached . && rm -rf '\(folder(file))/.git'"
                ) == 0
            )
        },
    ]

    private static let all =
        calls
        + tools.filter { style in
            shell("command -v \(style.name.split(separator: " ").first ?? "") && command -v diff") == 0
        }

    @Test("MF-1, MF-2: however a file is saved, the change is live once, and nobody else is touched")
    func styles() async throws {
        try await World.with { world in
            func text(_ generation: Int) -> String {
                world.manifest("web", ["requires: [db]", "generation: \(generation)"], [.process()])
            }
            try world.declare("db")
            try Self.put("\(world.services)/web.yaml", text(1))
            try world.declare("app", "requires: [web]")
            try world.declare("side")
            _ = try world.watch()
            var web = try await world.life("web", number: 1)
            let others = [try await world.life("db", number: 1), try await world.life("side", number: 1)]
            for (index, style) in Self.all.enumerated() {
                let before = boottime()
                try style.save("\(world.services)/web.yaml", text(index + 2))
                web = try await world.life("web", number: index + 2)
                #expect(web.began > before, "\(style)")
                try await eventually("\(style): all of it is done") { try await world.run("diff").code == 0 }
                #expect(try await world.life("app").began > web.began, "\(style)")
                #expect(world.lives("web").count == index + 2, "\(style): once")
                #expect(world.lives("app").count == index + 2, "\(style): once")
                #expect([try await world.life("db", number: 1), try await world.life("side", number: 1)] == others)
            }
            let names = try await world.run("status", "-o", "json").json["services"] as? [[String: Any]]
            #expect(names?.compactMap { $0["name"] as? String } == ["app", "db", "side", "web"], "no ghosts")
            // While the file is away, what requires it has a mistake, and the set stands as it was.
            let errors = try await world.events().filter { event in
                let text = event["text"] as? String ?? ""
                return event["level"] as? String == "error" && !text.contains("which is no declared service")
            }
            #expect(errors.isEmpty, "\(errors.compactMap { $0["text"] })")
        }
    }

    @Test("MF-1: what crashed editors and tools leave behind is no manifest")
    func leftovers() async throws {
        try await World.with { world in
            try world.declare("web")
            _ = try world.watch()
            let web = try await world.life("web", number: 1)
            let ghost = world.manifest("ghost", [], [.process()])
            let names = [
                ".web.yaml.swp", ".web.yaml.swo", "web.yaml~", "#web.yaml#", ".#web.yaml", "web.yaml.~1~", "4913",
                "web.yaml.swp", "web.yaml.tmp", "web.yaml.bak", "web.yaml.orig", "web.yaml.rej", "web.yaml.save",
                "web.yaml.rpmsave", "web.yaml.rpmnew", "web.yaml.dpkg-dist", "web.yaml.dpkg-old", "web.yaml;5f3a2b1c",
                "web.yaml.lock", "sedAbC123", ".ansible_tmpxyzghost.yaml", ".goutputstream-Q1W2E3",
                "web.yaml___jb_tmp___", ".syncthing.ghost.yaml.tmp", ".chef-ghost20260101-1.yaml", "ghost.yaml.part",
                ".git/ghost.yaml", ".web.yaml.un~", "old.bak/ghost.yaml", "old~/ghost.yaml", ".old/ghost.yaml",
            ]
            for name in names {
                let path = "\(world.services)/\(name)"
                mkdir(Self.folder(path), 0o700)
                try Self.put(path, ghost)
            }
            // And a link that leads out, a pipe, a folder with a manifest's name.
            try Self.put(world.root + "/outside.yaml", ghost)
            symlink("../outside.yaml", "\(world.services)/ghost.yaml")
            mkfifo("\(world.services)/pipe.yaml", 0o600)
            mkdir("\(world.services)/folder.yaml", 0o700)
            // Once this is there, all before it has been looked at.
            try world.declare("more")
            _ = try await world.life("more", number: 1)
            #expect(world.lives("ghost").isEmpty)
            #expect(try await world.life("web", number: 1) == web)
            try await world.expectNoDifference()
            #expect(try await world.run("validate").code == 0)
        }
    }

    @Test(
        "MF-2: a file that is written line by line is not believed before it is whole, though each part of it is good"
    )
    func lineByLine() async throws {
        try await World.with { world in
            try world.declare("db")
            _ = try world.watch()
            _ = try await world.life("db", number: 1)
            let whole = world.manifest("web", ["generation: 1"], (0..<4).map { .process(name: "part\($0)") })
            let lines = whole.split(separator: "\n", omittingEmptySubsequences: false)
            let file = open("\(world.services)/web.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(file) }
            var good = 0
            for (index, line) in lines.enumerated() {
                let bytes = Array((index == 0 ? "" : "\n").utf8) + Array(line.utf8)
                try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
                let part = try await world.run("validate")
                if part.code == 0, index + 2 < lines.count { good += 1 }
                // Longer than it takes to believe a file that is quiet: this wait is the fault itself.
                try await Task.sleep(for: .milliseconds(350))
                #expect(world.lives("web", "part0").isEmpty, "line \(index)")
            }
            #expect(good >= 3, "parts of it are good")
            close(file)
            for part in 0..<4 { _ = try await world.life("web", "part\(part)", number: 1) }
            try await world.expectNoDifference()
            #expect(try await world.run("history").out.split(separator: "\n").count == 3, "a header and two revisions")
        }
    }

    @Test("MF-2: when more changes than the kernel can tell, all of them are found")
    func overflow() async throws {
        try await World.with { world in
            try world.declare("web")
            try world.declare("db")
            let watch = try world.watch()
            _ = try await world.life("web", number: 1)
            _ = try await world.life("db", number: 1)
            #expect(kill(watch.pid, SIGSTOP) == 0)
            let queue =
                Int(world.text("/proc/sys/fs/inotify/max_queued_events").trimmingCharacters(in: .newlines)) ?? 16384
            // The same event twice in a row counts once.
            for name in ["x.yaml", "y.yaml"] { try Self.put("\(world.services)/\(name)", "") }
            for _ in 0...(queue / 4) {
                for name in ["x.yaml", "y.yaml"] {
                    utimensat(AT_FDCWD, "\(world.services)/\(name)", nil, 0)
                    chmod("\(world.services)/\(name)", 0o640)
                }
            }
            try world.declare("web", "generation: 1")
            try world.declare("more")
            #expect(kill(watch.pid, SIGCONT) == 0)
            _ = try await world.life("web", number: 2)
            _ = try await world.life("more", number: 1)
            try await eventually("all of it is done") { try await world.run("diff").code == 0 }
            #expect(world.lives("db").count == 1)
        }
    }

    @Test("MF-2: links that are moved on in one step, as Kubernetes does with its volumes, and above the directory")
    func links() async throws {
        try await World.with { world in
            func text(_ generation: Int) -> String {
                world.manifest("web", ["generation: \(generation)"], [.process()])
            }
            func publish(_ number: Int) throws {
                let folder = "\(world.services)/..2026_\(number)"
                mkdir(folder, 0o755)
                try Self.put(folder + "/web.yaml", text(number))
                symlink("..2026_\(number)", "\(world.services)/..data_tmp")
                try Self.move("\(world.services)/..data_tmp", "\(world.services)/..data")
            }
            try publish(1)
            symlink("..data/web.yaml", "\(world.services)/web.yaml")
            _ = try world.watch()
            _ = try await world.life("web", number: 1)
            for number in 2...3 {
                try publish(number)
                // Sooner than the safety net of half a minute.
                _ = try await world.life("web", number: number)
                try FileManager.default.removeItem(atPath: "\(world.services)/..2026_\(number - 1)")
            }
            try await world.expectNoDifference()
        }
        try await World.with { world in
            func release(_ number: Int) throws {
                let folder = "\(world.root)/releases/\(number)/services.d"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Self.put(folder + "/web.yaml", world.manifest("web", ["generation: \(number)"], [.process()]))
                symlink("releases/\(number)", world.root + "/next")
                try Self.move(world.root + "/next", world.root + "/current")
            }
            try release(1)
            let watch = try world.start(["reconcile", "--watch", "--dir", world.root + "/current/services.d"])
            _ = try await world.life("web", number: 1)
            try release(2)
            _ = try await world.life("web", number: 2)
            kill(watch.pid, SIGTERM)
            #expect(try await world.code(of: watch) == 0)
        }
    }

    /// Whether we may make a user namespace in which nobody may watch files.
    private static let canForbid = shell(SaveStyleTests.forbidden + "true") == 0
    private static let forbidden =
        "unshare --user --map-root-user sh -ec 'echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\"' sh "

    @Test(
        "MF-2: without inotify a change is found all the same, by looking every half a minute",
        .enabled(if: TestSettings.isLong, "takes half a minute: HP_TORTURE"),
        .enabled(if: SaveStyleTests.canForbid, "needs user namespaces")
    )
    func withoutInotify() async throws {
        try await World.with { world in
            try world.declare("web")
            let words = ["unshare", "--user", "--map-root-user", "sh", "-ec"]
            let script = "echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\""
            let watch = try world.start(["reconcile", "--watch", "--down-on-exit"], through: words + [script, "sh"])
            _ = try await world.life("web", number: 1)
            try world.declare("web", "generation: 1")
            try await eventually("it is found", within: 40) { world.lives("web").count == 2 }
            kill(watch.pid, SIGTERM)
            #expect(try await world.code(of: watch) == 0)
        }
    }
}

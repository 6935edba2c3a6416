import Foundation
import Glibc
import Testing

/// The ways in which editors and tools save a file (reliability.md MF-1, MF-2).
@Suite("Saving manifests", .serialized)
struct ManifestSaveTests {
    /// One way to replace the text of a file.
    struct SaveMethod: Sendable, CustomTestStringConvertible {
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
    private static func writeFile(_ path: String, _ text: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(file >= 0, "\(path)")
        defer { close(file) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
    }

    private static func move(_ from: String, _ to: String) throws { try #require(rename(from, to) == 0, "\(from)") }

    private static func directory(_ file: String) -> String {
        URL(fileURLWithPath: file).deletingLastPathComponent().path
    }

    private static func sibling(_ file: String, _ name: String) -> String { directory(file) + "/" + name }

    /// The calls of the tools, as strace(1) shows them.
    private static let systemCalls: [SaveMethod] = [
        SaveMethod("vim backupcopy=no") { file, text in
            try writeFile(sibling(file, "4913"), "")
            unlink(sibling(file, "4913"))
            try writeFile(sibling(file, ".web.yaml.swp"), "b0VIM")
            try move(file, file + "~")
            try writeFile(file, text)
            unlink(file + "~")
            unlink(sibling(file, ".web.yaml.swp"))
        },
        SaveMethod("vim backupcopy=yes") { file, text in
            try writeFile(file + "~", text)
            try writeFile(file, text)
            unlink(file + "~")
        },
        SaveMethod("vim backupcopy=auto, backup kept") { file, text in
            try writeFile(sibling(file, "4913"), "")
            unlink(sibling(file, "4913"))
            try move(file, file + "~")
            try writeFile(file, text)
        },
        SaveMethod("emacs") { file, text in
            symlink("someone@host.4711:1", sibling(file, ".#web.yaml"))
            try writeFile(sibling(file, "#web.yaml#"), "half of a te")
            try move(file, file + "~")
            try writeFile(file, text)
            unlink(sibling(file, "#web.yaml#"))
            unlink(sibling(file, ".#web.yaml"))
        },
        SaveMethod("nano with a backup") { file, text in
            try writeFile(file + ".save", "kind: Service\nname: ghost\n")
            try writeFile(file, text)
        },
        SaveMethod("gedit") { file, text in
            try writeFile(sibling(file, ".goutputstream-ABC123"), text)
            try move(sibling(file, ".goutputstream-ABC123"), file)
        },
        SaveMethod("JetBrains") { file, text in
            try writeFile(file + "___jb_tmp___", text)
            try move(file, file + "___jb_old___")
            try move(file + "___jb_tmp___", file)
            unlink(file + "___jb_old___")
        },
        SaveMethod("rsync") { file, text in
            try writeFile(sibling(file, ".web.yaml.Xa1B2c"), text)
            try move(sibling(file, ".web.yaml.Xa1B2c"), file)
        },
        SaveMethod("rsync --inplace") { file, text in
            let number = open(file, O_WRONLY | O_CLOEXEC)
            try #require(number >= 0)
            defer { close(number) }
            for (index, byte) in text.utf8.enumerated() {
                try #require(pwrite(number, [byte], 1, off_t(index)) == 1)
            }
            ftruncate(number, off_t(text.utf8.count))
        },
        SaveMethod("ansible") { file, text in
            try writeFile(sibling(file, ".ansible_tmpk3j2web.yaml"), text)
            try move(sibling(file, ".ansible_tmpk3j2web.yaml"), file)
        },
        SaveMethod("salt") { file, text in
            try writeFile(sibling(file, "__salt.tmp.x7d2"), text)
            try move(sibling(file, "__salt.tmp.x7d2"), file)
        },
        SaveMethod("dpkg") { file, text in
            try writeFile(file + ".dpkg-new", text)
            link(file, file + ".dpkg-tmp")
            try move(file + ".dpkg-new", file)
            unlink(file + ".dpkg-tmp")
        },
        SaveMethod("a hard link as backup, then in place") { file, text in
            try writeFile(file + ".bak", text)
            try writeFile(file, text)
        },
        SaveMethod("removed, and written anew a second later") { file, text in
            unlink(file)
            usleep(1_000_000)
            try writeFile(file, text)
        },
        SaveMethod("emptied, and written a second later") { file, text in
            let number = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC)
            try #require(number >= 0)
            defer { close(number) }
            usleep(1_000_000)
            let bytes = Array(text.utf8)
            try #require(Glibc.write(number, bytes, bytes.count) == bytes.count)
        },
        SaveMethod("emptied and closed, and written a second later") { file, text in
            try writeFile(file, "")
            usleep(1_000_000)
            try writeFile(file, text)
        },
    ]

    /// The tools themselves, where they are installed.
    private static let tools: [SaveMethod] = [
        SaveMethod("cp") { file, text in
            try writeFile("\(directory(file))/../new", text)
            #expect(runShell("cp '\(directory(file))/../new' '\(file)'") == 0)
        },
        SaveMethod("mv") { file, text in
            try writeFile("\(directory(file))/../new", text)
            #expect(runShell("mv '\(directory(file))/../new' '\(file)'") == 0)
        },
        SaveMethod("sed -i") { file, text in
            let generation = text.firstMatch(of: /generation: \d+/).map { String($0.0) } ?? ""
            #expect(runShell("sed -i 's/generation: .*/\(generation)/' '\(file)'") == 0)
        },
        SaveMethod("patch") { file, text in
            try writeFile("\(directory(file))/../new", text)
            #expect(runShell("cd '\(directory(file))' && diff -u web.yaml ../new | patch -s web.yaml") == 0)
        },
        SaveMethod("vim") { file, text in
            let generation = text.firstMatch(of: /generation: \d+/).map { String($0.0) } ?? ""
            #expect(runShell("vim -u NONE -es -c '%s/generation: .*/\(generation)/' -c wq '\(file)'") == 0)
        },
        SaveMethod("git checkout") { file, text in
            try writeFile(file, text)
            let git = "git -c user.name=a -c user.email=a@b -C '\(directory(file))'"
            #expect(
                runShell(
                    "\(git) init -q && \(git) add -A && \(git) commit -qm new && \(git) rm -rq --cached . && rm -rf '\(directory(file))/.git'"
                ) == 0
            )
        },
    ]

    private static let all =
        systemCalls
        + tools.filter { style in
            runShell("command -v \(style.name.split(separator: " ").first ?? "") && command -v diff") == 0
        }

    @Test("MF-1, MF-2: however a file is saved, the change is live once, and nobody else is touched")
    func everySaveMethod() async throws {
        try await TestHost.with { world in
            func text(_ generation: Int) -> String {
                world.manifest("web", ["requires: [db]", "generation: \(generation)"], [.process()])
            }
            try world.declare("db")
            try Self.writeFile("\(world.servicesDirectory)/web.yaml", text(1))
            try world.declare("app", "requires: [web]")
            try world.declare("side")
            _ = try world.startReconciler()
            var web = try await world.runningInstance("web", number: 1)
            let others = [
                try await world.runningInstance("db", number: 1), try await world.runningInstance("side", number: 1),
            ]
            for (index, style) in Self.all.enumerated() {
                let before = bootTime()
                try style.save("\(world.servicesDirectory)/web.yaml", text(index + 2))
                web = try await world.runningInstance("web", number: index + 2)
                #expect(web.startedAt > before, "\(style)")
                try await eventually("\(style): all of it is done") { try await world.run("diff").exitCode == 0 }
                #expect(try await world.runningInstance("app").startedAt > web.startedAt, "\(style)")
                #expect(world.instances("web").count == index + 2, "\(style): once")
                #expect(world.instances("app").count == index + 2, "\(style): once")
                #expect(
                    [
                        try await world.runningInstance("db", number: 1),
                        try await world.runningInstance("side", number: 1),
                    ] == others
                )
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
    func leftoverFilesAreIgnored() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            _ = try world.startReconciler()
            let web = try await world.runningInstance("web", number: 1)
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
                let path = "\(world.servicesDirectory)/\(name)"
                mkdir(Self.directory(path), 0o700)
                try Self.writeFile(path, ghost)
            }
            // And a link that leads out, a pipe, a folder with a manifest's name.
            try Self.writeFile(world.root + "/outside.yaml", ghost)
            symlink("../outside.yaml", "\(world.servicesDirectory)/ghost.yaml")
            mkfifo("\(world.servicesDirectory)/pipe.yaml", 0o600)
            mkdir("\(world.servicesDirectory)/folder.yaml", 0o700)
            // Once this is there, all before it has been looked at.
            try world.declare("more")
            _ = try await world.runningInstance("more", number: 1)
            #expect(world.instances("ghost").isEmpty)
            #expect(try await world.runningInstance("web", number: 1) == web)
            try await world.expectEmptyDiff()
            #expect(try await world.run("validate").exitCode == 0)
        }
    }

    @Test(
        "MF-2: a file that is written line by line is not believed before it is whole, though each part of it is good"
    )
    func fileWrittenLineByLine() async throws {
        try await TestHost.with { world in
            try world.declare("db")
            _ = try world.startReconciler()
            _ = try await world.runningInstance("db", number: 1)
            let whole = world.manifest("web", ["generation: 1"], (0..<4).map { .process(name: "part\($0)") })
            let lines = whole.split(separator: "\n", omittingEmptySubsequences: false)
            let file = open("\(world.servicesDirectory)/web.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(file) }
            var good = 0
            for (index, line) in lines.enumerated() {
                let bytes = Array((index == 0 ? "" : "\n").utf8) + Array(line.utf8)
                try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
                let part = try await world.run("validate")
                if part.exitCode == 0, index + 2 < lines.count { good += 1 }
                // Longer than it takes to believe a file that is quiet: this wait is the fault itself.
                try await Task.sleep(for: .milliseconds(350))
                #expect(world.instances("web", "part0").isEmpty, "line \(index)")
            }
            #expect(good >= 3, "parts of it are good")
            close(file)
            for part in 0..<4 { _ = try await world.runningInstance("web", "part\(part)", number: 1) }
            try await world.expectEmptyDiff()
            #expect(
                try await world.run("history").output.split(separator: "\n").count == 3,
                "a header and two revisions"
            )
        }
    }

    @Test("MF-2: when more changes than the kernel can tell, all of them are found")
    func inotifyOverflow() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try world.declare("db")
            let watch = try world.startReconciler()
            _ = try await world.runningInstance("web", number: 1)
            _ = try await world.runningInstance("db", number: 1)
            #expect(kill(watch.pid, SIGSTOP) == 0)
            let queue =
                Int(world.readText("/proc/sys/fs/inotify/max_queued_events").trimmingCharacters(in: .newlines)) ?? 16384
            // The same event twice in a row counts once.
            for name in ["x.yaml", "y.yaml"] { try Self.writeFile("\(world.servicesDirectory)/\(name)", "") }
            for _ in 0...(queue / 4) {
                for name in ["x.yaml", "y.yaml"] {
                    utimensat(AT_FDCWD, "\(world.servicesDirectory)/\(name)", nil, 0)
                    chmod("\(world.servicesDirectory)/\(name)", 0o640)
                }
            }
            try world.declare("web", "generation: 1")
            try world.declare("more")
            #expect(kill(watch.pid, SIGCONT) == 0)
            _ = try await world.runningInstance("web", number: 2)
            _ = try await world.runningInstance("more", number: 1)
            try await eventually("all of it is done") { try await world.run("diff").exitCode == 0 }
            #expect(world.instances("db").count == 1)
        }
    }

    @Test("MF-2: links that are moved on in one step, as Kubernetes does with its volumes, and above the directory")
    func movedLinks() async throws {
        try await TestHost.with { world in
            func text(_ generation: Int) -> String {
                world.manifest("web", ["generation: \(generation)"], [.process()])
            }
            func publish(_ number: Int) throws {
                let folder = "\(world.servicesDirectory)/..2026_\(number)"
                mkdir(folder, 0o755)
                try Self.writeFile(folder + "/web.yaml", text(number))
                symlink("..2026_\(number)", "\(world.servicesDirectory)/..data_tmp")
                try Self.move("\(world.servicesDirectory)/..data_tmp", "\(world.servicesDirectory)/..data")
            }
            try publish(1)
            symlink("..data/web.yaml", "\(world.servicesDirectory)/web.yaml")
            _ = try world.startReconciler()
            _ = try await world.runningInstance("web", number: 1)
            for number in 2...3 {
                try publish(number)
                // Sooner than the safety net of half a minute.
                _ = try await world.runningInstance("web", number: number)
                try FileManager.default.removeItem(atPath: "\(world.servicesDirectory)/..2026_\(number - 1)")
            }
            try await world.expectEmptyDiff()
        }
        try await TestHost.with { world in
            func release(_ number: Int) throws {
                let folder = "\(world.root)/releases/\(number)/services.d"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Self.writeFile(folder + "/web.yaml", world.manifest("web", ["generation: \(number)"], [.process()]))
                symlink("releases/\(number)", world.root + "/next")
                try Self.move(world.root + "/next", world.root + "/current")
            }
            try release(1)
            let watch = try world.start(["reconcile", "--watch", "--dir", world.root + "/current/services.d"])
            _ = try await world.runningInstance("web", number: 1)
            try release(2)
            _ = try await world.runningInstance("web", number: 2)
            kill(watch.pid, SIGTERM)
            #expect(try await world.exitCode(of: watch) == 0)
        }
    }

    /// Whether we may make a user namespace in which nobody may watch files.
    private static let canDisableInotify = runShell(ManifestSaveTests.inotifyDisabledCommand + "true") == 0
    private static let inotifyDisabledCommand =
        "unshare --user --map-root-user sh -ec 'echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\"' sh "

    @Test(
        "MF-2: without inotify a change is found all the same, by looking every half a minute",
        .enabled(if: TestSettings.isLong, "takes half a minute: HP_TORTURE"),
        .enabled(if: ManifestSaveTests.canDisableInotify, "needs user namespaces")
    )
    func withoutInotify() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let words = ["unshare", "--user", "--map-root-user", "sh", "-ec"]
            let script = "echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\""
            let watch = try world.start(["reconcile", "--watch", "--down-on-exit"], through: words + [script, "sh"])
            _ = try await world.runningInstance("web", number: 1)
            try world.declare("web", "generation: 1")
            try await eventually("it is found", within: 40) { world.instances("web").count == 2 }
            kill(watch.pid, SIGTERM)
            #expect(try await world.exitCode(of: watch) == 0)
        }
    }
}

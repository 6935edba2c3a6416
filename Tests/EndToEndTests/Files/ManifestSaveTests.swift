import Foundation
import Glibc
import Testing

/// How editors and tools save files (guarantees MF-1, MF-2).
@Suite("Saving manifests", .serialized)
struct ManifestSaveTests {
    @Test("Every way to save a file applies the change once (MF-1, MF-2)")
    func everySaveMethod() async throws {
        try await TestHost.with { host in
            func text(_ generation: Int) -> String {
                host.manifest("web", ["requires: [db]", "generation: \(generation)"], [.process()])
            }
            try host.declare("db")
            try Self.writeFile("\(host.servicesDirectory)/web.yaml", text(1))
            try host.declare("app", "requires: [web]")
            try host.declare("side")
            _ = try host.startReconciler()
            var web = try await host.runningInstance("web", number: 1)
            let others = [
                try await host.runningInstance("db", number: 1), try await host.runningInstance("side", number: 1),
            ]
            for (index, method) in Self.all.enumerated() {
                let before = bootTime()
                try method.save("\(host.servicesDirectory)/web.yaml", text(index + 2))
                web = try await host.runningInstance("web", number: index + 2)
                #expect(web.startedAt > before, "\(method)")
                try await eventually("\(method): all changes are applied") { try await host.run("diff").exitCode == 0 }
                #expect(try await host.runningInstance("app").startedAt > web.startedAt, "\(method)")
                #expect(host.instances("web").count == index + 2, "\(method): once")
                #expect(host.instances("app").count == index + 2, "\(method): once")
                #expect(
                    [
                        try await host.runningInstance("db", number: 1),
                        try await host.runningInstance("side", number: 1),
                    ] == others
                )
            }
            let names = try await host.run("status", "-o", "json").json["services"] as? [[String: Any]]
            #expect(
                names?.compactMap { $0["name"] as? String } == ["app", "db", "side", "web"],
                "no additional services"
            )
            // While the file is missing, its dependents are invalid, and the last valid set stays.
            let errors = try await host.events().filter { event in
                let text = event["text"] as? String ?? ""
                return event["level"] as? String == "error" && !text.contains("which is not a declared service")
            }
            #expect(errors.isEmpty, "\(errors.compactMap { $0["text"] })")
        }
    }

    @Test("Leftover files of editors and tools are no manifests (MF-1)")
    func leftoverFilesAreIgnored() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            _ = try host.startReconciler()
            let web = try await host.runningInstance("web", number: 1)
            let ghost = host.manifest("ghost", [], [.process()])
            let names = [
                ".web.yaml.swp", ".web.yaml.swo", "web.yaml~", "#web.yaml#", ".#web.yaml", "web.yaml.~1~", "4913",
                "web.yaml.swp", "web.yaml.tmp", "web.yaml.bak", "web.yaml.orig", "web.yaml.rej", "web.yaml.save",
                "web.yaml.rpmsave", "web.yaml.rpmnew", "web.yaml.dpkg-dist", "web.yaml.dpkg-old", "web.yaml;5f3a2b1c",
                "web.yaml.lock", "sedAbC123", ".ansible_tmpxyzghost.yaml", ".goutputstream-Q1W2E3",
                "web.yaml___jb_tmp___", ".syncthing.ghost.yaml.tmp", ".chef-ghost20260101-1.yaml", "ghost.yaml.part",
                ".git/ghost.yaml", ".web.yaml.un~", "old.bak/ghost.yaml", "old~/ghost.yaml", ".old/ghost.yaml",
            ]
            for name in names {
                let path = "\(host.servicesDirectory)/\(name)"
                mkdir(Self.directory(path), 0o700)
                try Self.writeFile(path, ghost)
            }
            // A link to a file outside, a pipe and a directory with names of manifests.
            try Self.writeFile(host.root + "/outside.yaml", ghost)
            symlink("../outside.yaml", "\(host.servicesDirectory)/ghost.yaml")
            mkfifo("\(host.servicesDirectory)/pipe.yaml", 0o600)
            mkdir("\(host.servicesDirectory)/folder.yaml", 0o700)
            // This change is applied after all earlier changes were read.
            try host.declare("more")
            _ = try await host.runningInstance("more", number: 1)
            #expect(host.instances("ghost").isEmpty)
            #expect(try await host.runningInstance("web", number: 1) == web)
            try await host.expectEmptyDiff()
            #expect(try await host.run("validate").exitCode == 0)
        }
    }

    @Test(
        "A file written line by line is applied only when complete (MF-2)"
    )
    func fileWrittenLineByLine() async throws {
        try await TestHost.with { host in
            try host.declare("db")
            _ = try host.startReconciler()
            _ = try await host.runningInstance("db", number: 1)
            let whole = host.manifest("web", ["generation: 1"], (0..<4).map { .process(name: "part\($0)") })
            let lines = whole.split(separator: "\n", omittingEmptySubsequences: false)
            let file = open("\(host.servicesDirectory)/web.yaml", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(file) }
            var good = 0
            for (index, line) in lines.enumerated() {
                let bytes = Array((index == 0 ? "" : "\n").utf8) + Array(line.utf8)
                try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
                let part = try await host.run("validate")
                if part.exitCode == 0, index + 2 < lines.count { good += 1 }
                // The delay is longer than the quiet time after which a file counts as complete.
                try await Task.sleep(for: .milliseconds(350))
                #expect(host.instances("web", "part0").isEmpty, "line \(index)")
            }
            #expect(good >= 3, "several parts are valid")
            close(file)
            for part in 0..<4 { _ = try await host.runningInstance("web", "part\(part)", number: 1) }
            try await host.expectEmptyDiff()
            #expect(
                try await host.run("history").output.split(separator: "\n").count == 3,
                "a header and two revisions"
            )
        }
    }

    @Test("All changes are found after an inotify queue overflow (MF-2)")
    func inotifyOverflow() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try host.declare("db")
            let watch = try host.startReconciler()
            _ = try await host.runningInstance("web", number: 1)
            _ = try await host.runningInstance("db", number: 1)
            #expect(kill(watch.pid, SIGSTOP) == 0)
            let queue =
                Int(host.readText("/proc/sys/fs/inotify/max_queued_events").trimmingCharacters(in: .newlines)) ?? 16384
            // The kernel merges equal consecutive events.
            for name in ["x.yaml", "y.yaml"] { try Self.writeFile("\(host.servicesDirectory)/\(name)", "") }
            for _ in 0...(queue / 4) {
                for name in ["x.yaml", "y.yaml"] {
                    utimensat(AT_FDCWD, "\(host.servicesDirectory)/\(name)", nil, 0)
                    chmod("\(host.servicesDirectory)/\(name)", 0o640)
                }
            }
            try host.declare("web", "generation: 1")
            try host.declare("more")
            #expect(kill(watch.pid, SIGCONT) == 0)
            _ = try await host.runningInstance("web", number: 2)
            _ = try await host.runningInstance("more", number: 1)
            try await eventually("all changes are applied") { try await host.run("diff").exitCode == 0 }
            #expect(host.instances("db").count == 1)
        }
    }

    @Test("Atomically moved links to manifests are followed (MF-2)")
    func movedLinks() async throws {
        try await TestHost.with { host in
            func text(_ generation: Int) -> String {
                host.manifest("web", ["generation: \(generation)"], [.process()])
            }
            func publish(_ number: Int) throws {
                let directory = "\(host.servicesDirectory)/..2026_\(number)"
                mkdir(directory, 0o755)
                try Self.writeFile(directory + "/web.yaml", text(number))
                symlink("..2026_\(number)", "\(host.servicesDirectory)/..data_tmp")
                try Self.move("\(host.servicesDirectory)/..data_tmp", "\(host.servicesDirectory)/..data")
            }
            try publish(1)
            symlink("..data/web.yaml", "\(host.servicesDirectory)/web.yaml")
            _ = try host.startReconciler()
            _ = try await host.runningInstance("web", number: 1)
            for number in 2...3 {
                try publish(number)
                // The change is found before the periodic check of half a minute.
                _ = try await host.runningInstance("web", number: number)
                try FileManager.default.removeItem(atPath: "\(host.servicesDirectory)/..2026_\(number - 1)")
            }
            try await host.expectEmptyDiff()
        }
        try await TestHost.with { host in
            func release(_ number: Int) throws {
                let directory = "\(host.root)/releases/\(number)/services.d"
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                try Self.writeFile(
                    directory + "/web.yaml",
                    host.manifest("web", ["generation: \(number)"], [.process()])
                )
                symlink("releases/\(number)", host.root + "/next")
                try Self.move(host.root + "/next", host.root + "/current")
            }
            try release(1)
            let watch = try host.start(["reconcile", "--watch", "--dir", host.root + "/current/services.d"])
            _ = try await host.runningInstance("web", number: 1)
            try release(2)
            _ = try await host.runningInstance("web", number: 2)
            kill(watch.pid, SIGTERM)
            #expect(try await host.exitCode(of: watch) == 0)
        }
    }

    /// Whether the test may create a user namespace without inotify.
    private static let canDisableInotify = runShell(ManifestSaveTests.inotifyDisabledCommand + "true") == 0
    private static let inotifyDisabledCommand =
        "unshare --user --map-root-user sh -ec 'echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\"' sh "

    @Test(
        "Without inotify a change is found within half a minute (MF-2)",
        .enabled(if: TestSettings.isLong, "takes half a minute (HP_TORTURE)"),
        .enabled(if: ManifestSaveTests.canDisableInotify, "needs user namespaces")
    )
    func withoutInotify() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let command = ["unshare", "--user", "--map-root-user", "sh", "-ec"]
            let script = "echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\""
            let watch = try host.start(["reconcile", "--watch", "--down-on-exit"], through: command + [script, "sh"])
            _ = try await host.runningInstance("web", number: 1)
            try host.declare("web", "generation: 1")
            try await eventually("the change is applied", within: 40) { host.instances("web").count == 2 }
            kill(watch.pid, SIGTERM)
            #expect(try await host.exitCode(of: watch) == 0)
        }
    }
}

import Foundation
import GRDB
import Glibc
import HeroLinux
import HeroModel
import Testing

private let isRoot = geteuid() == 0

/// Many at one time: reconcilers, and people who apply (reliability.md LK-1 to LK-5).
@Suite("Many at one time", .serialized)
struct ConcurrencyTests {
    /// How many reconcilers begin at one time: a hundred, five times, in the long form.
    private static let (startCount, roundCount) = (
        TestSettings.cycles(20, share: 10), TestSettings.cycles(2, share: 200)
    )

    /// Names, sizes and times of all in the state directory and in the run directory.
    private func listing(_ world: TestHost) throws -> [String] {
        try [world.stateDirectory, world.paths.run].flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: folder).map { name in
                var file = stat()
                lstat("\(folder)/\(name)", &file)
                return "\(folder)/\(name) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)"
            }
        }.sorted()
    }

    /// Expects that a reconciler leaves, and that what it says is all that it ever wrote, anywhere.
    private func expectRefusal(_ running: TestHost.RunningCommand, _ world: TestHost) async throws {
        try await eventually("\(running.pid) leaves", within: 90) { !isAlive(running.pid) }
        // The kernel tells of the dead, too, until somebody waits for them; where it keeps no such account, it is empty.
        let account = world.readText("/proc/\(running.pid)/io").split(separator: "\n").first { $0.hasPrefix("wchar: ") }
        #expect(try await world.exitCode(of: running) == 2)
        let (out, err) = (world.readText(running.outputPath), world.readText(running.errorPath))
        #expect(err.contains("cannot reconcile"), "\(err)")
        if let account { #expect(account == "wchar: \(out.utf8.count + err.utf8.count)", "\(out)\(err)") }
        for path in [running.outputPath, running.errorPath] { unlink(path) }
    }

    @Test(
        "LK-1: of many that start at once exactly one stays, also after kill -9 of the last one; whoever leaves has written nothing"
    )
    func simultaneousReconcilers() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            var refused = 0
            for round in 1...Self.roundCount {
                let running = try (0..<Self.startCount).map { _ in try world.startReconciler() }
                let web = try await world.runningInstance("web", number: 1)
                try await eventually("one is it") { world.reconcilerPID != nil }
                let winner = try #require(world.reconcilerPID)
                #expect(running.contains { $0.pid == winner })
                for other in running where other.pid != winner { try await expectRefusal(other, world) }

                // One that does not move holds its lock all the same, and nothing that it has changes.
                try await eventually("it stands") { try await world.run("status").exitCode == 0 }
                #expect(kill(winner, SIGSTOP) == 0)
                let before = try listing(world)
                let late = try (0..<Self.startCount).map { _ in try world.startReconciler() }
                for other in late {
                    try await eventually("it leaves", within: 90) { !isAlive(other.pid) }
                    #expect(
                        world.readText(other.errorPath).contains("pid \(winner)"),
                        "\(world.readText(other.errorPath))"
                    )
                    try await expectRefusal(other, world)
                }
                #expect(try listing(world) == before)
                #expect(kill(winner, SIGCONT) == 0)
                #expect(try await world.runningInstance("web", number: 1) == web)
                refused += running.count + late.count - 1
                guard round < Self.roundCount else { break }
                #expect(kill(winner, SIGKILL) == 0)
                let last = try #require(running.first { $0.pid == winner })
                #expect(try await world.exitCode(of: last) == 137)
            }
            let cycles = Self.roundCount * Self.startCount
            TestSettings.reportRow([
                "row": "LK-1 starts", "cycles": "\(cycles)", "verdict": "\(refused) refused, wrote nothing",
            ])
        }
    }

    @Test(
        "LK-1: lock files that are deleted while they are held make no second reconciler: one of them, the other, both"
    )
    func deletedLockFiles() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let first = try world.startReconciler()
            let web = try await world.runningInstance("web")
            let (state, run) = (world.paths.reconcilerLock, world.paths.runLock)
            for deleted in [[state], [run], [state, run]] {
                for path in deleted { unlink(path) }
                let answer = try await world.run("reconcile", "--watch")
                #expect(answer.exitCode == 2, "\(answer.errorOutput)")
                #expect(isAlive(first.pid))
            }
            #expect(try await world.runningInstance("web", number: 1) == web)
            // Nobody finds it any more by its locks; it ends when it is told to, and the next one takes over.
            kill(first.pid, SIGTERM)
            #expect(try await world.exitCode(of: first) == 0)
            try await world.apply()
            #expect(try await world.runningInstance("web", number: 1) == web)
        }
    }

    @Test("LK-1: a state directory is one, by whatever name it is reached")
    func aliasesOfTheStateDirectory() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let first = try world.startReconciler()
            _ = try await world.runningInstance("web")
            let link = world.root + "/link"
            try #require(symlink(world.stateDirectory, link) == 0)
            for name in [link, world.root + "/./services.d/../state", world.stateDirectory + "/"] {
                let answer = try await world.run("reconcile", "--watch", "--state", name)
                #expect(answer.exitCode == 2)
                #expect(answer.errorOutput.contains("pid \(first.pid)"), "\(answer.errorOutput)")
            }
        }
    }

    @Test(
        "LK-1: nor does another mount, or another pid namespace, give it a second one",
        .enabled(if: isRoot, "needs root")
    )
    func otherNamespaces() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let first = try world.startReconciler()
            let web = try await world.runningInstance("web")
            mkdir(world.root + "/bound", 0o700)
            let mounted = try await world.run(
                ["reconcile", "--watch", "--state", world.root + "/bound"],
                through: [
                    "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"",
                    world.stateDirectory,
                    world.root + "/bound",
                ]
            )
            #expect(mounted.exitCode == 2, "\(mounted.errorOutput)")
            let inside = try await world.run(
                ["reconcile", "--watch"],
                through: ["unshare", "--pid", "--fork", "--mount-proc"]
            )
            #expect(inside.exitCode == 2, "\(inside.errorOutput)")
            #expect(isAlive(first.pid))
            #expect(try await world.runningInstance("web", number: 1) == web)
        }
    }

    /// One apply of one client, as it was accepted.
    private struct AcceptedApply: Sendable {
        let client: Int
        let number: Int
        var revision: Int?
        var wasCarriedOut = false
        /// What is in the files of this apply and of no other.
        var label: String { "client: \"\(client)-\(number)\"" }
    }

    /// Lets a client apply what nobody else wants.
    private func apply(_ client: Int, _ time: Int, _ world: TestHost) async throws -> AcceptedApply {
        var apply = AcceptedApply(client: client, number: time)
        let folder = world.root + "/client\(client)"
        mkdir(folder, 0o700)
        let text =
            world.manifest("web", ["labels: {\(apply.label)}"], [.process()])
            + "---\n" + world.manifest("own\(client)", ["status: stop"], [.process()])
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/all.yaml"))
        let answer = try await world.run("apply", "--dir", folder, "-o", "json", "--timeout", "60s")
        // Whoever was overtaken before the work was done is told so; nobody is refused or forgotten.
        let isOvertaken = answer.output.contains("another revision was applied before this one was carried out")
        #expect(answer.exitCode == (isOvertaken ? 1 : 0), "\(apply.label): \(answer.output)\(answer.errorOutput)")
        (apply.revision, apply.wasCarriedOut) = (answer.json["revision"] as? Int, !isOvertaken)
        return apply
    }

    @Test(
        "LK-3: clients that apply what contradicts itself are served one after the other, and the last one accepted stands"
    )
    func conflictingApplies() async throws {
        try await TestHost.with { world in
            // A reconciler of our own that keeps whatever is applied last.
            try world.declare("web")
            try await world.apply()
            // Fifty clients with twenty applies each, in the long form.
            let (clients, times) = (TestSettings.cycles(5, share: 20), TestSettings.cycles(4, share: 50))
            let applies = try await withThrowingTaskGroup(of: [AcceptedApply].self) { group in
                for client in 1...clients {
                    group.addTask {
                        var own: [AcceptedApply] = []
                        for time in 1...times { own.append(try await self.apply(client, time, world)) }
                        return own
                    }
                }
                return try await group.reduce(into: [AcceptedApply]()) { $0 += $1 }
            }
            // No two had the same revision, none was lost, and they follow each other without a gap.
            let count = clients * times
            let accepted = applies.sorted { $0.revision ?? 0 < $1.revision ?? 0 }
            #expect(accepted.map(\.revision) == Array(2..<(2 + count)))
            // Each client's own are in the order in which it made them.
            for client in 1...clients {
                #expect(accepted.filter { $0.client == client }.map(\.number) == Array(1...times))
            }
            try expectOrderedEvents(accepted, try await world.events())
            try expectStoredFiles(accepted, world)
            let last = try #require(accepted.last)
            #expect(last.wasCarriedOut)
            let stands = try await world.run("diff", "--dir", world.root + "/client\(last.client)")
            #expect(stands.exitCode == 0, "\(stands.output)")
            // A label restarts nobody.
            #expect(world.instances("web").count == 1)
            let carriedOut = accepted.filter(\.wasCarriedOut).count
            TestSettings.reportRow([
                "row": "LK-3 applies", "cycles": "\(count)", "verdict": "0 lost, \(carriedOut) carried out",
            ])
        }
    }

    /// Expects that the events tell of each revision once, in order, and whose it is.
    private func expectOrderedEvents(_ accepted: [AcceptedApply], _ events: [[String: Any]]) throws {
        let told = events.compactMap { event -> (revision: Int, client: Substring, time: String)? in
            let text = event["text"] as? String ?? ""
            let pattern = /revision (\d+) applied from \S*\/client(\d+) by .*/
            guard let match = text.wholeMatch(of: pattern), let revision = Int(match.1) else { return nil }
            return (revision, match.2, event["time"] as? String ?? "")
        }
        #expect(told.map(\.revision) == accepted.compactMap(\.revision))
        #expect(told.map(\.client) == accepted.map { "\($0.client)" })
        // All times are written in one length.
        #expect(told.map(\.time) == told.map(\.time).sorted() && !told.contains { $0.time.isEmpty })
    }

    /// Expects that the files of each revision that is kept are those of whom it was told to.
    private func expectStoredFiles(_ accepted: [AcceptedApply], _ world: TestHost) throws {
        let kept: [Int: Data] = try world.readDatabase { db in
            let sql = "SELECT revision, bytes FROM files JOIN texts ON texts.id = text_id WHERE path LIKE '%all.yaml'"
            let rows = try Row.fetchAll(db, sql: sql).map { ($0["revision"] as Int, $0["bytes"] as Data) }
            return Dictionary(uniqueKeysWithValues: rows)
        }
        #expect(kept.count >= min(accepted.count, 200), "so many are kept")
        for apply in accepted {
            guard let revision = apply.revision, let bytes = kept[revision] else { continue }
            #expect(
                String(decoding: bytes, as: UTF8.self).contains(apply.label),
                "revision \(revision) is \(apply.label)"
            )
        }
    }

    @Test("LK-4: clients that restart one service at the same time leave one instance of it, and every start on record")
    func simultaneousRestarts() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            try await world.apply()
            let rounds = TestSettings.cycles(5, share: 4)
            for round in 1...rounds {
                try world.declare("web", "generation: \(round)")
                let clients = try (0..<4).map { _ in try world.start(["apply", "--timeout", "60s"]) }
                for client in clients {
                    #expect(try await world.exitCode(of: client) == 0, "\(world.readText(client.errorPath))")
                }
            }
            // One life for each generation: never two at once (the oracle would have said so), never one too many.
            let lives = world.instances("web")
            #expect(lives.count == rounds + 1)
            for (one, next) in zip(lives, lives.dropFirst()) { #expect(try #require(one.endedAt) <= next.startedAt) }
            try await world.expectEmptyDiff()
        }
    }

    @Test("LK-5: an apply beside a single pass waits for it, and beside nobody begins a reconciler")
    func applyDuringSinglePass() async throws {
        try await TestHost.with { world in
            try world.declare(
                "slow",
                actions: .process("wait 1500 listen-unix \(world.root)/s", "sockets: [\(world.root)/s]")
            )
            let pass = try world.start(["reconcile"])
            try await eventually("the pass has begun") { ReconcilerLock.holder(world.paths)?.mode == "once" }
            try world.declare("more")
            let apply = try await world.run("apply")
            #expect(apply.exitCode == 0, "\(apply.errorOutput)")
            #expect(try await world.exitCode(of: pass) == 0)
            #expect(world.instances("slow").count == 1 && world.instances("more").count == 1)
            try await world.expectEmptyDiff()
        }
    }
}

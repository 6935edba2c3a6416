import Foundation
import GRDB
import Glibc
import HeroLinux
import HeroModel
import Testing

private let isRoot = geteuid() == 0

/// Simultaneous reconcilers and applies (guarantees LK-1 to LK-5).
@Suite("Concurrent reconcilers and clients", .serialized)
struct ConcurrencyTests {
    /// The number of simultaneous reconcilers and of rounds: a hundred and five in the long form.
    private static let (startCount, roundCount) = (
        TestSettings.cycles(20, share: 10), TestSettings.cycles(2, share: 200)
    )

    /// Names, sizes and times of all files in the state directory and the run directory.
    private func listing(_ host: TestHost) throws -> [String] {
        try [host.stateDirectory, host.paths.run].flatMap { directory in
            try FileManager.default.subpathsOfDirectory(atPath: directory).map { name in
                var file = stat()
                lstat("\(directory)/\(name)", &file)
                return
                    "\(directory)/\(name) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)"
            }
        }.sorted()
    }

    /// Expects that a reconciler exits with 2, and that its messages are the only bytes it wrote to any file.
    private func expectRefusal(_ running: RunningCommand, _ host: TestHost) async throws {
        try await eventually("\(running.pid) leaves", within: 90) { !isAlive(running.pid) }
        // The kernel keeps the counters of a zombie until it is reaped. On kernels without these counters the file is
        // empty.
        let account = host.readText("/proc/\(running.pid)/io").split(separator: "\n").first { $0.hasPrefix("wchar: ") }
        #expect(try await host.exitCode(of: running) == 2)
        let (out, err) = (host.readText(running.outputPath), host.readText(running.errorPath))
        #expect(err.contains("cannot reconcile"), "\(err)")
        if let account { #expect(account == "wchar: \(out.utf8.count + err.utf8.count)", "\(out)\(err)") }
        for path in [running.outputPath, running.errorPath] { unlink(path) }
    }

    @Test(
        "Of many simultaneous reconcilers one remains, the others write nothing (LK-1)"
    )
    func simultaneousReconcilers() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            var refused = 0
            for round in 1...Self.roundCount {
                let running = try (0..<Self.startCount).map { _ in try host.startReconciler() }
                let web = try await host.runningInstance("web", number: 1)
                try await eventually("one reconciler remains") { host.reconcilerPID != nil }
                let winner = try #require(host.reconcilerPID)
                #expect(running.contains { $0.pid == winner })
                for other in running where other.pid != winner { try await expectRefusal(other, host) }

                // A stopped reconciler keeps its lock, and none of its files change.
                try await eventually("the service is ready") { try await host.run("status").exitCode == 0 }
                #expect(kill(winner, SIGSTOP) == 0)
                let before = try listing(host)
                let late = try (0..<Self.startCount).map { _ in try host.startReconciler() }
                for other in late {
                    try await eventually("the reconciler exits", within: 90) { !isAlive(other.pid) }
                    #expect(
                        host.readText(other.errorPath).contains("pid \(winner)"),
                        "\(host.readText(other.errorPath))"
                    )
                    try await expectRefusal(other, host)
                }
                #expect(try listing(host) == before)
                #expect(kill(winner, SIGCONT) == 0)
                #expect(try await host.runningInstance("web", number: 1) == web)
                refused += running.count + late.count - 1
                guard round < Self.roundCount else { break }
                #expect(kill(winner, SIGKILL) == 0)
                let last = try #require(running.first { $0.pid == winner })
                #expect(try await host.exitCode(of: last) == 137)
            }
            let cycles = Self.roundCount * Self.startCount
            TestSettings.reportRow([
                "row": "LK-1 starts", "cycles": "\(cycles)", "verdict": "\(refused) refused, wrote nothing",
            ])
        }
    }

    @Test(
        "Deleted lock files permit no second reconciler (LK-1)"
    )
    func deletedLockFiles() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let first = try host.startReconciler()
            let web = try await host.runningInstance("web")
            let (state, run) = (host.paths.reconcilerLock, host.paths.runLock)
            for deleted in [[state], [run], [state, run]] {
                for path in deleted { unlink(path) }
                let result = try await host.run("reconcile", "--watch")
                #expect(result.exitCode == 2, "\(result.errorOutput)")
                #expect(isAlive(first.pid))
            }
            #expect(try await host.runningInstance("web", number: 1) == web)
            // The locks no longer identify the reconciler. It exits after SIGTERM, and the next one adopts its jobs.
            kill(first.pid, SIGTERM)
            #expect(try await host.exitCode(of: first) == 0)
            try await host.apply()
            #expect(try await host.runningInstance("web", number: 1) == web)
        }
    }

    @Test("An alias of a state directory permits no second reconciler (LK-1)")
    func aliasesOfTheStateDirectory() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let first = try host.startReconciler()
            _ = try await host.runningInstance("web")
            let link = host.root + "/link"
            try #require(symlink(host.stateDirectory, link) == 0)
            for name in [link, host.root + "/./services.d/../state", host.stateDirectory + "/"] {
                let result = try await host.run("reconcile", "--watch", "--state", name)
                #expect(result.exitCode == 2)
                #expect(result.errorOutput.contains("pid \(first.pid)"), "\(result.errorOutput)")
            }
        }
    }

    @Test(
        "Another mount or PID namespace permits no second reconciler (LK-1)",
        .enabled(if: isRoot, "needs root")
    )
    func otherNamespaces() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let first = try host.startReconciler()
            let web = try await host.runningInstance("web")
            mkdir(host.root + "/bound", 0o700)
            let mounted = try await host.run(
                ["reconcile", "--watch", "--state", host.root + "/bound"],
                through: [
                    "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"",
                    host.stateDirectory,
                    host.root + "/bound",
                ]
            )
            #expect(mounted.exitCode == 2, "\(mounted.errorOutput)")
            let inside = try await host.run(
                ["reconcile", "--watch"],
                through: ["unshare", "--pid", "--fork", "--mount-proc"]
            )
            #expect(inside.exitCode == 2, "\(inside.errorOutput)")
            #expect(isAlive(first.pid))
            #expect(try await host.runningInstance("web", number: 1) == web)
        }
    }

    /// One accepted apply of one client.
    private struct AcceptedApply: Sendable {
        let client: Int
        let number: Int
        var revision: Int?
        var wasCarriedOut = false
        /// A label that only the files of this apply contain.
        var label: String { "client: \"\(client)-\(number)\"" }
    }

    /// Applies files that conflict with the files of all other clients.
    private func apply(_ client: Int, _ time: Int, _ host: TestHost) async throws -> AcceptedApply {
        var apply = AcceptedApply(client: client, number: time)
        let directory = host.root + "/client\(client)"
        mkdir(directory, 0o700)
        let text =
            host.manifest("web", ["labels: {\(apply.label)}"], [.process()])
            + "---\n" + host.manifest("own\(client)", ["status: stop"], [.process()])
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/all.yaml"))
        let result = try await host.run("apply", "--dir", directory, "-o", "json", "--timeout", "60s")
        // A client whose revision was replaced before it was carried out receives a message. No client is refused or
        // forgotten.
        let isOvertaken = result.output.contains("another revision was applied before this one was carried out")
        #expect(result.exitCode == (isOvertaken ? 1 : 0), "\(apply.label): \(result.output)\(result.errorOutput)")
        (apply.revision, apply.wasCarriedOut) = (result.json["revision"] as? Int, !isOvertaken)
        return apply
    }

    @Test(
        "Conflicting applies are served in order, and the last one holds (LK-3)"
    )
    func conflictingApplies() async throws {
        try await TestHost.with { host in
            // A background reconciler that keeps the last applied revision.
            try host.declare("web")
            try await host.apply()
            // The long form has fifty clients with twenty applies each.
            let (clients, times) = (TestSettings.cycles(5, share: 20), TestSettings.cycles(4, share: 50))
            let applies = try await withThrowingTaskGroup(of: [AcceptedApply].self) { group in
                for client in 1...clients {
                    group.addTask {
                        var own: [AcceptedApply] = []
                        for time in 1...times { own.append(try await self.apply(client, time, host)) }
                        return own
                    }
                }
                return try await group.reduce(into: [AcceptedApply]()) { $0 += $1 }
            }
            // The revisions are unique, complete and consecutive.
            let count = clients * times
            let accepted = applies.sorted { $0.revision ?? 0 < $1.revision ?? 0 }
            #expect(accepted.map(\.revision) == Array(2..<(2 + count)))
            // The applies of each client are in the order of the client.
            for client in 1...clients {
                #expect(accepted.filter { $0.client == client }.map(\.number) == Array(1...times))
            }
            try expectOrderedEvents(accepted, try await host.events())
            try expectStoredFiles(accepted, host)
            let last = try #require(accepted.last)
            #expect(last.wasCarriedOut)
            let diff = try await host.run("diff", "--dir", host.root + "/client\(last.client)")
            #expect(diff.exitCode == 0, "\(diff.output)")
            // A changed label causes no restart.
            #expect(host.instances("web").count == 1)
            let carriedOut = accepted.filter(\.wasCarriedOut).count
            TestSettings.reportRow([
                "row": "LK-3 applies", "cycles": "\(count)", "verdict": "0 lost, \(carriedOut) carried out",
            ])
        }
    }

    /// Expects one event for each revision, in order and with its client.
    private func expectOrderedEvents(_ accepted: [AcceptedApply], _ events: [[String: Any]]) throws {
        let reported = events.compactMap { event -> (revision: Int, client: Substring, time: String)? in
            let text = event["text"] as? String ?? ""
            let pattern = /revision (\d+) applied from \S*\/client(\d+) by .*/
            guard let match = text.wholeMatch(of: pattern), let revision = Int(match.1) else { return nil }
            return (revision, match.2, event["time"] as? String ?? "")
        }
        #expect(reported.map(\.revision) == accepted.compactMap(\.revision))
        #expect(reported.map(\.client) == accepted.map { "\($0.client)" })
        // All times have the same length, so that they sort as text.
        #expect(reported.map(\.time) == reported.map(\.time).sorted() && !reported.contains { $0.time.isEmpty })
    }

    /// Expects that each stored revision has the files of its client.
    private func expectStoredFiles(_ accepted: [AcceptedApply], _ host: TestHost) throws {
        let kept: [Int: Data] = try host.readDatabase { db in
            let sql = "SELECT revision, bytes FROM files JOIN texts ON texts.id = text_id WHERE path LIKE '%all.yaml'"
            let rows = try Row.fetchAll(db, sql: sql).map { ($0["revision"] as Int, $0["bytes"] as Data) }
            return Dictionary(uniqueKeysWithValues: rows)
        }
        #expect(kept.count >= min(accepted.count, 200), "the files of the last revisions are stored")
        for apply in accepted {
            guard let revision = apply.revision, let bytes = kept[revision] else { continue }
            #expect(
                String(decoding: bytes, as: UTF8.self).contains(apply.label),
                "revision \(revision) is \(apply.label)"
            )
        }
    }

    @Test("Simultaneous restarts of one service leave one instance (LK-4)")
    func simultaneousRestarts() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            try await host.apply()
            let rounds = TestSettings.cycles(5, share: 4)
            for round in 1...rounds {
                try host.declare("web", "generation: \(round)")
                let clients = try (0..<4).map { _ in try host.start(["apply", "--timeout", "60s"]) }
                for client in clients {
                    #expect(try await host.exitCode(of: client) == 0, "\(host.readText(client.errorPath))")
                }
            }
            // Each generation has one instance. The oracle detects two instances at once.
            let instances = host.instances("web")
            #expect(instances.count == rounds + 1)
            for (instance, next) in zip(instances, instances.dropFirst()) {
                #expect(try #require(instance.endedAt) <= next.startedAt)
            }
            try await host.expectEmptyDiff()
        }
    }

    @Test("An apply waits for a running single pass (LK-5)")
    func applyDuringSinglePass() async throws {
        try await TestHost.with { host in
            try host.declare(
                "slow",
                actions: .process("wait 1500 listen-unix \(host.root)/s", "sockets: [\(host.root)/s]")
            )
            let pass = try host.start(["reconcile"])
            try await eventually("the pass has started") { ReconcilerLock.holder(host.paths)?.mode == "once" }
            try host.declare("more")
            let apply = try await host.run("apply")
            #expect(apply.exitCode == 0, "\(apply.errorOutput)")
            #expect(try await host.exitCode(of: pass) == 0)
            #expect(host.instances("slow").count == 1 && host.instances("more").count == 1)
            try await host.expectEmptyDiff()
        }
    }
}

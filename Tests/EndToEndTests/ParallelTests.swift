import Foundation
import Glibc
import HeroLinux
import HeroModel
import Testing

private let isRoot = geteuid() == 0

/// Many at one time: reconcilers, and people who apply (reliability.md LK-1 to LK-5).
@Suite("Many at one time", .serialized)
struct ParallelTests {
    /// How many reconcilers, and how many applies: 20, or as many as `HP_TORTURE` says.
    private static let many = Rig.kills ?? 20

    /// Names, sizes and times of all in the state directory that only its owner may change.
    private func listing(_ world: World) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: world.state).filter { !$0.hasSuffix("-shm") }.map { name in
            var file = stat()
            lstat("\(world.state)/\(name)", &file)
            return "\(name) \(file.st_ino) \(file.st_size) \(file.st_mtim.tv_sec).\(file.st_mtim.tv_nsec)"
        }.sorted()
    }

    @Test(
        "LK-1: of many that start at once exactly one stays; while it stands still, later ones leave and change nothing"
    )
    func starts() async throws {
        try await World.with { world in
            try world.declare("web")
            let running = try (0..<Self.many).map { _ in try world.watch() }
            let web = try await world.life("web", number: 1)
            try await eventually("one is it") { world.reconciler != nil }
            let winner = try #require(world.reconciler)
            #expect(running.contains { $0.pid == winner })
            for other in running where other.pid != winner {
                #expect(try await world.code(of: other) == 2)
                #expect(world.text(other.err).contains("cannot reconcile"), "\(world.text(other.err))")
            }
            // One that does not move holds its lock all the same.
            try await eventually("it stands") { try await world.run("status").code == 0 }
            #expect(kill(winner, SIGSTOP) == 0)
            let before = try listing(world)
            for _ in 0..<3 {
                let began = ContinuousClock.now
                let answer = try await world.run("reconcile", "--watch")
                #expect(answer.code == 2)
                #expect(answer.err.contains("pid \(winner)"), "\(answer.err)")
                #expect(ContinuousClock.now - began < .seconds(60))
            }
            #expect(try listing(world) == before)
            #expect(kill(winner, SIGCONT) == 0)
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test(
        "LK-1: lock files that are deleted while they are held make no second reconciler: one of them, the other, both"
    )
    func deletedLock() async throws {
        try await World.with { world in
            try world.declare("web")
            let first = try world.watch()
            let web = try await world.life("web")
            let (state, run) = (world.paths.reconcilerLock, world.paths.runLock)
            for deleted in [[state], [run], [state, run]] {
                for path in deleted { unlink(path) }
                let answer = try await world.run("reconcile", "--watch")
                #expect(answer.code == 2, "\(answer.err)")
                #expect(isAlive(first.pid))
            }
            #expect(try await world.life("web", number: 1) == web)
            // Nobody finds it any more by its locks; it ends when it is told to, and the next one takes over.
            kill(first.pid, SIGTERM)
            #expect(try await world.code(of: first) == 0)
            try await world.apply()
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test("LK-1: a state directory is one, by whatever name it is reached")
    func names() async throws {
        try await World.with { world in
            try world.declare("web")
            let first = try world.watch()
            _ = try await world.life("web")
            let link = world.root + "/link"
            try #require(symlink(world.state, link) == 0)
            for name in [link, world.root + "/./services.d/../state", world.state + "/"] {
                let answer = try await world.run("reconcile", "--watch", "--state", name)
                #expect(answer.code == 2)
                #expect(answer.err.contains("pid \(first.pid)"), "\(answer.err)")
            }
        }
    }

    @Test(
        "LK-1: nor does another mount, or another pid namespace, give it a second one",
        .enabled(if: isRoot, "needs root")
    )
    func namespaces() async throws {
        try await World.with { world in
            try world.declare("web")
            let first = try world.watch()
            let web = try await world.life("web")
            mkdir(world.root + "/bound", 0o700)
            let mounted = try await world.run(
                ["reconcile", "--watch", "--state", world.root + "/bound"],
                through: [
                    "unshare", "--mount", "sh", "-c", "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"", world.state,
                    world.root + "/bound",
                ]
            )
            #expect(mounted.code == 2, "\(mounted.err)")
            let inside = try await world.run(
                ["reconcile", "--watch"],
                through: ["unshare", "--pid", "--fork", "--mount-proc"]
            )
            #expect(inside.code == 2, "\(inside.err)")
            #expect(isAlive(first.pid))
            #expect(try await world.life("web", number: 1) == web)
        }
    }

    @Test(
        "LK-3: clients that apply what contradicts itself are served one after the other, and the last one accepted stands"
    )
    func conflicting() async throws {
        try await World.with { world in
            // A reconciler of our own that keeps whatever is applied last.
            try world.declare("web")
            try await world.apply()
            let clients = try (0..<Self.many).map { number in
                let folder = world.root + "/client\(number)"
                mkdir(folder, 0o700)
                let text =
                    world.manifest("web", ["labels: {client: \"\(number)\"}"], [.process()])
                    + "---\n" + world.manifest("own\(number)", ["status: stop"], [.process()])
                try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/all.yaml"))
                return try world.start(["apply", "--dir", folder, "-o", "json", "--timeout", "60s"])
            }
            var accepted: [Int: Int] = [:]
            for (number, client) in clients.enumerated() {
                let code = try await world.code(of: client)
                let said = world.text(client.out)
                // Whoever was overtaken before the work was done is told so; nobody is refused or forgotten.
                let isOvertaken = said.contains("another revision was applied before this one was carried out")
                #expect(code == (isOvertaken ? 1 : 0), "client \(number): \(said)\(world.text(client.err))")
                let json = try JSONSerialization.jsonObject(with: Data(said.utf8)) as? [String: Any]
                if let revision = json?["revision"] as? Int { accepted[revision] = number }
            }
            // No two had the same revision, none was lost, and they follow each other without a gap.
            #expect(accepted.count == Self.many)
            #expect(accepted.keys.sorted() == Array(2..<(2 + Self.many)))
            let last = try #require(accepted.max { $0.key < $1.key })
            let history =
                try await world.run("history", "-n", "1000", "-o", "json").json["revisions"] as? [[String: Any]] ?? []
            #expect(history.count == Self.many + 1)
            for revision in history.dropLast() {
                let number = try #require(accepted[revision["revision"] as? Int ?? revision["number"] as? Int ?? 0])
                #expect("\(revision)".contains("/client\(number)"), "\(revision)")
            }
            let stands = try await world.run("diff", "--dir", world.root + "/client\(last.value)")
            #expect(stands.code == 0, "\(stands.out)")
            // A label restarts nobody.
            #expect(world.lives("web").count == 1)
        }
    }

    @Test("LK-4: clients that restart one service at the same time leave one instance of it, and every start on record")
    func sameService() async throws {
        try await World.with { world in
            try world.declare("web")
            try await world.apply()
            let rounds = max(5, Self.many / 4)
            for round in 1...rounds {
                try world.declare("web", "generation: \(round)")
                let clients = try (0..<4).map { _ in try world.start(["apply", "--timeout", "60s"]) }
                for client in clients {
                    #expect(try await world.code(of: client) == 0, "\(world.text(client.err))")
                }
            }
            // One life for each generation: never two at once (the oracle would have said so), never one too many.
            let lives = world.lives("web")
            #expect(lives.count == rounds + 1)
            for (one, next) in zip(lives, lives.dropFirst()) { #expect(try #require(one.ended) <= next.began) }
            try await world.expectNoDifference()
        }
    }

    @Test("LK-5: an apply beside a single pass waits for it, and beside nobody begins a reconciler")
    func besidePass() async throws {
        try await World.with { world in
            try world.declare(
                "slow",
                does: .process("wait 1500 listen-unix \(world.root)/s", "sockets: [\(world.root)/s]")
            )
            let pass = try world.start(["reconcile"])
            try await eventually("the pass has begun") { ReconcilerLock.holder(world.paths)?.mode == "once" }
            try world.declare("more")
            let apply = try await world.run("apply")
            #expect(apply.code == 0, "\(apply.err)")
            #expect(try await world.code(of: pass) == 0)
            #expect(world.lives("slow").count == 1 && world.lives("more").count == 1)
            try await world.expectNoDifference()
        }
    }
}

import Foundation
import Glibc
import Testing

/// A reconciler that syncs from its directory by itself.
@Suite("Watching the services directory", .serialized)
struct WatchTests {
    private func houseIsUp(_ world: World, _ names: [String]) async throws -> [Life] {
        var lives: [Life] = []
        for name in names { lives.append(try await world.life(name, number: 1)) }
        return lives
    }

    @Test("MF-2: it applies an edited, a new and a removed file by itself")
    func edits() async throws {
        try await World.with { world in
            try world.declare("db")
            try world.declare("web", "requires: [db]")
            _ = try world.watch()
            let web = try await houseIsUp(world, ["db", "web"])[1]
            try world.declare("more", "requires: [db]")
            _ = try await world.life("more", number: 1)
            try world.declare("web", "requires: [db]", "generation: 1")
            let second = try await world.life("web", number: 2)
            #expect(!isAlive(web.pid))
            world.remove("more")
            try await eventually("more has ended") { world.lives("more").last?.end == .exit(code: 0) }
            try await eventually("all of it is done") { try await world.run("diff").code == 0 }
            #expect(try await world.life("web", number: 2) == second)
            #expect(world.lives("db").count == 1)
        }
    }

    @Test("a broken edit changes nothing and is an event that says where; what runs goes on being healed")
    func brokenEdit() async throws {
        try await World.with { world in
            try world.declare("db", does: .process("sleep -1", "retry: {delay: 10ms}"))
            try world.declare("web", "requires: [db]")
            _ = try world.watch()
            let before = try await houseIsUp(world, ["db", "web"])
            let good = world.text("\(world.services)/web.yaml")
            try world.write("web.yaml", good.replacing("requires", with: "require"))
            let event = try await world.event("error", "web.yaml:4:1", "unknown key `require`")
            #expect(event["source"] as? String == "reconciler")
            #expect(try await houseIsUp(world, ["db", "web"]) == before)
            #expect(kill(before[0].pid, SIGKILL) == 0)
            #expect(try await world.life("db", number: 2).job == before[0].job)
            try world.write("web.yaml", good)
            try await world.expectNoDifference()
            #expect(try await world.life("web", number: 1) == before[1])
        }
    }

    @Test("MF-4: a services directory that vanishes stops nothing; when it is back, all goes on")
    func vanished() async throws {
        try await World.with { world in
            let names = ["a", "b", "c"]
            for name in names { try world.declare(name) }
            _ = try world.watch()
            let before = try await houseIsUp(world, names)
            rename(world.services, world.root + "/away")
            _ = try await world.event("error", "cannot read the services directory")
            #expect(try await houseIsUp(world, names) == before)
            rename(world.root + "/away", world.services)
            try world.declare("d")
            _ = try await world.life("d", number: 1)
            #expect(try await houseIsUp(world, names) == before)
        }
    }

    @Test("MF-4: most files gone at once stop nothing, until a person's apply says so")
    func massDeletion() async throws {
        try await World.with { world in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try world.declare(name) }
            _ = try world.watch()
            let before = try await houseIsUp(world, names)
            // In one step, as a checkout of another branch would do it.
            try FileManager.default.copyItem(atPath: world.services, toPath: world.root + "/new")
            for name in ["b", "c", "d"] { unlink("\(world.root)/new/\(name).yaml") }
            rename(world.services, world.root + "/old")
            rename(world.root + "/new", world.services)
            _ = try await world.event("error", "3 of 5 services vanished at once", "heroproc apply")
            #expect(try await houseIsUp(world, names) == before)
            try await world.apply()
            for name in ["b", "c", "d"] { #expect(world.lives(name).last?.end == .exit(code: 0)) }
            #expect(try await houseIsUp(world, ["a", "e"]) == [before[0], before[4]])
        }
    }

    @Test(
        "a change that needs a person's word is left alone and is an event; healing goes on, and an apply is told to do it",
        arguments: [
            ("protect: true", "", "cannot restart core/db, which is protected", "--allow-protected"),
            ("", "max_disruption: 0\n", "`max_disruption` is 0", "--allow-disruption"),
        ]
    )
    func needsAWord(key: String, setting: String, reason: String, option: String) async throws {
        try await World.with { world in
            let keys = [key].filter { !$0.isEmpty }
            func declare(_ generation: Int) throws {
                let deed = World.Deed.process("sleep -1", "retry: {delay: 10ms}")
                let text = world.manifest("db", keys + ["generation: \(generation)"], [deed])
                try world.write("db.yaml", text)
            }
            try world.write("settings.yaml", "kind: Settings\nrequired: []\n" + setting)
            try declare(0)
            try world.declare("web", "requires: [db]")
            _ = try world.watch()
            let before = try await houseIsUp(world, ["db", "web"])
            try declare(1)
            let event = try await world.event("error", "left everything as it is", reason)
            #expect((event["text"] as? String)?.contains("`heroproc apply` can be told to do it") == true)
            // Two files at once are one change: what came with it waits, too.
            try world.declare("more")
            #expect(try await world.run("diff").code == 2)
            #expect(world.lives("more").isEmpty)
            #expect(try await houseIsUp(world, ["db", "web"]) == before)
            #expect(kill(before[1].pid, SIGKILL) == 0)
            let healed = try await world.life("web", number: 2)
            #expect(healed.job == before[1].job)
            #expect(try await world.run("apply").code == 2)
            #expect(try await world.run("apply", option).code == 0)
            #expect(try await world.life("db", number: 2).restarts == 0)
            _ = try await world.life("more", number: 1)
            try await world.expectNoDifference()
        }
    }

    @Test("after a down it pauses until the next apply")
    func pauses() async throws {
        try await World.with { world in
            try world.declare("web")
            let watch = try world.watch()
            _ = try await houseIsUp(world, ["web"])
            #expect(try await world.run("down").code == 0)
            try world.declare("more")
            #expect(world.reconciler == watch.pid)
            try await world.apply()
            #expect(try await world.life("web", number: 2).restarts == 0)
            _ = try await world.life("more", number: 1)
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await world.code(of: watch) == 0)
            #expect(isAlive(try await world.life("web", number: 2).pid), "a reconciler that leaves stops nothing")
        }
    }
}

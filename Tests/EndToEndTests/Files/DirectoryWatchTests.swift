import Foundation
import Glibc
import Testing

/// A reconciler that syncs from its directory by itself.
@Suite("Watching the services directory", .serialized)
struct DirectoryWatchTests {
    private func firstInstances(_ world: TestHost, _ names: [String]) async throws -> [OracleInstance] {
        var lives: [OracleInstance] = []
        for name in names { lives.append(try await world.runningInstance(name, number: 1)) }
        return lives
    }

    @Test("MF-2: it applies an edited, a new and a removed file by itself")
    func edits() async throws {
        try await TestHost.with { world in
            try world.declare("db")
            try world.declare("web", "requires: [db]")
            _ = try world.startReconciler()
            let web = try await firstInstances(world, ["db", "web"])[1]
            try world.declare("more", "requires: [db]")
            _ = try await world.runningInstance("more", number: 1)
            try world.declare("web", "requires: [db]", "generation: 1")
            let second = try await world.runningInstance("web", number: 2)
            #expect(!isAlive(web.pid))
            world.removeManifest("more")
            try await eventually("more has ended") { world.instances("more").last?.end == .exit(code: 0) }
            try await eventually("all of it is done") { try await world.run("diff").exitCode == 0 }
            #expect(try await world.runningInstance("web", number: 2) == second)
            #expect(world.instances("db").count == 1)
        }
    }

    @Test("a broken edit changes nothing and is an event that says where; what runs goes on being healed")
    func invalidEdit() async throws {
        try await TestHost.with { world in
            try world.declare("db", actions: .process("sleep -1", "retry: {delay: 10ms}"))
            try world.declare("web", "requires: [db]")
            _ = try world.startReconciler()
            let before = try await firstInstances(world, ["db", "web"])
            let good = world.readText("\(world.servicesDirectory)/web.yaml")
            try world.writeManifest("web.yaml", good.replacing("requires", with: "require"))
            let event = try await world.waitForEvent("error", "web.yaml:4:1", "unknown key `require`")
            #expect(event["source"] as? String == "reconciler")
            #expect(try await firstInstances(world, ["db", "web"]) == before)
            #expect(kill(before[0].pid, SIGKILL) == 0)
            #expect(try await world.runningInstance("db", number: 2).job == before[0].job)
            try world.writeManifest("web.yaml", good)
            try await world.expectEmptyDiff()
            #expect(try await world.runningInstance("web", number: 1) == before[1])
        }
    }

    @Test("MF-4: a services directory that vanishes stops nothing; when it is back, all goes on")
    func vanishedDirectory() async throws {
        try await TestHost.with { world in
            let names = ["a", "b", "c"]
            for name in names { try world.declare(name) }
            _ = try world.startReconciler()
            let before = try await firstInstances(world, names)
            rename(world.servicesDirectory, world.root + "/away")
            _ = try await world.waitForEvent("error", "cannot read the services directory")
            #expect(try await firstInstances(world, names) == before)
            rename(world.root + "/away", world.servicesDirectory)
            try world.declare("d")
            _ = try await world.runningInstance("d", number: 1)
            #expect(try await firstInstances(world, names) == before)
        }
    }

    @Test("MF-4: most files gone at once stop nothing, until a person's apply says so")
    func massDeletion() async throws {
        try await TestHost.with { world in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try world.declare(name) }
            _ = try world.startReconciler()
            let before = try await firstInstances(world, names)
            // In one step, as a checkout of another branch would do it.
            try FileManager.default.copyItem(atPath: world.servicesDirectory, toPath: world.root + "/new")
            for name in ["b", "c", "d"] { unlink("\(world.root)/new/\(name).yaml") }
            rename(world.servicesDirectory, world.root + "/old")
            rename(world.root + "/new", world.servicesDirectory)
            _ = try await world.waitForEvent("error", "3 of 5 services were removed at once", "heroproc apply")
            #expect(try await firstInstances(world, names) == before)
            try await world.apply()
            for name in ["b", "c", "d"] { #expect(world.instances(name).last?.end == .exit(code: 0)) }
            #expect(try await firstInstances(world, ["a", "e"]) == [before[0], before[4]])
        }
    }

    @Test(
        "a change that needs a person's word is left alone and is an event; healing goes on, and an apply is told to do it",
        arguments: [
            ("protect: true", "", "cannot restart core/db, which is protected", "--allow-protected"),
            ("", "max_disruption: 0\n", "`max_disruption` is 0", "--allow-disruption"),
        ]
    )
    func protectedChangesNeedAnOption(key: String, setting: String, reason: String, option: String) async throws {
        try await TestHost.with { world in
            let keys = [key].filter { !$0.isEmpty }
            func declare(_ generation: Int) throws {
                let deed = TestHost.OracleAction.process("sleep -1", "retry: {delay: 10ms}")
                let text = world.manifest("db", keys + ["generation: \(generation)"], [deed])
                try world.writeManifest("db.yaml", text)
            }
            try world.writeManifest("settings.yaml", "kind: Settings\nrequired: []\n" + setting)
            try declare(0)
            try world.declare("web", "requires: [db]")
            _ = try world.startReconciler()
            let before = try await firstInstances(world, ["db", "web"])
            try declare(1)
            let event = try await world.waitForEvent("error", "nothing was changed", reason)
            #expect((event["text"] as? String)?.contains("`heroproc apply` has options that allow it") == true)
            // Two files at once are one change: what came with it waits, too.
            try world.declare("more")
            #expect(try await world.run("diff").exitCode == 2)
            #expect(world.instances("more").isEmpty)
            #expect(try await firstInstances(world, ["db", "web"]) == before)
            #expect(kill(before[1].pid, SIGKILL) == 0)
            let healed = try await world.runningInstance("web", number: 2)
            #expect(healed.job == before[1].job)
            #expect(try await world.run("apply").exitCode == 2)
            #expect(try await world.run("apply", option).exitCode == 0)
            #expect(try await world.runningInstance("db", number: 2).restartCount == 0)
            _ = try await world.runningInstance("more", number: 1)
            try await world.expectEmptyDiff()
        }
    }

    @Test("after a down it pauses until the next apply")
    func pausesAfterDown() async throws {
        try await TestHost.with { world in
            try world.declare("web")
            let watch = try world.startReconciler()
            _ = try await firstInstances(world, ["web"])
            #expect(try await world.run("down").exitCode == 0)
            try world.declare("more")
            #expect(world.reconcilerPID == watch.pid)
            try await world.apply()
            #expect(try await world.runningInstance("web", number: 2).restartCount == 0)
            _ = try await world.runningInstance("more", number: 1)
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await world.exitCode(of: watch) == 0)
            #expect(
                isAlive(try await world.runningInstance("web", number: 2).pid),
                "a reconciler that leaves stops nothing"
            )
        }
    }
}

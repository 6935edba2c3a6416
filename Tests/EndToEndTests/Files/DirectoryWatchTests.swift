import Foundation
import Glibc
import Testing

/// A reconciler that syncs from its services directory.
@Suite("Watching the services directory", .serialized)
struct DirectoryWatchTests {
    private func firstInstances(_ host: TestHost, _ names: [String]) async throws -> [OracleInstance] {
        var instances: [OracleInstance] = []
        for name in names { instances.append(try await host.runningInstance(name, number: 1)) }
        return instances
    }

    @Test("The reconciler applies edited, new and removed files (MF-2)")
    func edits() async throws {
        try await TestHost.with { host in
            try host.declare("db")
            try host.declare("web", "requires: [db]")
            _ = try host.startReconciler()
            let web = try await firstInstances(host, ["db", "web"])[1]
            try host.declare("more", "requires: [db]")
            _ = try await host.runningInstance("more", number: 1)
            try host.declare("web", "requires: [db]", "generation: 1")
            let second = try await host.runningInstance("web", number: 2)
            #expect(!isAlive(web.pid))
            host.removeManifest("more")
            try await eventually("more has ended") { host.instances("more").last?.end == .exit(code: 0) }
            try await eventually("all changes are applied") { try await host.run("diff").exitCode == 0 }
            #expect(try await host.runningInstance("web", number: 2) == second)
            #expect(host.instances("db").count == 1)
        }
    }

    @Test("An invalid edit changes nothing and is reported with its position")
    func invalidEdit() async throws {
        try await TestHost.with { host in
            try host.declare("db", actions: .process("sleep -1", "retry: {delay: 10ms}"))
            try host.declare("web", "requires: [db]")
            _ = try host.startReconciler()
            let before = try await firstInstances(host, ["db", "web"])
            let good = host.readText("\(host.servicesDirectory)/web.yaml")
            try host.writeManifest("web.yaml", good.replacing("requires", with: "require"))
            let event = try await host.waitForEvent("error", "web.yaml:4:1", "unknown key `require`")
            #expect(event["source"] as? String == "reconciler")
            let refused = try await host.run("status")
            #expect(refused.exitCode == 1, "\(refused.output)")
            #expect(refused.output.contains("Refused: ") && refused.output.contains("web.yaml:4:1: unknown key"))
            #expect(try await firstInstances(host, ["db", "web"]) == before)
            #expect(kill(before[0].pid, SIGKILL) == 0)
            #expect(try await host.runningInstance("db", number: 2).job == before[0].job)
            try host.writeManifest("web.yaml", good)
            try await host.expectEmptyDiff()
            try await eventually("the status is as wanted again") { try await host.run("status").exitCode == 0 }
            #expect(try await host.runningInstance("web", number: 1) == before[1])
        }
    }

    @Test("A removed services directory stops no service (MF-4)")
    func vanishedDirectory() async throws {
        try await TestHost.with { host in
            let names = ["a", "b", "c"]
            for name in names { try host.declare(name) }
            _ = try host.startReconciler()
            let before = try await firstInstances(host, names)
            rename(host.servicesDirectory, host.root + "/away")
            _ = try await host.waitForEvent("error", "cannot read the services directory")
            #expect(try await firstInstances(host, names) == before)
            rename(host.root + "/away", host.servicesDirectory)
            try host.declare("d")
            _ = try await host.runningInstance("d", number: 1)
            #expect(try await firstInstances(host, names) == before)
        }
    }

    @Test("Most files removed at once stop nothing until an apply (MF-4)")
    func massDeletion() async throws {
        try await TestHost.with { host in
            let names = ["a", "b", "c", "d", "e"]
            for name in names { try host.declare(name) }
            _ = try host.startReconciler()
            let before = try await firstInstances(host, names)
            // In one step, as a checkout of another branch does.
            try FileManager.default.copyItem(atPath: host.servicesDirectory, toPath: host.root + "/new")
            for name in ["b", "c", "d"] { unlink("\(host.root)/new/\(name).yaml") }
            rename(host.servicesDirectory, host.root + "/old")
            rename(host.root + "/new", host.servicesDirectory)
            _ = try await host.waitForEvent("error", "3 of 5 services were removed at once", "heroproc apply")
            #expect(try await firstInstances(host, names) == before)
            try await host.apply()
            for name in ["b", "c", "d"] { #expect(host.instances(name).last?.end == .exit(code: 0)) }
            #expect(try await firstInstances(host, ["a", "e"]) == [before[0], before[4]])
        }
    }

    @Test(
        "A protected change waits for an apply with the right option",
        arguments: [
            ("protect: true", "", "cannot restart core/db, which is protected", "--allow-protected"),
            ("", "max_disruption: 0\n", "`max_disruption` is 0", "--allow-disruption"),
        ]
    )
    func protectedChangesNeedAnOption(key: String, setting: String, reason: String, option: String) async throws {
        try await TestHost.with { host in
            let fields = [key].filter { !$0.isEmpty }
            func declare(_ generation: Int) throws {
                let action = TestHost.OracleAction.process("sleep -1", "retry: {delay: 10ms}")
                let text = host.manifest("db", fields + ["generation: \(generation)"], [action])
                try host.writeManifest("db.yaml", text)
            }
            try host.writeManifest("settings.yaml", "kind: Settings\nrequired: []\n" + setting)
            try declare(0)
            try host.declare("web", "requires: [db]")
            _ = try host.startReconciler()
            let before = try await firstInstances(host, ["db", "web"])
            try declare(1)
            let event = try await host.waitForEvent("error", "nothing was changed", reason)
            #expect((event["text"] as? String)?.contains("`heroproc apply` has options that allow it") == true)
            // Changes of two files at once are one change, so that the second one waits, too.
            try host.declare("more")
            #expect(try await host.run("diff").exitCode == 2)
            #expect(host.instances("more").isEmpty)
            #expect(try await firstInstances(host, ["db", "web"]) == before)
            #expect(kill(before[1].pid, SIGKILL) == 0)
            let healed = try await host.runningInstance("web", number: 2)
            #expect(healed.job == before[1].job)
            #expect(try await host.run("apply").exitCode == 2)
            #expect(try await host.run("apply", option).exitCode == 0)
            #expect(try await host.runningInstance("db", number: 2).restartCount == 0)
            _ = try await host.runningInstance("more", number: 1)
            try await host.expectEmptyDiff()
        }
    }

    @Test("The reconciler pauses its sync after down until the next apply")
    func pausesAfterDown() async throws {
        try await TestHost.with { host in
            try host.declare("web")
            let watch = try host.startReconciler()
            _ = try await firstInstances(host, ["web"])
            #expect(try await host.run("down").exitCode == 0)
            try host.declare("more")
            #expect(host.reconcilerPID == watch.pid)
            try await host.apply()
            #expect(try await host.runningInstance("web", number: 2).restartCount == 0)
            _ = try await host.runningInstance("more", number: 1)
            #expect(kill(watch.pid, SIGTERM) == 0)
            #expect(try await host.exitCode(of: watch) == 0)
            #expect(
                isAlive(try await host.runningInstance("web", number: 2).pid),
                "a reconciler that exits stops no service"
            )
        }
    }
}

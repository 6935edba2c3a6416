import Foundation
import Testing

/// The required core manifests (contract section 3).
@Suite("Required core manifests", .serialized)
struct RequiredManifestTests {
    private static let missingMessage = "the required core manifest `core/hero_db` is not declared"

    @Test("without hero_db, validate, diff and apply refuse and say how to declare it; nothing is made")
    func missingManifestIsRefused() async throws {
        try await TestHost.with(requiresCore: true) { world in
            try world.declare("web")
            for command in ["validate", "diff", "apply", "reconcile"] {
                let answer = try await world.run(command)
                #expect(answer.exitCode == 2)
                let text = answer.output + answer.errorOutput
                #expect(text.contains(Self.missingMessage) && text.contains("name: hero_db"), "\(command): \(text)")
                #expect(text.contains("HERO_PROC_NO_AUTOSTART_DB=1") && text.contains("required: []"))
            }
            #expect(!FileManager.default.fileExists(atPath: world.databasePath))
            #expect(world.instances("web").isEmpty)
        }
    }

    @Test("both ways of doing without it work")
    func optingOut() async throws {
        try await TestHost.with(requiresCore: true) { world in
            try world.declare("web")
            let environment = ["HERO_PROC_NO_AUTOSTART_DB": "1"]
            #expect(try await world.run("validate", extra: environment).exitCode == 0)
            #expect(try await world.run("apply", extra: environment).exitCode == 0)
            try world.writeManifest("settings.yaml", "kind: Settings\nrequired: []\n")
            #expect(try await world.run("diff").exitCode == 0)
            try await world.apply()
            #expect(world.instances("web").count == 1)
        }
    }

    @Test("declared, it is up before what requires it, and bringing it up again changes nothing")
    func declaredManifestStartsFirst() async throws {
        try await TestHost.with(requiresCore: true) { world in
            let socket = world.root + "/db.sock"
            try world.declare(
                "hero_db",
                "class: system",
                "required: true",
                actions: .process("wait 100 listen-unix \(socket)", "sockets: [\(socket)]")
            )
            try world.declare("web", "requires: [hero_db]")
            try await world.apply()
            let database = try await world.runningInstance("hero_db")
            #expect(try await world.runningInstance("web").startedAt > database.listeningAt ?? .max)
            try await world.apply()
            #expect(world.instances("hero_db").count == 1)
        }
    }

    @Test("reconcile --watch stays up when it vanishes from the files, keeps what runs and records the error")
    func removedManifest() async throws {
        try await TestHost.with(requiresCore: true) { world in
            try world.declare("hero_db", "class: system", "required: true")
            try world.declare("web", "requires: [hero_db]")
            let watch = try world.startReconciler()
            let web = try await world.runningInstance("web")
            try world.declare("web", "generation: 1")
            world.removeManifest("hero_db")
            let event = try await world.waitForEvent("error", Self.missingMessage)
            #expect(event["source"] as? String == "hero_proc.auto_start_db")
            #expect(world.reconcilerPID == watch.pid)
            #expect(try await world.runningInstance("web", number: 1) == web)
            #expect(world.instances("hero_db").count == 1)
        }
    }

    @Test("declared with another status than start: a warning event, and the operator's word stands")
    func stoppedManifest() async throws {
        try await TestHost.with(requiresCore: true) { world in
            try world.declare("hero_db", "class: system", "required: true", "status: stop")
            try world.declare("web", "requires: [hero_db]")
            try world.declare("other")
            let answer = try await world.run("apply")
            #expect(answer.exitCode == 0, "\(answer.output)\(answer.errorOutput)")
            #expect(answer.errorOutput.contains("warning"))
            let event = try await world.waitForEvent("warning", "core/hero_db", "status: stop")
            #expect(event["source"] as? String == "hero_proc.auto_start_db")
            #expect(world.instances("hero_db").isEmpty && world.instances("web").isEmpty)
            #expect(try await world.state(of: "web") == "blocked")
            _ = try await world.runningInstance("other")
        }
    }
}

import Foundation
import Testing

/// The required core manifests (contract section 3).
@Suite("Required core manifests", .serialized)
struct CoreTests {
    private static let missing = "the required core manifest `core/hero_db` is not declared"

    @Test("without hero_db, validate, diff and apply refuse and say how to declare it; nothing is made")
    func refused() async throws {
        try await World.with(requiresCore: true) { world in
            try world.declare("web")
            for command in ["validate", "diff", "apply", "reconcile"] {
                let answer = try await world.run(command)
                #expect(answer.code == 2)
                let text = answer.out + answer.err
                #expect(text.contains(Self.missing) && text.contains("name: hero_db"), "\(command): \(text)")
                #expect(text.contains("HERO_PROC_NO_AUTOSTART_DB=1") && text.contains("required: []"))
            }
            #expect(!FileManager.default.fileExists(atPath: world.database))
            #expect(world.lives("web").isEmpty)
        }
    }

    @Test("both ways of doing without it work")
    func optedOut() async throws {
        try await World.with(requiresCore: true) { world in
            try world.declare("web")
            let environment = ["HERO_PROC_NO_AUTOSTART_DB": "1"]
            #expect(try await world.run("validate", extra: environment).code == 0)
            #expect(try await world.run("apply", extra: environment).code == 0)
            try world.write("settings.yaml", "kind: Settings\nrequired: []\n")
            #expect(try await world.run("diff").code == 0)
            try await world.apply()
            #expect(world.lives("web").count == 1)
        }
    }

    @Test("declared, it is up before what requires it, and bringing it up again changes nothing")
    func declared() async throws {
        try await World.with(requiresCore: true) { world in
            let socket = world.root + "/db.sock"
            try world.declare(
                "hero_db",
                "class: system",
                "required: true",
                does: .process("wait 100 listen-unix \(socket)", "sockets: [\(socket)]")
            )
            try world.declare("web", "requires: [hero_db]")
            try await world.apply()
            let database = try await world.life("hero_db")
            #expect(try await world.life("web").began > database.listened ?? .max)
            try await world.apply()
            #expect(world.lives("hero_db").count == 1)
        }
    }

    @Test("reconcile --watch stays up when it vanishes from the files, keeps what runs and records the error")
    func vanishes() async throws {
        try await World.with(requiresCore: true) { world in
            try world.declare("hero_db", "class: system", "required: true")
            try world.declare("web", "requires: [hero_db]")
            let watch = try world.watch()
            let web = try await world.life("web")
            try world.declare("web", "generation: 1")
            world.remove("hero_db")
            let event = try await world.event("error", Self.missing)
            #expect(event["source"] as? String == "hero_proc.auto_start_db")
            #expect(world.reconciler == watch.pid)
            #expect(try await world.life("web", number: 1) == web)
            #expect(world.lives("hero_db").count == 1)
        }
    }

    @Test("declared with another status than start: a warning event, and the operator's word stands")
    func stopped() async throws {
        try await World.with(requiresCore: true) { world in
            try world.declare("hero_db", "class: system", "required: true", "status: stop")
            try world.declare("web", "requires: [hero_db]")
            try world.declare("other")
            let answer = try await world.run("apply")
            #expect(answer.code == 0, "\(answer.out)\(answer.err)")
            #expect(answer.err.contains("warning"))
            let event = try await world.event("warning", "core/hero_db", "status: stop")
            #expect(event["source"] as? String == "hero_proc.auto_start_db")
            #expect(world.lives("hero_db").isEmpty && world.lives("web").isEmpty)
            #expect(try await world.state(of: "web") == "blocked")
            _ = try await world.life("other")
        }
    }
}

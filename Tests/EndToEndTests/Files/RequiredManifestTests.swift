import Foundation
import Testing

/// The required core manifests.
@Suite("Required core manifests", .serialized)
struct RequiredManifestTests {
    private static let missingMessage = "the required core manifest `core/hero_db` is not declared"

    @Test("Without hero_db every command refuses, explains the declaration and creates nothing")
    func missingManifestIsRefused() async throws {
        try await TestHost.with(requiresCore: true) { host in
            try host.declare("web")
            for command in ["validate", "diff", "apply", "reconcile"] {
                let result = try await host.run(command)
                #expect(result.exitCode == 2)
                let text = result.output + result.errorOutput
                #expect(text.contains(Self.missingMessage) && text.contains("name: hero_db"), "\(command): \(text)")
                #expect(text.contains("HERO_PROC_NO_AUTOSTART_DB=1") && text.contains("required: []"))
            }
            #expect(!FileManager.default.fileExists(atPath: host.databasePath))
            #expect(host.instances("web").isEmpty)
        }
    }

    @Test("The variable and the setting both allow a set without hero_db")
    func optingOut() async throws {
        try await TestHost.with(requiresCore: true) { host in
            try host.declare("web")
            let environment = ["HERO_PROC_NO_AUTOSTART_DB": "1"]
            #expect(try await host.run("validate", environment: environment).exitCode == 0)
            #expect(try await host.run("apply", environment: environment).exitCode == 0)
            try host.writeManifest("settings.yaml", "kind: Settings\nrequired: []\n")
            #expect(try await host.run("diff").exitCode == 0)
            try await host.apply()
            #expect(host.instances("web").count == 1)
        }
    }

    @Test("A declared hero_db starts before its dependents and is not restarted")
    func declaredManifestStartsFirst() async throws {
        try await TestHost.with(requiresCore: true) { host in
            let socket = host.root + "/db.sock"
            try host.declare(
                "hero_db",
                "class: system",
                "required: true",
                actions: .process("wait 100 listen-unix \(socket)", "sockets: [\(socket)]")
            )
            try host.declare("web", "requires: [hero_db]")
            try await host.apply()
            let database = try await host.runningInstance("hero_db")
            #expect(try await host.runningInstance("web").startedAt > database.listeningAt ?? .max)
            try await host.apply()
            #expect(host.instances("hero_db").count == 1)
        }
    }

    @Test("Removing hero_db from the files stops no service and records an error")
    func removedManifest() async throws {
        try await TestHost.with(requiresCore: true) { host in
            try host.declare("hero_db", "class: system", "required: true")
            try host.declare("web", "requires: [hero_db]")
            let watch = try host.startReconciler()
            let web = try await host.runningInstance("web")
            try host.declare("web", "requires: [hero_db]", "generation: 1")
            host.removeManifest("hero_db")
            let event = try await host.waitForEvent("error", Self.missingMessage)
            #expect(event["source"] as? String == "hero_proc.auto_start_db")
            // The reference to it is an error of its own.
            let reference = try await host.waitForEvent("error", "web.yaml", "hero_db")
            #expect(reference["source"] as? String == "reconciler")
            #expect(host.reconcilerPID == watch.pid)
            #expect(try await host.runningInstance("web", number: 1) == web)
            #expect(host.instances("hero_db").count == 1)
        }
    }

    @Test("A hero_db with status stop causes a warning and stays stopped")
    func stoppedManifest() async throws {
        try await TestHost.with(requiresCore: true) { host in
            try host.declare("hero_db", "class: system", "required: true", "status: stop")
            try host.declare("web", "requires: [hero_db]")
            try host.declare("other")
            let result = try await host.run("apply")
            #expect(result.exitCode == 0, "\(result.output)\(result.errorOutput)")
            #expect(result.errorOutput.contains("warning"))
            let event = try await host.waitForEvent(
                "warning",
                "the required core service",
                "core/hero_db",
                "status: stop"
            )
            #expect(event["source"] as? String == "hero_proc.auto_start_db")
            #expect(host.instances("hero_db").isEmpty && host.instances("web").isEmpty)
            #expect(try await host.state(of: "web") == "blocked")
            _ = try await host.runningInstance("other")
        }
    }
}

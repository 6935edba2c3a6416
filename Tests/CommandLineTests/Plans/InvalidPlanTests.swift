import Foundation
import Testing

/// What a mistake of our own planner leads to; only a debug build can be told to make one.
@Suite("Plans that break a law")
struct InvalidPlanTests {
    private static let injectedFault = ["HEROPROC_TEST_PLANNER": "forgetful"]

    #if DEBUG
        @Test(
            "a plan that breaks a law is refused as our bug, shown to nobody and carried out by nobody",
            arguments: [
                ["diff"], ["diff", "-o", "json"], ["diff", "-o", "markdown"], ["apply"], ["apply", "--dry-run"],
                ["reconcile"],
            ]
        )
        func refusesInvalidPlan(_ arguments: [String]) async throws {
            try await Sandbox.with { sandbox in
                try sandbox.writeManifest(
                    "web.yaml",
                    "kind: Service\nname: web\nactions: [{name: run, exec: [sleep, \"1000\"], is_process: true}]\n"
                )
                let running = try sandbox.start(arguments, extra: Self.injectedFault)
                #expect(try await sandbox.exitCode(of: running) == 2)
                #expect(sandbox.readText(running.outputPath).isEmpty)
                let words = sandbox.readText(running.errorPath)
                #expect(words.contains("cannot use the plan that was made: it breaks the law"), "\(words)")
                #expect(
                    words.contains("this is a bug of heroproc, not a mistake of yours; nothing was changed"),
                    "\(words)"
                )
                #expect(!sandbox.hasState)
            }
        }
    #endif
}

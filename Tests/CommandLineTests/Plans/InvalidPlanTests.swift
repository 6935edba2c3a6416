import Foundation
import Testing

/// The handling of an invalid plan.
///
/// Only a debug build can be configured to make one.
@Suite("Invalid plans")
struct InvalidPlanTests {
    private static let injectedFault = ["HEROPROC_TEST_PLANNER": "forgetful"]

    #if DEBUG
        @Test(
            "A plan that violates an invariant is neither shown nor applied",
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
                let running = try sandbox.start(arguments, environment: Self.injectedFault)
                #expect(try await sandbox.exitCode(of: running) == 2)
                #expect(sandbox.readText(running.outputPath).isEmpty)
                let text = sandbox.readText(running.errorPath)
                #expect(text.contains("internal error: the plan violates the invariant"), "\(text)")
                #expect(
                    text.contains("this is a bug in heroproc, not in the manifests; nothing was changed"),
                    "\(text)"
                )
                #expect(!sandbox.hasState)
            }
        }
    #endif
}

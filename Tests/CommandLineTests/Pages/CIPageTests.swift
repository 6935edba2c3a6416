import Foundation
import Testing

/// Runs the examples of `docs/how-to/ci.md` unchanged.
@Suite("The page about CI")
struct CIPageTests {
    private static let page = HowToPage("ci.md")

    /// The steps of the workflow with a `run` key, by name.
    private static func steps() -> [String: String] {
        var steps: [String: String] = [:]
        for step in (page.blocks("yaml").first ?? "").components(separatedBy: "\n      - name: ").dropFirst() {
            let name = step.prefix { $0 != "\n" }
            let lines = step.components(separatedBy: "        run: |\n").dropFirst().first ?? ""
            steps[String(name)] = lines.replacing("\n          ", with: "\n")
        }
        return steps
    }

    private func withChangedRepository(_ body: (Sandbox) async throws -> Void) async throws {
        let manifests = ["web.yaml": Sandbox.service("web"), "base.yaml": Sandbox.service("base")]
        try await Sandbox.with(manifests) { sandbox in
            // The sets of two hosts, which the page shows as well.
            try await sandbox.shell("mkdir -p hosts && for host in a b; do cp -r services.d hosts/$host; done")
            try await sandbox.makeRepository()
            try sandbox.writeManifest("base.yaml", Sandbox.service("base", "env: {A: b}"))
            try await body(sandbox)
        }
    }

    @Test("The workflow of the CI page checks, plans, summarizes and comments as described")
    func workflowRuns() async throws {
        let steps = Self.steps()
        #expect(steps.keys.sorted() == ["Check the manifests", "Comment", "Install heroproc", "Plan"])
        #expect(Self.page.blocks("yaml").first?.contains("BASE: origin/${{ github.base_ref }}") == true)
        try await withChangedRepository { sandbox in
            let environment = ["BASE": "origin/main", "GITHUB_STEP_SUMMARY": sandbox.root + "/summary.md"]
            for name in ["Check the manifests", "Plan"] {
                // The options of a GitHub runner.
                try await sandbox.shell(try #require(steps[name]), environment: environment)
            }
            let comment = sandbox.readText(sandbox.root + "/plan.md")
            #expect(comment.contains("| `±` | `core/base` | restart |"))
            #expect(sandbox.readText(sandbox.root + "/summary.md") == comment + "\n")
            #expect(!sandbox.hasState)
        }
    }

    @Test("Every shell block of the CI page works")
    func shellLinesRun() async throws {
        let blocks = Self.page.blocks("sh")
        #expect(blocks.count == 5)
        for block in blocks {
            try await withChangedRepository { sandbox in
                // The block that stops a merge exits with 1.
                let script = block.contains("grep") ? "(\(block)) && exit 1 || [ $? = 1 ]" : block
                let answer = try await sandbox.shell(script)
                if block.contains("grep") { #expect(answer.output == "this change stops or restarts services\n") }
                if block.contains("apply") { #expect(answer.output.contains("Revision 1 is applied")) }
            }
        }
    }

    @Test("The plan step of the CI page fails if the manifests are invalid")
    func invalidManifestStopsStep() async throws {
        try await withChangedRepository { sandbox in
            try sandbox.writeManifest("base.yaml", "kind: Service\nname: Base\n")
            let line = try #require(Self.page.blocks("sh").first?.split(separator: "\n").last)
            try await sandbox.shell("(\(line)) && exit 1 || true")
        }
    }
}

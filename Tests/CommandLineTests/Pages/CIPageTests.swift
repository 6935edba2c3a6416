import Foundation
import Testing

/// The lines of `docs/how-to/ci.md` are run as they stand there.
@Suite("The page about CI")
struct CIPageTests {
    private static let page = HowToPage("ci.md")

    /// The steps of the workflow that run something, by name.
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
            try await sandbox.makeRepository()
            try sandbox.writeManifest("base.yaml", Sandbox.service("base", "env: {A: b}"))
            try await body(sandbox)
        }
    }

    @Test("the workflow: its checks and its plan do what the page says, with the summary and the comment")
    func workflowRuns() async throws {
        let steps = Self.steps()
        #expect(steps.keys.sorted() == ["Check the manifests", "Comment", "Install heroproc", "Plan"])
        #expect(Self.page.blocks("yaml").first?.contains("BASE: origin/${{ github.base_ref }}") == true)
        try await withChangedRepository { sandbox in
            let extra = ["BASE": "origin/main", "GITHUB_STEP_SUMMARY": sandbox.root + "/summary.md"]
            for name in ["Check the manifests", "Plan"] {
                // As the runner runs them.
                try await sandbox.shell(try #require(steps[name]), extra: extra)
            }
            let comment = sandbox.readText(sandbox.root + "/plan.md")
            #expect(comment.contains("| `±` | `core/base` | restart |"))
            #expect(sandbox.readText(sandbox.root + "/summary.md") == comment + "\n")
            #expect(!sandbox.hasState)
        }
    }

    @Test("every line for the shell works")
    func shellLinesRun() async throws {
        let blocks = Self.page.blocks("sh")
        #expect(blocks.count == 4)
        for block in blocks {
            try await withChangedRepository { sandbox in
                let answer = try await sandbox.shell(block)
                if block.contains("grep") { #expect(answer.output == "this change stops or restarts services\n") }
                if block.contains("apply") { #expect(answer.output.contains("Revision 1 is applied")) }
            }
        }
    }

    @Test("a plan that cannot be made stops the step")
    func invalidManifestStopsStep() async throws {
        try await withChangedRepository { sandbox in
            try sandbox.writeManifest("base.yaml", "kind: Service\nname: Base\n")
            let line = try #require(Self.page.blocks("sh").first?.split(separator: "\n").last)
            try await sandbox.shell("(\(line)) && exit 1 || true")
        }
    }
}

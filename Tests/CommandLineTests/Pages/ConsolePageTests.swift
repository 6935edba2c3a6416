import Foundation
import Testing

/// Runs the commands of pages for users, and compares the output that they show.
@Suite("Commands of the documentation")
struct ConsolePageTests {
    @Test(
        "Every command of a page works in order, with the output that the page shows",
        arguments: PageStage.table.filter(\.canRun)
    )
    func pageRuns(_ stage: PageStage) async throws {
        try await Sandbox.with(requiresCore: stage.requiresCore) { sandbox in
            try await PageRun(stage, sandbox).run()
        }
    }

    @Test("Every block of commands in a page is run, or listed with a reason")
    func blocksAreAccountedFor() throws {
        var listed = UntestedBlock.table
        for page in try Self.pages() {
            let stage = PageStage.table.first { $0.page == page }
            for block in ConsolePage(page).blocks where block.isForShell {
                if let entry = listed.firstIndex(where: { $0.names(block, of: page) }) {
                    #expect(!listed.remove(at: entry).reason.isEmpty)
                } else {
                    #expect(stage?.runs(block) == true, "\(page): not run: \(block.lines.first ?? "")")
                }
            }
        }
        #expect(listed.isEmpty, "no such block: \(listed.map { "\($0.page): \($0.firstLine)" })")
        #expect(Set(PageStage.table.map(\.page)).isSubset(of: try Self.pages()))
    }

    /// The pages for users: the README, the tutorial, the how-to pages and the explanations.
    private static func pages() throws -> [String] {
        let files = FileManager.default
        let folders = ["docs/tutorial", "docs/how-to", "docs/explanation"]
        let found = try folders.flatMap { folder in
            try files.contentsOfDirectory(atPath: repositoryRoot.appending(path: folder).path(percentEncoded: false))
                .filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
        }
        return ["README.md"] + found.sorted()
    }

    @Test("A page with another output than the real one is recognized")
    func wrongOutputIsRecognized() {
        let real = "running  core/web  4850  231ms  0\n1 service. Revision 1, applied 3s ago; pid 777.\n"
        let table = "running core/web 123 1s 0"
        #expect(ShownOutput.matches([table, "1 service. Revision 1, applied now; pid 999."], real))
        #expect(ShownOutput.matches(["...", "1 service. Revision 1, applied 1h ago; pid 777."], real))
        #expect(!ShownOutput.matches([table], real), "a line is missing")
        #expect(!ShownOutput.matches(["running core/web 123 1s 1", "..."], real), "another number of restarts")
        #expect(ShownOutput.contains([table], in: real))
        #expect(!ShownOutput.contains(["running core/web 123 1s 1"], in: real))
    }

    @Test("A block of commands is recognized by its language and by its prompts")
    func blocksAreFound() {
        let text =
            "```console\n$ a <<'X'\nb\nX\nc\n$ d\n```\n```text\n$ e\n```\n```yaml\nf: g\n```\n```sh\n# h\ni\n```\n"
        let blocks = ConsolePage(text: text).blocks
        #expect(blocks.map(\.isForShell) == [true, true, false, true])
        let steps = blocks.flatMap { $0.language == "yaml" ? [] : ConsolePage.steps(of: $0) }
        #expect(steps.map(\.command) == ["a <<'X'\nb\nX", "d", "$ e", "i"])
        #expect(steps.first?.output == ["c"])
    }
}

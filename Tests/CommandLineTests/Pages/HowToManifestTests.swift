import Testing

/// The manifests that pages of `docs/how-to` show.
@Suite("Manifests of the how-to pages")
struct HowToManifestTests {
    static let pages = [
        "database-migration-web.md", "restart-one-service.md", "schedule.md", "secrets.md", "share-a-port.md",
    ]

    @Test("The manifests of a page validate without a warning, all together", arguments: pages)
    func manifestsAreValid(_ name: String) async throws {
        let blocks = HowToPage(name).blocks("yaml").filter { $0.contains("kind:") }
        #expect(!blocks.isEmpty)
        try await Sandbox.with { sandbox in
            for (index, block) in blocks.enumerated() { try sandbox.writeManifest("\(index).yaml", block + "\n") }
            let answer = try await sandbox.run("validate", "--strict")
            #expect(answer.exitCode == 0, "\(answer.errorOutput)")
        }
    }
}

import HeroManifest
import HeroModel
import Testing

@Suite("Cases")
struct ManifestCaseTests {
    @Test("a mistake is told with its place, its line, and what to do", arguments: ManifestCase.all("bad"))
    func reportsDiagnostics(_ folder: ManifestCase) throws {
        let result = try folder.read()
        #expect(
            try folder.differenceFromGolden(GoldenText.diagnostics(result.diagnostics), named: "diagnostics.txt") == nil
        )
        let hasErrors = result.diagnostics.contains { $0.severity == .error }
        #expect((result.desired == nil) == hasErrors)
        #expect(!result.diagnostics.isEmpty)
    }

    @Test("a good set means what it says, and every field knows its place", arguments: ManifestCase.all("good"))
    func readsDesiredState(_ folder: ManifestCase) throws {
        let result = try folder.read()
        #expect(result.diagnostics.isEmpty, "\(GoldenText.diagnostics(result.diagnostics))")
        let desired = try #require(result.desired)
        let text = GoldenText.desired(desired) + GoldenText.documents(result.documents)
        #expect(try folder.differenceFromGolden(text, named: "desired.txt") == nil)
    }

    @Test("there are cases, and their results are sorted, coded and helpful")
    func diagnosticsAreComplete() throws {
        #expect(ManifestCase.all("bad").count >= 150)
        #expect(ManifestCase.all("good").count >= 25)
        for folder in ManifestCase.all("bad") {
            let found = try folder.read().diagnostics
            #expect(found == found.sorted(), "\(folder.name)")
            for one in found {
                #expect(DiagnosticCode(rawValue: one.code) != nil, "\(folder.name): \(one.code)")
                #expect(one.help?.isEmpty == false, "\(folder.name): \(one.message)")
                #expect(one.length >= 1)
                #expect(!one.message.contains("\n"))
            }
        }
    }

    @Test("reading twice says the same")
    func readingIsDeterministic() throws {
        for folder in ManifestCase.all("bad") {
            let first = try folder.read().diagnostics
            let second = try folder.read().diagnostics
            #expect(first == second, "\(folder.name)")
        }
    }

    @Test("every kind of mistake has a case")
    func everyCodeHasACase() throws {
        var seen: Set<String> = []
        for folder in ManifestCase.all("bad") { seen.formUnion(try folder.read().diagnostics.map(\.code)) }
        // Those of large inputs are made in HostileTests.
        let large: Set<DiagnosticCode> = [.fileTooLarge, .tooManyNodes, .textTooLong, .tooManyMistakes]
        let missing = DiagnosticCode.allCases.filter { !seen.contains($0.rawValue) && !large.contains($0) }
        #expect(missing.isEmpty, "\(missing)")
    }
}

import HeroManifest
import HeroModel
import Testing

@Suite("Manifest cases")
struct ManifestCaseTests {
    @Test("An invalid manifest is reported with location, line and help", arguments: ManifestCase.all("bad"))
    func reportsDiagnostics(_ manifestCase: ManifestCase) throws {
        let result = try manifestCase.read()
        #expect(
            try manifestCase.differenceFromGolden(GoldenText.diagnostics(result.diagnostics), named: "diagnostics.txt")
                == nil
        )
        let hasErrors = result.diagnostics.contains { $0.severity == .error }
        #expect((result.desired == nil) == hasErrors)
        #expect(!result.diagnostics.isEmpty)
    }

    @Test(
        "A valid set gives the recorded desired state, with the location of every field",
        arguments: ManifestCase.all("good")
    )
    func readsDesiredState(_ manifestCase: ManifestCase) throws {
        let result = try manifestCase.read()
        #expect(result.diagnostics.isEmpty, "\(GoldenText.diagnostics(result.diagnostics))")
        let desired = try #require(result.desired)
        let text = GoldenText.desired(desired) + GoldenText.documents(result.documents)
        #expect(try manifestCase.differenceFromGolden(text, named: "desired.txt") == nil)
    }

    @Test("Diagnostics are sorted, and each has a known code and a help")
    func diagnosticsAreComplete() throws {
        #expect(ManifestCase.all("bad").count >= 150)
        #expect(ManifestCase.all("good").count >= 25)
        for manifestCase in ManifestCase.all("bad") {
            let found = try manifestCase.read().diagnostics
            #expect(found == found.sorted(), "\(manifestCase.name)")
            for diagnostic in found {
                #expect(DiagnosticCode(rawValue: diagnostic.code) != nil, "\(manifestCase.name): \(diagnostic.code)")
                #expect(diagnostic.help?.isEmpty == false, "\(manifestCase.name): \(diagnostic.message)")
                #expect(diagnostic.length >= 1)
                #expect(!diagnostic.message.contains("\n"))
            }
        }
    }

    @Test("Reading an invalid set twice gives the same diagnostics")
    func readingIsDeterministic() throws {
        for manifestCase in ManifestCase.all("bad") {
            let first = try manifestCase.read().diagnostics
            let second = try manifestCase.read().diagnostics
            #expect(first == second, "\(manifestCase.name)")
        }
    }

    @Test("Every diagnostic code has a case")
    func everyCodeHasACase() throws {
        var seen: Set<String> = []
        for manifestCase in ManifestCase.all("bad") { seen.formUnion(try manifestCase.read().diagnostics.map(\.code)) }
        // The codes of large inputs are tested in HostileFileTests.
        let large: Set<DiagnosticCode> = [.fileTooLarge, .tooManyNodes, .textTooLong, .tooManyMistakes]
        // The codes of entries without content are tested in SkippedManifestTests.
        let skipped: Set<DiagnosticCode> = [
            .linkNotFollowed, .notAFile, .nameNotUTF8, .folderTooDeep, .declarationNotRead,
        ]
        let tested = large.union(skipped)
        let missing = DiagnosticCode.allCases.filter { !seen.contains($0.rawValue) && !tested.contains($0) }
        #expect(missing.isEmpty, "\(missing)")
    }
}

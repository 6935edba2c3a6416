import Testing

/// Test titles appear alone in the log of CI, so each one is a short sentence of its own.
@Suite("Test titles")
struct TestTitleTests {
    /// A title of a test or a suite, with its place.
    private struct Title {
        let text: String
        let place: String

        /// The title without the IDs of guarantees, such as `SH-2: ` in front or ` (SH-2)` at the end.
        var sentence: Substring {
            let start = text.prefixMatch(of: /[A-Z]+[0-9]?-[0-9]+[a-z]?(?:,[ ][A-Z]+[0-9]?-[0-9]+[a-z]?)*:[ ]/)
            let rest = text[(start?.range.upperBound ?? text.startIndex)...]
            let end = rest.firstMatch(of: /[ ]\([A-Z]+[0-9]?-[0-9]+[^()]*\)$/)
            return rest[..<(end?.range.lowerBound ?? rest.endIndex)]
        }
    }

    private static let maxWords = 15

    /// The titles after an attribute, such as `@Test`.
    private static func titles(_ attribute: String) throws -> [Title] {
        try Repository.files(below: "Tests", ending: ".swift").flatMap { file in
            file.text.split(separator: "@\(attribute)(").dropFirst().compactMap { rest in
                guard let literal = rest.prefixMatch(of: /\s*"((?:[^"\\]|\\.)*)"/) else { return nil }
                return Title(text: String(literal.1), place: "\(file.path): \"\(literal.1)\"")
            }
        }
    }

    @Test("Every test title is a sentence of at most 15 words")
    func titlesAreShortSentences() throws {
        let titles = try Self.titles("Test")
        #expect(titles.count > 500)
        for title in titles {
            if title.sentence.first?.isUppercase != true {
                Issue.record("\(title.place): the title does not start with a capital letter")
            }
            if title.sentence.last == "." { Issue.record("\(title.place): the title ends with a full stop") }
            let count = title.sentence.split(separator: " ").count
            if count > Self.maxWords { Issue.record("\(title.place): the title has \(count) words") }
        }
    }

    @Test("No two tests have the same title")
    func titlesAreUnique() throws {
        for (text, titles) in Dictionary(grouping: try Self.titles("Test"), by: \.text) where titles.count > 1 {
            Issue.record("\(titles.map(\.place).sorted().joined(separator: ", ")): the title \"\(text)\" is not unique")
        }
    }

    @Test("Every suite title starts with a capital letter")
    func suiteTitlesAreCapitalized() throws {
        for title in try Self.titles("Suite") where title.sentence.first?.isUppercase != true {
            Issue.record("\(title.place): the title does not start with a capital letter")
        }
    }
}

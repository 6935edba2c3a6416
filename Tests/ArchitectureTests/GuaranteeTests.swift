import Testing

/// The page of guarantees against the sources that cite it and the tests that it names.
@Suite("Page of guarantees")
struct GuaranteeTests {
    /// One entry of the page.
    private struct Guarantee: Sendable, CustomTestStringConvertible {
        /// For example `SH-2` or `I7`.
        let id: String
        /// Test suites with their target, for example `EndToEndTests.CrashTests`.
        let suites: [String]

        var testDescription: String { id }
        /// The letters in front of the hyphen; nil for an invariant (`I7`).
        var prefix: String? { id.contains("-") ? String(id.prefix { $0 != "-" }) : nil }
    }

    private static let page = "docs/explanation/guarantees.md"

    private static func guarantees() throws -> [Guarantee] {
        // An entry begins with `- **ID**:` and ends before the next one.
        try Repository.file(page).text.split(separator: "\n- **").dropFirst().map { entry in
            Guarantee(
                id: String(entry.prefix { $0 != "*" }),
                suites: entry.matches(of: /`([A-Za-z]+Tests\.[A-Za-z]+Tests)`/).map { String($0.1) }
            )
        }
    }

    /// The IDs in a text, for example `SH-2`, `P1-2` or `I7`.
    ///
    /// Failpoints (`FP-ST-1`) have the same form and are no IDs.
    private static func citedIDs(in text: String, prefixes: Set<String>) -> Set<String> {
        let matches = text.matches(of: /(?<before>[\w-]?)(?<id>(?<prefix>[A-Z][A-Z0-9])-[0-9]+|I[0-9]{1,2})(?![\w])/)
        return Set(
            matches.filter { $0.before.isEmpty && ($0.prefix.map { prefixes.contains(String($0)) } ?? true) }
                .map { String($0.id) }
        )
    }

    @Test("Every guarantee that the sources cite exists on the page")
    func citedGuaranteesExist() throws {
        let guarantees = try Self.guarantees()
        let known = Set(guarantees.map(\.id))
        let prefixes = Set(guarantees.compactMap(\.prefix))
        #expect(known.count == guarantees.count && known.count > 100)
        let files =
            try Repository.files(below: "Sources", ending: ".swift", ".c", ".h")
            + Repository.files(below: "Tests", ending: ".swift", ".c", ".h")
            + Repository.files(below: "docs", ending: ".md")
        for file in files {
            let unknown = Self.citedIDs(in: file.text, prefixes: prefixes).subtracting(known)
            #expect(unknown.isEmpty, "\(file.path) cites \(unknown.sorted()), which \(Self.page) does not define")
        }
    }

    @Test("Every guarantee names tests that exist")
    func namedTestsExist() throws {
        var suites: Set<String> = []
        for file in try Repository.files(below: "Tests", ending: ".swift") {
            let target = file.path.split(separator: "/")[1]
            for name in file.source.names(after: "struct") { suites.insert("\(target).\(name)") }
        }
        for guarantee in try Self.guarantees() {
            #expect(!guarantee.suites.isEmpty, "\(guarantee.id) names no test")
            let missing = guarantee.suites.filter { !suites.contains($0) }
            #expect(missing.isEmpty, "\(guarantee.id) names \(missing), which do not exist")
        }
    }

    @Test("A citation differs from a failpoint and from another word")
    func citationsAreFound() {
        let text = "SH-2, (LG-10) and I7, but FP-SH-3, UTF-8, XSH-4, P1-2, I7a and AB-1."
        #expect(Self.citedIDs(in: text, prefixes: ["SH", "LG", "P1"]) == ["SH-2", "LG-10", "I7", "P1-2"])
    }
}

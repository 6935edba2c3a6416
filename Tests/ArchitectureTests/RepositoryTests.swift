import Testing

@Suite("Repository files")
struct RepositoryTests {
    @Test("Every example begins with a comment and describes each declaration")
    func examplesHaveDescriptions() throws {
        let files = try Repository.files(below: "services.d", ending: ".yaml", ".yml")
        #expect(!files.isEmpty)
        for file in files {
            #expect(file.text.hasPrefix("# "), "\(file.path) does not begin with a comment")
            for (index, document) in file.text.split(separator: /(?m)^---$/).enumerated() {
                // Settings have no key for a description.
                let described = document.contains(/(?m)^kind: Settings$/) || document.contains(/(?m)^description: \S+/)
                #expect(described, "\(file.path), document \(index + 1) has no description")
            }
        }
    }

    @Test("The index of decisions lists exactly the existing decisions")
    func decisionsAreListed() throws {
        let index = try Repository.file("docs/decisions/README.md").text
        let listed = Set(index.matches(of: /\]\((\d{4}-[a-z0-9-]+\.md)\)/).map { String($0.1) })
        let existing = Set(try Repository.files(below: "docs/decisions", ending: ".md").map(\.name))
            .subtracting(["README.md", "template.md"])
        #expect(existing.subtracting(listed).sorted() == [], "not in the index")
        #expect(listed.subtracting(existing).sorted() == [], "in the index only")
    }

    @Test("Every link between pages leads to an existing file")
    func linksResolve() throws {
        let pages =
            try Repository.files(below: "docs", ending: ".md") + [
                Repository.file("README.md"), Repository.file("CONTRIBUTING.md"),
            ]
        for page in pages {
            let folder = page.path.split(separator: "/").dropLast()
            for match in page.text.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/) where !match.1.contains(":") {
                var path = Array(folder)
                for part in match.1.split(separator: "/") where part != "." {
                    if part == ".." { _ = path.popLast() } else { path.append(part) }
                }
                #expect(Repository.has(path.joined(separator: "/")), "\(page.path) links to \(match.1)")
            }
        }
    }

    @Test("Every environment variable that a program reads is described on the page of variables")
    func variablesAreDescribed() throws {
        let page = try Repository.file("docs/reference/variables.md").text
        let sources = try Repository.files(below: "Sources", ending: ".swift", ".c")
            .filter { !$0.path.hasPrefix("Sources/Development/") && !$0.path.hasPrefix("Sources/HeroConvert/") }
        let names = Set(sources.flatMap { $0.text.matches(of: /"((?:HERO|XDG_)[A-Z_]+)"/).map { String($0.1) } })
        // Failpoints and test hooks are not in released programs.
        let ofTests = names.filter { $0.hasPrefix("HEROPROC_FP") || $0.hasPrefix("HEROPROC_TEST") }
        #expect(names.count > 15)
        for name in names.subtracting(ofTests).sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
    }

    @Test("The version is written in one place")
    func versionIsInOnePlace() throws {
        let header = "Sources/CHeroVersion/include/CHeroVersion.h"
        let version = try #require(try Repository.file(header).text.firstMatch(of: /HERO_VERSION ("[^"]+")/)?.1)
        let others = try Repository.files(below: "Sources").filter { $0.path != header && $0.text.contains(version) }
        #expect(others.map(\.path) == [])
    }

    @Test("Every row of the failure matrix names existing tests")
    func failureMatrixNamesTests() throws {
        let page = try Repository.file("docs/explanation/what-survives-what.md")
        let tests = try Repository.files(below: "Tests", ending: "Tests.swift").map(\.source)
        let suites = Set(tests.flatMap { $0.names(after: "struct") })
        let functions = Set(tests.flatMap { $0.names(after: "func") })
        // A failure is a list entry with its name in bold type.
        let rows = page.text.split(separator: "\n## ").flatMap { $0.split(separator: "\n- **").dropFirst() }
        #expect(rows.count > 20)
        for row in rows {
            let named = row.matches(of: /`(?<suite>[A-Z]\w+Tests)(?:\/(?<name>\w+))?`/)
            #expect(!named.isEmpty, "the row names no test: \(row)")
            for test in named {
                let hasSuite = suites.contains(test.suite)
                #expect(hasSuite, "no suite \(test.suite)")
                guard let name = test.name else { continue }
                let hasTest = functions.contains(name)
                #expect(hasTest, "no test \(test.suite)/\(name)")
            }
        }
    }

    @Test("The Makefile describes each of its targets")
    func makefileDescribesTargets() throws {
        let text = try Repository.file("Makefile").text
        let targets = text.matches(of: /(?m)^([a-z]+):(.*)$/)
        for target in targets {
            #expect(target.2.contains("## "), "make \(target.1) has no description")
        }
        let required = ["deps", "build", "up", "down", "test", "check", "fmt", "bench", "sim", "clean"]
        #expect(Set(required).isSubset(of: Set(targets.map { String($0.1) })))
    }
}

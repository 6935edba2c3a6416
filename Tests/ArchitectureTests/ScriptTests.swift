import Foundation
import Testing

/// The scripts of `make check` that need no build.
@Suite("Check scripts")
struct ScriptTests {
    /// Runs a script of `.ci` with text on standard input, and returns its exit code and its output.
    private func run(_ script: String, _ arguments: [String] = [], input: String = "") throws -> (Int32, String) {
        let process = Process()
        process.executableURL = Repository.root.appending(path: ".ci/\(script)")
        process.arguments = arguments
        let (standardInput, output) = (Pipe(), Pipe())
        process.standardInput = standardInput
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try standardInput.fileHandleForWriting.close()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    @Test("The repository contains no term of the old vocabulary")
    func vocabulary() throws {
        let (code, output) = try run("words")
        #expect(code == 0, "\(output)")
    }

    @Test(
        "The vocabulary check finds old names and phrases",
        arguments: ["let x = " + "Erra" + "nd()", "No reconciler " + "lives here.", "Two mis" + "takes here"]
    )
    func vocabularyFindsTerms(text: String) throws {
        #expect(try run("words", ["--stdin"], input: text).0 == 1)
    }

    @Test(
        "The subject check accepts subjects in the imperative mood",
        arguments: [
            "Fix lost reply when the reconciler exits during down", "Embed the schema", "Process events in order",
            "Merge: Add exit codes to status", "Revert \"Add exit codes to status\"",
        ]
    )
    func acceptsSubjects(subject: String) throws {
        let (code, output) = try run("commits", ["--stdin"], input: subject + "\n")
        #expect(code == 0, "\(output)")
    }

    @Test(
        "The subject check refuses other subjects",
        arguments: [
            "The reply is not lost", "Fixed the reply", "Fixes the reply", "Fixing the reply", "fix the reply",
            "Fix the reply.", "Who is retired first", "Merge branch 'main'",
            "Fix " + String(repeating: "x", count: 70),
        ]
    )
    func refusesSubjects(subject: String) throws {
        #expect(try run("commits", ["--stdin"], input: subject + "\n").0 == 1)
    }

    @Test("The modules of make fuzz are complete and in the order of their imports")
    func fuzzModulesAreComplete() throws {
        let makefile = try Repository.file("Makefile").text
        let list = try #require(makefile.firstMatch(of: /for module in (.*HeroFuzz); do/)?.1)
        var built: Set<String> = ["CLibYAML"]
        for module in list.split(separator: " ").map(String.init) {
            let rule = try #require(ModuleRule.table.first { $0.name == module })
            let missing = rule.internalModules.subtracting(built)
            #expect(missing.isEmpty, "\(module) imports \(missing.sorted())")
            built.insert(module)
        }
    }

    @Test("Every part of make torture names an existing test suite")
    func torturePartsExist() throws {
        let makefile = try Repository.file("Makefile").text.replacing("\\\n", with: " ")
        let targets = ["SYSTEM_PARTS": "EndToEndTests", "STORE_PARTS": "HeroStoreTests", "SHIM_PARTS": "HPShimTests"]
        for (variable, target) in targets {
            let files = try Repository.files(below: "Tests/\(target)", ending: ".swift")
            let suites = Set(files.flatMap { $0.source.names(after: "struct") })
            let line = try #require(makefile.split(separator: "\n").first { $0.hasPrefix("\(variable) := ") })
            for part in line.split(whereSeparator: \.isWhitespace).dropFirst(2) {
                let isKnown = suites.contains("\(part)Tests")
                #expect(isKnown, "\(variable): \(target) has no suite \(part)Tests")
            }
        }
    }
}

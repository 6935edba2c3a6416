import Foundation
import Testing

/// Failpoints are declared in one header, occur once each, and do not exist in a release build.
@Suite("Failpoints in the sources")
struct FailpointSourceTests {
    private static let header = "Sources/CHeroFailpoints/include/CHeroFailpoints.h"

    /// The names in the table of the header, in order.
    private func declaredNames(_ macro: String) throws -> [String] {
        try Repository.file(Self.header).text.matches(of: /(POINT|MECHANISM)\(((?:FP|HERO)_\w+),/)
            .filter { $0.1 == macro }.map { String($0.2) }
    }

    /// The number of calls with each name.
    private func countUses(_ call: Regex<(Substring, Substring)>) throws -> [String: Int] {
        var found: [String: Int] = [:]
        for file in try Repository.files(below: "Sources", ending: ".swift", ".c")
        where file.text.contains("hero_") {
            for line in file.source.code where line.contains("hero_") {
                for match in line.matches(of: call) { found[String(match.1), default: 0] += 1 }
            }
        }
        return found
    }

    @Test("Every failpoint occurs in the code exactly once")
    func everyFailpointOccursOnce() throws {
        let names = try declaredNames("POINT")
        #expect(names.count > 40 && Set(names).count == names.count)
        let uses = try countUses(/hero_failpoint\((FP_\w+)\)/)
        #expect(names.filter { uses[$0] != 1 } == [], "not exactly once")
        #expect(Set(uses.keys).subtracting(names) == [], "not in the table")
    }

    @Test("Every mechanism in the failpoint header can be disabled in the code")
    func everyMechanismCanBeDisabled() throws {
        let names = try declaredNames("MECHANISM")
        let uses = try countUses(/hero_is_disabled\((HERO_\w+)\)/)
        #expect(!names.isEmpty && Set(names) == Set(uses.keys))
    }

    @Test("The pure modules contain no failpoint")
    func pureModulesHaveNone() throws {
        for module in ["HeroModel", "HeroManifest", "HeroPlan", "HeroLifecycle", "HeroKernel", "HeroView"] {
            for file in try Repository.files(below: "Sources/\(module)", ending: ".swift") {
                #expect(!file.text.contains("hero_failpoint"), "\(file.path)")
            }
        }
    }

    @Test(
        "Release builds contain no failpoint code and no failpoint names"
    )
    func releaseHasNone() throws {
        let package = try Repository.file("Package.swift").text
        let defined = package.matches(of: /"FAILPOINTS".*/).map { String($0.0) }
        #expect(defined == [#""FAILPOINTS", .when(configuration: .debug))]"#])

        let object = FileManager.default.temporaryDirectory.appending(path: "failpoints-\(UUID().uuidString).o")
        defer { try? FileManager.default.removeItem(at: object) }
        let include = Repository.root.appending(path: "Sources/CHeroFailpoints/include").path(percentEncoded: false)
        let source = Repository.root.appending(path: "Sources/CHeroFailpoints/failpoints.c").path(percentEncoded: false)
        for (isDebug, options) in [(true, ["-DFAILPOINTS=1"]), (false, [])] {
            let compiler = Process()
            compiler.executableURL = URL(filePath: "/usr/bin/env")
            compiler.arguments =
                ["clang", "-Os", "-I", include, "-c", source, "-o", object.path(percentEncoded: false)] + options
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0)
            let bytes = try Data(contentsOf: object)
            for word in ["FP_ST_1", "HEROPROC_FP", "hero_failpoint", "intention"] {
                #expect((bytes.range(of: Data(word.utf8)) != nil) == isDebug, "\(word)")
            }
        }
    }
}

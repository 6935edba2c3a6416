import Foundation
import HeroJSON
import SchemaValidation
import Testing

@Suite("Formats")
struct FormatTests {
    @Test("The schema command prints the committed schemas in every output format")
    func printsCommittedSchemas() async throws {
        try await Sandbox.with { sandbox in
            let names = try FileManager.default.contentsOfDirectory(atPath: CommittedSchemas.folder.path)
                .filter { $0.hasSuffix(".schema.json") }
            #expect(names.count >= 9)
            for name in names {
                let committed = try String(
                    contentsOf: CommittedSchemas.folder.appendingPathComponent(name),
                    encoding: .utf8
                )
                for format in [[], ["-o", "json"]] {
                    let running = try sandbox.start(["schema", String(name.prefix { $0 != "." })] + format)
                    #expect(try await sandbox.exitCode(of: running) == 0)
                    #expect(sandbox.readText(running.outputPath) == committed, "\(name)")
                }
            }
        }
    }

    @Test(
        "Validate exits with the same code in every format, with or without --strict",
        arguments: [
            (ExitCodeCase.validSet, false, 0 as Int32), (ExitCodeCase.validSet, true, 0),
            (ExitCodeCase.setWithWarning, false, 0),
            (ExitCodeCase.setWithWarning, true, 2), (ExitCodeCase.invalidSet, false, 2),
            (ExitCodeCase.invalidSet, true, 2),
        ]
    )
    func exitCodeIgnoresFormat(_ manifests: [String: String], _ isStrict: Bool, _ code: Int32) async throws {
        try await Sandbox.with(manifests) { sandbox in
            for format in ["text", "json", "github", "sarif"] {
                let arguments = ["validate", "-o", format] + (isStrict ? ["--strict"] : [])
                for quiet in [[], ["--quiet"]] {
                    let running = try sandbox.start(arguments + quiet)
                    #expect(try await sandbox.exitCode(of: running) == code, "\(arguments)")
                    expectSchema(sandbox.readText(running.outputPath), of: arguments)
                    if format == "json" {
                        #expect(
                            try JSONValue(parsing: sandbox.readText(running.outputPath))["valid"] == .bool(code == 0)
                        )
                    }
                    if format == "text", code != 0 { #expect(!sandbox.readText(running.errorPath).isEmpty) }
                }
            }
        }
    }

    @Test("The github and sarif formats report places relative to the working directory")
    func reportsRelativePlaces() async throws {
        try await Sandbox.with(ExitCodeCase.invalidSet) { sandbox in
            for directory in ["services.d", "./services.d/", sandbox.servicesDirectory] {
                let github = try await sandbox.run("validate", "-o", "github", "-d", directory)
                #expect(github.exitCode == 2)
                let first = github.output.split(separator: "\n").first ?? ""
                #expect(first.hasPrefix("::error file=services.d/web.yaml,line=2,endLine=2,col=7,endColumn=9,title="))
                let sarif = try await sandbox.run("validate", "-o", "sarif", "-d", directory)
                #expect(sarif.exitCode == 2)
                guard case .array(let runs)? = try JSONValue(parsing: sarif.output)["runs"],
                    case .array(let results)? = runs.first?["results"],
                    case .array(let locations)? = results.first?["locations"]
                else {
                    Issue.record("\(sarif.output)")
                    continue
                }
                let place = locations.first?["physicalLocation"]
                #expect(place?["artifactLocation"]?["uri"] == .string("services.d/web.yaml"))
                #expect(place?["region"]?["startColumn"] == .integer(7))
                #expect(results.first?["ruleId"] == .string("invalid-name"))
            }
        }
    }

    @Test("Valid manifests produce no annotations and an empty SARIF log")
    func validSetHasNoAnnotations() async throws {
        try await Sandbox.with(ExitCodeCase.validSet) { sandbox in
            #expect(try await sandbox.run("validate", "-o", "github").output.isEmpty)
            let sarif = try await sandbox.run("validate", "-o", "sarif")
            guard case .array(let runs)? = try JSONValue(parsing: sarif.output)["runs"] else { return }
            #expect(runs.first?["results"] == .array([]))
        }
    }
}

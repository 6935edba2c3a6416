import Foundation
import Testing

@Suite("Init")
struct InitTests {
    @Test("Init writes manifests that validate without warnings, and names the next steps")
    func writesValidSet() async throws {
        try await Sandbox.with(requiresCore: true) { sandbox in
            for arguments in [[], ["--dir", "new/deep/set"], ["-d", sandbox.root + "/absolute"]] {
                let made = try sandbox.start(["init"] + arguments)
                #expect(try await sandbox.exitCode(of: made) == 0, "\(sandbox.readText(made.errorPath))")
                #expect(sandbox.readText(made.errorPath).contains("heroproc apply"))
                let checked = try sandbox.start(["validate", "--strict"] + arguments)
                #expect(try await sandbox.exitCode(of: checked) == 0, "\(sandbox.readText(checked.errorPath))")
                #expect(sandbox.readText(checked.outputPath) == "2 services in 3 files: no errors.\n")
                for line in sandbox.readText(made.outputPath).split(separator: "\n") where line.hasSuffix(".yaml") {
                    let path = line.hasPrefix("/") ? String(line) : "\(sandbox.root)/\(line)"
                    let first = sandbox.readText(path).prefix { $0 != "\n" }
                    #expect(first == "# yaml-language-server: $schema=.schema/manifest.schema.json")
                }
            }
            #expect(!sandbox.hasState)
        }
    }

    @Test("Init --hero declares hero_db instead of opting out of it")
    func declaresHeroDatabase() async throws {
        try await Sandbox.with(requiresCore: true) { sandbox in
            #expect(try await sandbox.run("init", "--hero").exitCode == 0)
            #expect(sandbox.readText("\(sandbox.servicesDirectory)/hero_db.yaml").contains("\nname: hero_db\n"))
            let checked = try await sandbox.run("validate", "--strict")
            #expect(checked.exitCode == 0 && checked.output == "3 services in 3 files: no errors.\n")
        }
    }

    @Test("The services that init writes start, and the JSON lists every file")
    func writtenSetStarts() async throws {
        try await Sandbox.with(requiresCore: true) { sandbox in
            let files = try await sandbox.run("init", "-o", "json").json["files"] as? [String] ?? []
            #expect(files.count >= 3)
            for file in files { #expect(FileManager.default.fileExists(atPath: "\(sandbox.root)/\(file)")) }
            let applied = try await sandbox.run("apply")
            #expect(applied.exitCode == 0, "\(applied.errorOutput)")
        }
    }

    @Test("Init refuses to overwrite an existing file, names it and changes nothing")
    func keepsExistingFiles() async throws {
        let mine = ["hello.yaml": "# mine\n"]
        for manifests in [mine, ["sub.yaml": "# mine\n"]] {
            try await Sandbox.with(manifests) { sandbox in
                let before = try FileManager.default.subpathsOfDirectory(atPath: sandbox.servicesDirectory)
                let answer = try await sandbox.run("init")
                #expect(answer.exitCode == 2)
                #expect(answer.output.isEmpty)
                for name in manifests.keys {
                    #expect(answer.errorOutput.contains("services.d/\(name)"))
                    #expect(sandbox.readText("\(sandbox.servicesDirectory)/\(name)") == "# mine\n")
                }
                #expect(try FileManager.default.subpathsOfDirectory(atPath: sandbox.servicesDirectory) == before)
            }
        }
        try await Sandbox.with { sandbox in
            // A link with the name of a manifest must not be overwritten either.
            try FileManager.default.createSymbolicLink(
                atPath: "\(sandbox.servicesDirectory)/prepare.yaml",
                withDestinationPath: "\(sandbox.root)/victim"
            )
            let answer = try await sandbox.run("init")
            #expect(answer.exitCode == 2)
            #expect(answer.errorOutput.contains("services.d/prepare.yaml"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.servicesDirectory) == ["prepare.yaml"])
            #expect(!FileManager.default.fileExists(atPath: "\(sandbox.root)/victim"))
        }
    }

    @Test("Init reports a path that it cannot write")
    func reportsWriteErrors() async throws {
        try await Sandbox.with { sandbox in
            try Data().write(to: URL(fileURLWithPath: sandbox.root + "/file"))
            let answer = try await sandbox.run("init", "--dir", "file/services.d")
            #expect(answer.exitCode == 2)
            #expect(answer.errorOutput.contains("cannot write file"))
        }
    }
}

import Foundation
import HeroJSON
import SchemaValidation
import Testing

@Suite("Import")
struct ImportTests {
    private static let procfile = "web: web --port $PORT\nworker: worker --queue all\n"

    @Test("Import writes manifests that validate, and a lost key makes it exit with 1")
    func writesManifests() async throws {
        try await Sandbox.with { sandbox in
            try Data(Self.procfile.utf8).write(to: URL(fileURLWithPath: sandbox.root + "/Procfile"))
            let printed = try await sandbox.run("import", "procfile", "Procfile")
            #expect(printed.exitCode == 0, "\(printed.errorOutput)")
            #expect(printed.output.contains("kind: Service\nname: worker\n"), "\(printed.output)")
            #expect(printed.output.contains("essential: true\n"), "\(printed.output)")
            let lossy = "[program:x]\ncommand=app\nstdout_capture_maxbytes=1MB\n"
            try Data(lossy.utf8).write(to: URL(fileURLWithPath: sandbox.root + "/s.conf"))
            #expect(try await sandbox.run("import", "supervisord", "s.conf").exitCode == 1)
            let written = try await sandbox.run("import", "procfile", "Procfile", "--out", "made", "-o", "json")
            #expect(written.exitCode == 0)
            #expect(try JSONValue(parsing: written.output)["refused"] == .bool(false))
            let checked = try await sandbox.run("validate", "--dir", "made")
            #expect(checked.exitCode == 0, "\(checked.errorOutput)")
            let again = try await sandbox.run("import", "procfile", "Procfile", "--out", "made")
            #expect(again.exitCode == 2)
            #expect(again.errorOutput.contains("exists already"))
        }
    }

    @Test("Import refuses a dangerous key without its code and writes nothing")
    func refusesDangers() async throws {
        let text = "[fcgi-program:x]\ncommand=app\nsocket=unix:///run/app.sock\n"
        try await Sandbox.with { sandbox in
            try Data(text.utf8).write(to: URL(fileURLWithPath: sandbox.root + "/s.conf"))
            let refused = try await sandbox.run("import", "supervisord", "s.conf", "--out", "made")
            #expect(refused.exitCode == 2)
            #expect(refused.errorOutput.contains("--accept socket-activation"))
            #expect(!FileManager.default.fileExists(atPath: sandbox.root + "/made"))
            let accepted = try await sandbox.run(
                "import",
                "supervisord",
                "s.conf",
                "--out",
                "made",
                "--accept",
                "socket-activation"
            )
            #expect(accepted.exitCode == 1)
            #expect(FileManager.default.fileExists(atPath: sandbox.root + "/made/x.yaml"))
        }
    }

    @Test("Import reports a file that it cannot read, with its line, and exits with 2")
    func reportsUnreadableFiles() async throws {
        try await Sandbox.with { sandbox in
            try Data("[program:x]\nnonsense\n".utf8).write(to: URL(fileURLWithPath: sandbox.root + "/s.conf"))
            let broken = try await sandbox.run("import", "supervisord", "s.conf")
            #expect(broken.exitCode == 2)
            #expect(broken.errorOutput.contains("s.conf:2: "), "\(broken.errorOutput)")
            #expect(try await sandbox.run("import", "supervisord", "missing").exitCode == 2)
            #expect(try await sandbox.run("import", "supervisord", ".").exitCode == 2)
            #expect(try await sandbox.run("import", "unknown", "s.conf").exitCode == 64)
            #expect(try await sandbox.run("import", "supervisord", "s.conf", "--accept", "lost").exitCode == 64)
        }
    }
}

import Foundation
import Glibc
import HeroManual
import HeroModel
import Testing

@Suite("The manual")
struct ManualTests {
    private static let groff = ["/usr/bin/groff", "/usr/local/bin/groff"].first { (path: String) in
        access(path, X_OK) == 0
    }

    private static func pages(_ sandbox: Sandbox) async throws -> [HeroManual.Page] {
        var help: [Data] = []
        for program in ["heroproc", "heroproc-server"] {
            let running = try sandbox.start(["--experimental-dump-help"], program: builtProgram(program))
            help.append(Data(try await sandbox.result(of: running).output.utf8))
        }
        return try HeroManual.pages(help: help, version: "1.2.3")
    }

    @Test("The manual has a page for every command, and one with every key of manifests")
    func pagesAreComplete() async throws {
        try await Sandbox.with { sandbox in
            let pages = try await Self.pages(sandbox)
            let names = pages.map(\.file)
            for name in ["", "-validate", "-diff", "-apply", "-status", "-jobs", "-jobs-cleanup", "-dev", "-serve"] {
                #expect(names.contains("heroproc\(name).1"))
            }
            #expect(!names.contains("heroproc-restart.1") && !names.contains("heroproc-help.1"))
            let serve = try #require(pages.first { $0.file == "heroproc-serve.1" })
            #expect(serve.text.contains("\\fB\\-\\-admin\\-group GROUP\\fR"), "the options of its own program")
            let apply = try #require(pages.first { $0.file == "heroproc-apply.1" })
            #expect(apply.text.contains(".SH \"EXIT CODES\"\n.PP\n.nf\n  0   "))
            let manifest = try #require(pages.first { $0.file == "heroproc-manifest.5" })
            let fields = ServiceSpec.fields.flatMap(\.paths) + ActionSpec.fields.flatMap(\.paths)
            for path in fields.map(\.path) + Settings.fields.flatMap(\.paths).map(\.path) {
                #expect(manifest.text.contains("\n\\fB\(path.replacing("-", with: "\\-"))\\fR\n"), "\(path)")
            }
        }
    }

    @Test("The formatter groff renders all pages without a warning", .enabled(if: groff != nil, "needs groff"))
    func pagesAreWellFormed() async throws {
        try await Sandbox.with { sandbox in
            for page in try await Self.pages(sandbox) {
                let file = "\(sandbox.root)/\(page.file)"
                try Data(page.text.utf8).write(to: URL(fileURLWithPath: file))
                let running = try sandbox.start(
                    ["-man", "-ww", "-z", "-K", "utf8", file],
                    program: try #require(Self.groff)
                )
                let answer = try await sandbox.result(of: running)
                #expect(answer.exitCode == 0 && answer.errorOutput.isEmpty, "\(page.file): \(answer.errorOutput)")
            }
        }
    }

    @Test("The program prints completion scripts for bash, zsh and fish", arguments: ["bash", "zsh", "fish"])
    func completionsWork(_ shell: String) async throws {
        try await Sandbox.with { sandbox in
            let script = try await sandbox.run("--generate-completion-script", shell).output
            #expect(script.contains("reconcile") && script.contains("validate"))
            let program = ["/usr/bin/\(shell)", "/bin/\(shell)"].first { (path: String) in access(path, X_OK) == 0 }
            guard let program else { return }
            let file = "\(sandbox.root)/completion"
            try Data(script.utf8).write(to: URL(fileURLWithPath: file))
            let answer = try await sandbox.result(of: sandbox.start(["-n", file], program: program))
            #expect(answer.exitCode == 0, "\(answer.errorOutput)")
        }
    }
}

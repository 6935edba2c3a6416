import Foundation
import Glibc
import Testing

/// Runs the `console` blocks of pages for users, and compares the output that they show.
@Suite("Console blocks of the documentation", .serialized)
struct ConsolePageTests {
    /// The pages whose commands need nothing but heroproc and a directory.
    ///
    /// The examples of the repository need Redis.
    static let pages =
        ["docs/tutorial/first-service.md"] + (access("/usr/bin/redis-server", X_OK) == 0 ? ["README.md"] : [])

    /// The place of the sandbox in the shown output.
    private static let shownRoot = "/home/ann"
    /// The state directory in the shown output.
    private static let shownState = "/home/ann/.local/state/heroproc"

    @Test("Every command of a page works in order, with the output that the page shows", arguments: pages)
    func pageRuns(_ path: String) async throws {
        let steps = ConsolePage(path).steps
        #expect(steps.count > 3)
        try await Sandbox.with(requiresCore: true) { sandbox in
            let home = "\(sandbox.root)/home"
            runShell("mkdir \(shellQuoted(home))")
            var directory = home
            if path == "README.md" { directory = try await Self.applyExamples(in: home, sandbox) }
            // The PIDs that the page shows, and the names of their services.
            var shownProcesses: [String: String] = [:]
            for step in steps {
                let place = "\(sandbox.root)/directory"
                var command = step.command
                if command.hasPrefix("kill -9 "), let shown = command.split(separator: " ").dropFirst(2).first,
                    let name = shownProcesses[String(shown)]
                {
                    let action = try await sandbox.firstAction(name)
                    command = "kill -9 \(try #require(action).pid)"
                }
                let script = "exec 2>&1; cd \(shellQuoted(directory)); \(command)\npwd > \(shellQuoted(place))"
                let run = { () async throws -> String in
                    let path = URL(fileURLWithPath: Sandbox.binary).deletingLastPathComponent().path
                    let answer = try await sandbox.result(
                        of: sandbox.start(
                            ["-c", script],
                            environment: ["PATH": "\(path):/usr/local/bin:/usr/bin:/bin"],
                            program: "/bin/sh"
                        )
                    )
                    return answer.output.replacing("\r\n", with: "\n").replacing(home, with: Self.shownRoot)
                        .replacing(sandbox.stateDirectory, with: Self.shownState)
                }
                var output = ""
                if Self.onlyReads(step.command), !step.output.isEmpty {
                    // The reader of the page is slower than this test.
                    try? await eventually("`\(step.command)` shows what the page shows", within: 20) {
                        output = try await run()
                        return ConsolePage.matches(step.output, output)
                    }
                } else {
                    output = try await run()
                }
                #expect(
                    step.output.isEmpty || ConsolePage.matches(step.output, output),
                    """
                    \(path): $ \(step.command)
                    shown:
                    \(step.output.joined(separator: "\n"))
                    is:
                    \(output)
                    """
                )
                for line in step.output where line.contains(" core/") {
                    let words = line.split(separator: " ").map(String.init)
                    let names = words.filter { $0.hasPrefix("core/") }
                    for word in words where Int(word) != nil {
                        shownProcesses[word] = names.first.map { String($0.dropFirst(5)) }
                    }
                }
                directory = sandbox.readText(place).trimmingCharacters(in: .newlines)
            }
        }
    }

    /// Applies the examples of the repository, with other ports, in the place of a clone.
    private static func applyExamples(in home: String, _ sandbox: Sandbox) async throws -> String {
        let clone = "\(home)/heroproc"
        let (database, web) = (try freePort(), try freePort())
        let source = repositoryRoot.appending(path: "services.d").path(percentEncoded: false)
        let copied = runShell(
            "mkdir \(clone) && cp -r \(shellQuoted(source)) \(clone)/services.d "
                + "&& sed -i 's/16379/\(database)/; s/18080/\(web)/g' \(clone)/services.d/*.yaml"
        )
        try #require(copied == 0)
        let applied = try await sandbox.run("apply", "-q", "--dir", "\(clone)/services.d")
        try #require(applied.exitCode == 0, "\(applied.errorOutput)")
        return clone
    }

    /// Whether a command may be run again.
    private static func onlyReads(_ command: String) -> Bool {
        ["heroproc status", "heroproc jobs", "heroproc logs", "heroproc why", "curl "].contains {
            command.hasPrefix($0)
        }
    }

    @Test("A page with another output than the real one is recognized")
    func wrongOutputIsRecognized() {
        let real = "running  core/web  4850  231ms  0\n1 service. Revision 1, applied 3s ago; pid 777.\n"
        let table = "running core/web 123 1s 0"
        #expect(ConsolePage.matches([table, "1 service. Revision 1, applied now; pid 999."], real))
        #expect(ConsolePage.matches(["...", "1 service. Revision 1, applied 1h ago; pid 777."], real))
        #expect(!ConsolePage.matches([table], real), "a line is missing")
        #expect(!ConsolePage.matches(["running core/web 123 1s 1", "..."], real), "another number of restarts")
    }
}

import Foundation
import Glibc
import Testing

/// One run of the commands of a page, in a sandbox.
final class PageRun {
    private let stage: PageStage
    private let sandbox: Sandbox
    /// The home directory of the reader.
    private let home: String
    /// The directory that the next command runs in.
    private var directory: String
    private let ports: [Int]
    /// The commands that run until the end of the page.
    private var background: [RunningCommand] = []
    /// The services of the PIDs that the page shows.
    private var shownProcesses: [String: String] = [:]

    /// The place of the sandbox in the shown output, and its state directory.
    private static let (shownRoot, shownState) = ("/home/ann", "/home/ann/.local/state/heroproc")

    init(_ stage: PageStage, _ sandbox: Sandbox) throws {
        (self.stage, self.sandbox) = (stage, sandbox)
        home = "\(sandbox.root)/home"
        directory = stage.directory.isEmpty ? home : "\(home)/\(stage.directory)"
        ports = [try freePort(), try freePort()]
    }

    /// Runs all blocks of the page that the stage selects.
    func run() async throws {
        let steps = ConsolePage(stage.page).blocks.filter(stage.runs).flatMap(ConsolePage.steps)
        try #require(!steps.isEmpty)
        try await prepare()
        do {
            for step in steps { try await run(step) }
        } catch {
            await endBackground()
            throw error
        }
        await endBackground()
    }

    private func prepare() async throws {
        let files = FileManager.default
        try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if !stage.manifests.isEmpty || !stage.preparation.isEmpty {
            try files.createDirectory(atPath: "\(directory)/services.d", withIntermediateDirectories: true)
        }
        for (name, text) in stage.manifests {
            try Data(actual(text).utf8).write(to: URL(fileURLWithPath: "\(directory)/services.d/\(name)"))
        }
        let answer = try await sandbox.result(of: start("set -e\n\(stage.preparation)"))
        try #require(answer.exitCode == 0, "\(answer.output)")
    }

    private func run(_ step: ConsolePage.Step) async throws {
        let command = try await actualCommand(step.command)
        if let (_, end) = stage.endless.first(where: { step.command.hasPrefix($0.key) }) {
            try await runEndless(step, "exec \(command)", end)
        } else {
            try await runOnce(step, command)
        }
        rememberProcesses(step.output)
    }

    private func runOnce(_ step: ConsolePage.Step, _ command: String) async throws {
        let place = "\(sandbox.root)/directory"
        var (code, output): (Int32, String) = (0, "")
        let run = {
            // The next command begins in the directory that this one has changed to.
            let script = "\(command)\ncode=$?; pwd > '\(place)'; exit $code"
            let answer = try await self.sandbox.result(of: self.start(script))
            (code, output) = (answer.exitCode, answer.output)
        }
        if Self.onlyReads(step.command), !step.output.isEmpty {
            // The reader of the page is slower than this test.
            try? await eventually("`\(step.command)` shows what the page shows", within: 20) {
                try await run()
                return ShownOutput.matches(step.output, shown(output))
            }
        } else {
            try await run()
        }
        directory = sandbox.readText(place).trimmingCharacters(in: .newlines)
        let isRight =
            step.output.isEmpty
            ? code == stage.exitCodes.first { step.command.hasPrefix($0.key) }?.value ?? 0
            : ShownOutput.matches(step.output, shown(output))
        #expect(isRight, "\(describe(step, output)), exit code \(code)")
    }

    private func runEndless(_ step: ConsolePage.Step, _ command: String, _ end: PageStage.End) async throws {
        let running = try start(command)
        let output = { self.shown(self.sandbox.readText(running.outputPath)) }
        try? await eventually("`\(step.command)` shows what the page shows") {
            !output().isEmpty && ShownOutput.contains(step.output, in: output())
        }
        #expect(
            !output().isEmpty && ShownOutput.contains(step.output, in: output()),
            "\(describe(step, sandbox.readText(running.outputPath)))"
        )
        background.append(running)
        if end == .afterOutput { await endBackground() }
    }

    /// Interrupts the endless commands, the last one first.
    private func endBackground() async {
        for running in background.reversed() {
            kill(running.pid, SIGINT)
            _ = try? await sandbox.exitCode(of: running)
        }
        background = []
        if let pid = pid_t(sandbox.readText("\(sandbox.root)/background")) { kill(pid, SIGKILL) }
    }

    /// Starts a script in the current directory, with the program under test on the PATH.
    private func start(_ script: String) throws -> RunningCommand {
        let programs = URL(fileURLWithPath: Sandbox.binary).deletingLastPathComponent().path
        return try sandbox.start(
            ["-c", "exec 2>&1; cd '\(directory)'; \(script)"],
            environment: [
                "PATH": "\(programs):/usr/local/bin:/usr/bin:/bin", "HOME": home, "ROOT": sandbox.root,
                "PORT": "\(ports[0])", "PORT2": "\(ports[1])",
                "SOURCES": repositoryRoot.path(percentEncoded: false),
            ],
            program: "/bin/sh"
        )
    }

    // MARK: Shown and actual texts

    private func actualCommand(_ command: String) async throws -> String {
        if command.hasPrefix("kill -9 "), let shown = command.split(separator: " ").dropFirst(2).first,
            let name = shownProcesses[String(shown)]
        {
            let action = try await sandbox.firstAction(name)
            return "kill -9 \(try #require(action).pid)"
        }
        guard let added = stage.additions.first(where: { command.hasPrefix($0.key) }) else { return actual(command) }
        return actual(command.replacing(added.key, with: "\(added.key) \(added.value)", maxReplacements: 1))
    }

    private func actual(_ text: String) -> String {
        var text = text
        for (shown, used) in stage.replacements { text = text.replacing(shown, with: used) }
        return expanded(text)
    }

    private func shown(_ text: String) -> String {
        var text = text.replacing("\r\n", with: "\n")
        for (shown, used) in stage.replacements { text = text.replacing(expanded(used), with: shown) }
        text = text.replacing(/held by pid \d+ \S+,/, with: "held by pid 412 /usr/sbin/nginx,")
        return text.replacing(home, with: Self.shownRoot).replacing(sandbox.stateDirectory, with: Self.shownState)
    }

    private func expanded(_ text: String) -> String {
        text.replacing("$ROOT", with: sandbox.root).replacing("$PORT", with: "\(ports[0])")
    }

    private func rememberProcesses(_ output: [String]) {
        for line in output where line.contains(" core/") {
            let words = line.split(separator: " ").map(String.init)
            guard let name = words.first(where: { $0.hasPrefix("core/") }) else { continue }
            for word in words where Int(word) != nil { shownProcesses[word] = String(name.dropFirst(5)) }
        }
    }

    private func describe(_ step: ConsolePage.Step, _ output: String) -> String {
        """
        \(stage.page): $ \(step.command)
        shown:
        \(step.output.joined(separator: "\n"))
        is:
        \(shown(output))
        """
    }

    /// Whether a command may be run again.
    private static func onlyReads(_ command: String) -> Bool {
        ["heroproc status", "heroproc jobs", "heroproc logs", "heroproc why", "curl "].contains {
            command.hasPrefix($0)
        }
    }
}

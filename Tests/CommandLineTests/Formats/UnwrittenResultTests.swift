import Foundation
import Testing

@Suite("Unwritten results")
struct UnwrittenResultTests {
    /// Commands that write a result; nothing was ever applied.
    static let commands = [
        "--help", "status --help", "help apply", "--version", "--generate-completion-script bash",
        "--experimental-dump-help", "schema manifest", "validate", "validate -o json", "validate -o github",
        "validate -o sarif", "diff", "diff -o json", "diff -o markdown", "diff -o github", "apply --dry-run",
        "status", "status -o json", "status --watch", "why web", "why web -o json", "tree", "tree -o json", "graph",
        "graph -o json", "jobs", "jobs -o json", "events -o json", "history", "history -o json", "doctor",
        "doctor -o json", "down", "down -o json", "init -d new",
    ]
    /// Commands that write nothing when nothing was ever applied, in spite of their result.
    static let silentCommands: Set<String> = ["events -o json", "validate -o github"]

    @Test(
        "A result that cannot be written ends the command with 2 and a message",
        arguments: commands.filter { !silentCommands.contains($0) }
    )
    func failsWithoutOutput(_ line: String) async throws {
        let set = ["web.yaml": Sandbox.service("web")]
        for (redirection, reason) in [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")] {
            try await Sandbox.with(set) { sandbox in
                let answer = try await Self.run(line, redirection, in: sandbox)
                #expect(answer.exitCode == 2, "\(redirection): \(answer.errorOutput)")
                let message = "error: cannot write the result: \(reason)"
                #expect(answer.errorOutput.components(separatedBy: message).count == 2, "\(answer.errorOutput)")
            }
        }
    }

    @Test("A reader that has exited changes neither exit code nor messages", arguments: commands)
    func ignoresLostReader(_ line: String) async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            let complete = line.contains("--watch") ? nil : try await Self.run(line, "> /dev/null", in: sandbox)
            try await sandbox.shell("rm -rf new")
            // The reader of the pipe is closed before the command begins.
            let script = "mkfifo pipe; exec 3<>pipe 4>pipe 3<&-; \"$0\" \(line) >&4; echo $? > code"
            let answer = try await sandbox.result(
                of: sandbox.start(["-c", script, Sandbox.binary], program: "/bin/sh")
            )
            #expect(!answer.errorOutput.contains("cannot write"), "\(answer.errorOutput)")
            if let complete { #expect(sandbox.readText(sandbox.root + "/code") == "\(complete.exitCode)\n") }
        }
    }

    @Test("An applied change whose report cannot be written exits with 2 and stays applied")
    func appliesWithoutOutput() async throws {
        try await Sandbox.with(["web.yaml": Sandbox.service("web")]) { sandbox in
            for command in ["apply", "apply -o json", "logs web", "jobs cleanup --tag t -o json", "jobs"] {
                if command == "logs web" {
                    try sandbox.writeManifest("web.yaml", Sandbox.service("web", script: "echo one; exec sleep 1000"))
                    #expect(try await sandbox.run("apply").exitCode == 0)
                    try await eventually("there is a line") {
                        try await sandbox.run("logs", "web").output == "one\n"
                    }
                }
                let answer = try await Self.run(command, "> /dev/full", in: sandbox)
                #expect(answer.exitCode == 2, "\(command)")
                #expect(answer.errorOutput.contains("cannot write the result"), "\(command): \(answer.errorOutput)")
                #expect(try await sandbox.run("status").exitCode == 0)
            }
            let followed = try await Self.run("logs web -f", "> /dev/full", in: sandbox)
            #expect(followed.exitCode == 2)
        }
    }

    @Test("A usage error keeps its code when standard output is closed")
    func usageErrorKeepsCode() async throws {
        try await Sandbox.with { sandbox in
            let unknown = try await Self.run("frobnicate", ">&-", in: sandbox)
            #expect(unknown.exitCode == 64)
            let valid = try await Self.run("validate", "2> /dev/full", in: sandbox)
            #expect(valid.exitCode == 0)
        }
    }

    @Test("The shim reports a version that cannot be written")
    func shimReportsFailure() async throws {
        try await Sandbox.with { sandbox in
            let shim = builtProgram("hpshim")
            let answer = try await sandbox.result(
                of: sandbox.start(["-c", "\"$0\" version > /dev/full", shim], program: "/bin/sh")
            )
            #expect(answer.exitCode != 0)
            #expect(answer.errorOutput.contains("cannot write the version"))
        }
    }

    private static func run(_ line: String, _ redirection: String, in sandbox: Sandbox) async throws -> CommandResult {
        let script = "\"$0\" \(line) \(redirection)"
        return try await sandbox.result(of: sandbox.start(["-c", script, Sandbox.binary], program: "/bin/sh"))
    }
}

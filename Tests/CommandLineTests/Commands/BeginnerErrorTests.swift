import Foundation
import Glibc
import Testing

/// The errors of the first hour: each message says how to correct it, without a page.
@Suite("Errors of beginners")
struct BeginnerErrorTests {
    /// An error in a manifest that `validate` finds.
    struct WrongManifest: Sendable, CustomTestStringConvertible {
        let name: String
        /// The manifests, one document each.
        let manifests: [String]
        /// What the message must contain.
        let answer: [String]
        var testDescription: String { name }

        init(_ name: String, _ manifests: String..., answer: [String]) {
            (self.name, self.manifests, self.answer) = (name, manifests, answer)
        }
    }

    private static let sleeper = "exec: [sleep, \"1000\"]\n"

    static let cases = [
        WrongManifest(
            "wrong indentation",
            "kind: Service\nname: web\n exec: [sleep, \"1000\"]\n",
            answer: ["0.yaml:3:", "indented deeper than the one before it", "begin both in the same column"]
        ),
        WrongManifest(
            "forgotten dash",
            "kind: Service\nname: web\nactions:\n  name: main\n  exec: [sleep, \"1000\"]\n",
            answer: ["0.yaml:4:", "must be a list", "begin the action with a dash, as in `- name: main`"]
        ),
        WrongManifest(
            "wrong key",
            "kind: Service\nname: web\ncommand: [sleep, \"1000\"]\n",
            answer: ["0.yaml:3:1:", "unknown key `command`; did you mean `exec`?"]
        ),
        WrongManifest(
            "text for a list",
            "kind: Service\nname: web\nexec: sleep 1000\nrequires: db\n",
            "kind: Service\nname: db\n" + sleeper,
            answer: ["write it as `exec: [sleep, 1000]`", "write it as `requires: [db]`"]
        ),
        WrongManifest(
            "missing quotes",
            "kind: Service\nname: web\nexec: [echo, note: this]\n",
            answer: ["0.yaml:3:", "quote it if it is a string that contains `: `"]
        ),
        WrongManifest(
            "declared twice",
            "kind: Service\nname: web\n" + sleeper,
            "kind: Service\nname: web\n" + sleeper,
            answer: [
                "1.yaml:2:", "`core/web` is declared twice", "0.yaml:2:7: note: first declared", "rename or remove",
            ]
        ),
        WrongManifest(
            "cycle",
            "kind: Service\nname: web\nrequires: [db]\n" + sleeper,
            "kind: Service\nname: db\nrequires: [web]\n" + sleeper,
            answer: ["`core/web` -> `core/db` -> `core/web`", "remove one of these 2 dependencies"]
        ),
        WrongManifest(
            "wrong path",
            "kind: Service\nname: web\nexec: [python3, app.py]\n",
            answer: [
                "warning: `app.py` is a relative path, which is looked up in `/`", "write `cwd:` with its directory",
            ]
        ),
        WrongManifest(
            "no kind",
            "name: web\n" + sleeper,
            answer: ["has no `kind`", "begin it with `kind: Service`"]
        ),
        WrongManifest(
            "misspelled requirement",
            "kind: Service\nname: web\nrequires: [bd]\n" + sleeper,
            "kind: Service\nname: db\n" + sleeper,
            answer: ["`core/bd`, which is not a declared service; did you mean `db`?"]
        ),
    ]

    @Test("An error in a manifest has its place and its correction", arguments: cases)
    func manifestError(_ wrong: WrongManifest) async throws {
        try await Sandbox.with { sandbox in
            for (index, text) in wrong.manifests.enumerated() { try sandbox.writeManifest("\(index).yaml", text) }
            let answer = try await sandbox.run("validate", "--strict")
            #expect(answer.exitCode == 2)
            for part in wrong.answer { #expect(answer.errorOutput.contains(part), "\(answer.errorOutput)") }
        }
    }

    @Test("A missing program, directory or user and a held port are reported by diff")
    func missingParts() async throws {
        let port = try freePort()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        let isBound = withTCPAddress(port: port) { bind(listener, $0, $1) == 0 && listen(listener, 1) == 0 }
        try #require(isBound)
        try await Sandbox.with([
            "program.yaml": "kind: Service\nname: program\nexec: [no-such-program]\n",
            "path.yaml": "kind: Service\nname: path\nexec: [./run.sh]\n",
            "directory.yaml": "kind: Service\nname: directory\ncwd: /no/such/directory\n" + Self.sleeper,
            "user.yaml": "kind: Service\nname: user\nuser: nosuchuser\n" + Self.sleeper,
            "port.yaml": "kind: Service\nname: port\ntcp_ports: [\"127.0.0.1:\(port)\"]\n" + Self.sleeper,
        ]) { sandbox in
            let answer = try await sandbox.run("diff")
            #expect(answer.exitCode == 1)
            let text = answer.output + answer.errorOutput
            for part in [
                "no-such-program in /",
                "`./run.sh` is relative, and its working directory is / because no `cwd` is given",
                "/no/such/directory: No such file or directory", "nosuchuser", "held by pid \(getpid())",
            ] {
                #expect(text.contains(part), "\(part) is missing in:\n\(text)")
            }
        }
    }

    @Test("A program that finds its undeclared port in use is shown with its last line")
    func undeclaredPort() async throws {
        let service =
            "kind: Service\nname: web\nscript: |\n  echo 'bind: Address already in use' >&2\n  exit 98\n"
            + "retry: {delay: 10ms, jitter: 0}\n"
        try await Sandbox.with(["web.yaml": service]) { sandbox in
            let answer = try await sandbox.run("apply")
            #expect(answer.exitCode == 1)
            #expect(answer.output.contains("bind: Address already in use"), "\(answer.output)")
            let why = try await sandbox.run("why", "web").output
            #expect(why.contains("bind: Address already in use"), "\(why)")
        }
    }

    @Test("A one-shot that never ends is reported with the key that it lacks")
    func forgottenIsProcess() async throws {
        let service = "kind: Service\nname: web\nactions:\n  - name: main\n    exec: [sleep, \"1000\"]\n"
        try await Sandbox.with(["web.yaml": service]) { sandbox in
            #expect(try await sandbox.run("apply", "--timeout", "500ms").exitCode == 1)
            let why = try await sandbox.run("why", "web").output
            #expect(why.contains("`is_process: true`"), "\(why)")
        }
    }

    @Test("An empty or missing directory leads to `heroproc init`")
    func nothingDeclared() async throws {
        try await Sandbox.with(requiresCore: true) { sandbox in
            let empty = try await sandbox.run("validate")
            #expect(empty.exitCode == 2 && empty.errorOutput.contains("`heroproc init`"), "\(empty.errorOutput)")
            let other = try await sandbox.run("diff", "--dir", "service.d")
            #expect(other.exitCode == 2 && other.errorOutput.contains("`heroproc init --dir service.d`"))
        }
    }
}

import Foundation
import Testing

extension Sandbox {
    /// Runs lines of shell in the sandbox's folder, where `heroproc` is the program under test; they must succeed.
    @discardableResult
    func shell(_ script: String, extra: [String: String] = [:]) async throws -> CommandResult {
        let folder = URL(fileURLWithPath: Self.binary).deletingLastPathComponent().path
        var variables = [
            "PATH": "\(folder):/usr/local/bin:/usr/bin:/bin", "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_NOSYSTEM": "1",
        ]
        variables.merge(extra) { $1 }
        let answer = try await result(of: start(["-euc", script], extra: variables, program: "/bin/sh"))
        #expect(answer.exitCode == 0, "\(script)\n\(answer.output)\(answer.errorOutput)")
        return answer
    }

    /// A repository of the sandbox's services directory with one commit on `main`, and a branch to work on.
    ///
    /// `origin/main` is there, too, as in a clone.
    func makeRepository() async throws {
        try await shell(
            """
            git init -q -b main .
            printf 'state/\\nrun/\\n*.out\\n*.err\\n' > .gitignore
            git add services.d .gitignore
            git commit -q -m one
            git update-ref refs/remotes/origin/main main
            git checkout -q -b work
            """
        )
    }
}

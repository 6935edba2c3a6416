import Foundation
import Testing

extension Sandbox {
    /// Runs a shell script in the sandbox with the program under test on the PATH.
    ///
    /// The script must succeed.
    @discardableResult
    func shell(_ script: String, environment: [String: String] = [:]) async throws -> CommandResult {
        let folder = URL(fileURLWithPath: Self.binary).deletingLastPathComponent().path
        var variables = [
            "PATH": "\(folder):/usr/local/bin:/usr/bin:/bin", "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_NOSYSTEM": "1",
        ]
        variables.merge(environment) { $1 }
        let answer = try await result(of: start(["-euc", script], environment: variables, program: "/bin/sh"))
        #expect(answer.exitCode == 0, "\(script)\n\(answer.output)\(answer.errorOutput)")
        return answer
    }

    /// Creates a git repository with one commit on `main` and checks out a new branch.
    ///
    /// `origin/main` exists as in a clone.
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

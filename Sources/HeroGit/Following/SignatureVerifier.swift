import Glibc
import HeroLinux

/// Verifies SSH signatures of commits with `ssh-keygen`, without the configuration of any user.
///
/// git itself would check a key by the date in the commit, which its author chooses. Here the present date counts.
struct SignatureVerifier {
    let git: MirrorGit
    let allowedSigners: String
    let revokedKeys: String?

    /// Verifies a commit.
    ///
    /// - Returns: The name of the signer in the file of allowed signers.
    /// - Throws: Why the commit is not verified.
    func verify(_ commit: SignedCommit, name: String) throws(GitError) -> String {
        let short = name.prefix(12)
        guard let signature = commit.signature else { throw refusal("commit \(short) is not signed") }
        guard commit.isSSHSignature else { throw refusal("commit \(short) is not signed with an SSH key") }
        let file = git.folder + "/signature"
        try SmallFile.write(file, signature, mode: 0o600)
        defer { unlink(file) }
        let found = try run(["-Y", "find-principals", "-f", allowedSigners, "-s", file])
        let signers = found.outputText.split(separator: "\n").map { String($0).trimmed }.filter { !$0.isEmpty }
        guard found.exitCode == 0, let signer = signers.first else {
            let key = keyName(file, commit.payload)
            throw refusal("commit \(short) is signed by \(key), which is no valid key in \(allowedSigners)")
        }
        var arguments = ["-Y", "verify", "-f", allowedSigners, "-I", signer, "-n", "git", "-s", file]
        if let revokedKeys { arguments += ["-r", revokedKeys] }
        let result = try run(arguments, input: commit.payload)
        guard result.exitCode == 0 else {
            let detail =
                [result.outputText, result.errorOutput].joined(separator: "\n")
                .split(separator: "\n").map { String($0).trimmed }.first { !$0.isEmpty } ?? "ssh-keygen failed"
            throw refusal("the signature of commit \(short) by \(signer) is not valid: \(detail)")
        }
        return signer
    }

    /// The key that made a signature, for messages.
    private func keyName(_ file: String, _ payload: [UInt8]) -> String {
        let result = try? run(["-Y", "check-novalidate", "-n", "git", "-s", file], input: payload)
        let text = (result?.outputText ?? "") + " " + (result?.errorOutput ?? "")
        return text.split(whereSeparator: { $0 == " " || $0 == "\n" }).first { $0.hasPrefix("SHA256:") }
            .map { "the key \($0)" } ?? "an unknown key"
    }

    private func run(_ arguments: [String], input: [UInt8] = []) throws(GitError) -> CommandRunner.CommandResult {
        do throws(LinuxError) {
            return try CommandRunner.runCommand(["ssh-keygen"] + arguments, environment: git.environment, input: input)
        } catch {
            throw GitError(cause: "cannot verify signatures: \(error.description)", help: "install ssh-keygen")
        }
    }

    private func refusal(_ text: String) -> GitError { GitError(cause: text, help: "") }
}

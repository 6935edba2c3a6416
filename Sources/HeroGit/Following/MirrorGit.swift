import Glibc
import HeroLinux

/// Runs git in the mirror, with one configuration file of heroproc and no other.
struct MirrorGit {
    /// The folder of everything that is kept about the repository.
    let folder: String
    /// The environment of git.
    let environment: [String: String]

    /// The bare repository.
    var mirror: String { folder + "/mirror" }

    /// Writes the configuration file into an existing folder, and prepares the environment.
    ///
    /// Of the environment of the caller only the search path and the proxies are used.
    init(folder: String, _ options: FollowOptions, environment caller: [String: String]) throws(GitError) {
        self.folder = folder
        var variables = GitCommand.commonVariables
        let proxies = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"]
        for name in proxies { variables[name] = caller[name] }
        variables["PATH"] = caller["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        // A home directory could contain a .netrc, a .gitconfig and credentials.
        variables["HOME"] = folder
        variables["XDG_CONFIG_HOME"] = folder
        variables["GIT_CONFIG_GLOBAL"] = folder + "/gitconfig"
        variables["GIT_CONFIG_SYSTEM"] = "/dev/null"
        variables["GIT_CONFIG_NOSYSTEM"] = "1"
        variables["GIT_ATTR_NOSYSTEM"] = "1"
        variables["GIT_ASKPASS"] = "true"
        variables["SSH_ASKPASS"] = "true"
        variables["GIT_ALLOW_PROTOCOL"] = "https:ssh:file"
        variables["GIT_CEILING_DIRECTORIES"] = folder
        environment = variables
        try Self.writeConfiguration(folder + "/gitconfig", options)
    }

    /// Runs git in the mirror.
    func run(_ arguments: [String], input: [UInt8] = []) throws(GitError) -> CommandRunner.CommandResult {
        let all = ["git", "--git-dir", mirror] + GitCommand.commonOptions + arguments
        do throws(LinuxError) {
            return try CommandRunner.runCommand(all, environment: environment, input: input)
        } catch {
            throw GitError(cause: error.description, help: "install git")
        }
    }

    /// Runs git, and expects that it succeeds.
    func output(_ arguments: [String], input: [UInt8] = []) throws(GitError) -> [UInt8] {
        let result = try run(arguments, input: input)
        guard result.exitCode == 0 else { throw Self.failure(result) }
        return result.output
    }

    /// The error that git reports, in one line.
    static func failure(_ result: CommandRunner.CommandResult) -> GitError {
        let lines = result.errorOutput.split(separator: "\n").map { String($0).trimmed }
        let errors = lines.filter { $0.hasPrefix("fatal: ") || $0.hasPrefix("error: ") || $0.hasPrefix("ERROR: ") }
        let line = errors.first ?? lines.last ?? "git ended with \(result.exitCode)"
        let text = line.hasPrefix("fatal: ") ? String(line.dropFirst("fatal: ".count)) : line
        return GitError(cause: text, help: damageHelp)
    }

    /// The help of an error that a new mirror repairs.
    static let damageHelp = "the mirror is fetched again"

    /// Whether git has found damage in the mirror.
    static func isDamage(_ text: String) -> Bool {
        let signs = [
            "corrupt", "bad object", "missing blob", "missing tree", "loose object", "valid object", "too small",
            "file is empty", "necessary objects", "invalid sha1", "unresolved deltas", "not a git repository: '",
        ]
        return signs.contains { text.contains($0) }
    }

    // MARK: Configuration

    private static func writeConfiguration(_ path: String, _ options: FollowOptions) throws(GitError) {
        var ssh = "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15"
        ssh += " -o ServerAliveCountMax=2 -o StrictHostKeyChecking=yes -o ForwardAgent=no -o PermitLocalCommand=no"
        if let identity = options.identity { ssh += " -o IdentitiesOnly=yes -i \(shellQuoted(identity))" }
        if let hosts = options.knownHosts {
            ssh += " -o \(shellQuoted("UserKnownHostsFile=\(hosts)")) -o GlobalKnownHostsFile=/dev/null"
        }
        var lines = [
            "[core]", "hooksPath = /dev/null", "fsmonitor = false", "askPass = true", "attributesFile = /dev/null",
            "excludesFile = /dev/null", "alternateRefsCommand = true", "sshCommand = \(quoted(ssh))",
            "[protocol]", "allow = never", "[protocol \"https\"]", "allow = always", "[protocol \"ssh\"]",
            "allow = always", "[protocol \"file\"]", "allow = always",
            "[credential]", "helper =", "[transfer]", "fsckObjects = true", "[fetch]", "recurseSubmodules = false",
            "[gc]", "auto = 0", "[maintenance]", "auto = false", "[submodule]", "recurse = false",
            "[http]", "lowSpeedLimit = 100", "lowSpeedTime = 30", "emptyAuth = false",
        ]
        if let directory = options.address.localPath {
            // git compares with the directory that contains the objects.
            for folder in [directory, directory + "/.git"] { lines += ["[safe]", "directory = \(quoted(folder))"] }
        }
        if let file = options.tokenFile {
            let token = try secret(file)
            let header = "Authorization: Basic " + base64(Array("x-access-token:\(token)".utf8))
            lines += ["[http \(quoted(options.address.text))]", "extraHeader = \(quoted(header))"]
        }
        try SmallFile.write(path, Array((lines.joined(separator: "\n") + "\n").utf8), mode: 0o600)
    }

    /// The token in a file, without the line feed at its end.
    private static func secret(_ path: String) throws(GitError) -> String {
        guard let text = readText(path, limit: 4096)?.trimmed, !text.isEmpty else {
            throw GitError(cause: "cannot read the token in \(path)", help: "write the token into that file")
        }
        guard text.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value < 127 }) else {
            throw GitError(cause: "the token in \(path) contains a blank or a control character", help: "")
        }
        return text
    }

    /// A value for a configuration file of git.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for character in text {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "\""
    }

    private static func shellQuoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let group = bytes[index...].prefix(3)
            let value = (0..<3).reduce(0) { sum, position in
                sum << 8 | (position < group.count ? Int(group[index + position]) : 0)
            }
            for position in 0..<4 {
                let isPadding = position > group.count
                result.append(isPadding ? UInt8(ascii: "=") : alphabet[value >> (18 - 6 * position) & 63])
            }
            index += 3
        }
        return String(decoding: result, as: UTF8.self)
    }
}

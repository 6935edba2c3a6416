import HeroLinux

/// Runs the program git in a directory.
struct GitCommand {
    /// The absolute directory in which git runs.
    let directory: String
    private let environment: [String: String]

    /// Variables of the caller that git receives.
    ///
    /// They name the configuration of the user, such as `safe.directory`, and limit the search for a repository. All other
    /// `GIT_` variables select another repository, other objects or other programs, or write files.
    private static let keptVariables = [
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    ]

    /// Settings that no configuration can override, so that nothing of a repository is executed.
    private static let settings = [
        "safe.bareRepository=explicit", "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.sshCommand=false",
        "core.alternateRefsCommand=true", "core.warnAmbiguousRefs=true", "credential.helper=", "protocol.allow=never",
    ]

    /// Variables with which git prints English texts, never prompts, takes no lock, and shows no replacement, which would
    /// have another content than the commit.
    static let commonVariables = [
        "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1",
    ]
    /// Options that every run has.
    static let commonOptions = ["--no-pager", "--literal-pathspecs"]

    /// Prepares an environment in which git prints English texts, never prompts, fetches nothing and takes no lock.
    init(in directory: String, environment: [String: String]) {
        self.directory = directory
        // A git hook sets variables for its own repository; here the directory selects the repository.
        var variables = environment.filter { name, _ in
            !name.hasPrefix("GIT_") || Self.keptVariables.contains(name) || name.hasPrefix("GIT_CONFIG_KEY_")
                || name.hasPrefix("GIT_CONFIG_VALUE_")
        }
        variables.merge(Self.commonVariables) { $1 }
        variables["GIT_NO_LAZY_FETCH"] = "1"
        // No protocol has this name, so no transport program runs, whatever the configuration allows.
        variables["GIT_ALLOW_PROTOCOL"] = "none"
        self.environment = variables
    }

    /// Runs git with the given arguments.
    ///
    /// - Throws: If git is not installed or cannot be started.
    func run(_ arguments: [String], input: [UInt8] = []) throws(LinuxError) -> CommandRunner.CommandResult {
        let settings = Self.settings.flatMap { ["-c", $0] }
        let options = ["-C", directory] + Self.commonOptions
        return try CommandRunner.runCommand(
            ["git"] + settings + options + arguments,
            environment: environment,
            input: input
        )
    }
}

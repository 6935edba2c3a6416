import HeroLinux

/// Runs the program git in a directory.
struct GitCommand {
    /// The absolute directory in which git runs.
    let directory: String
    private let environment: [String: String]

    /// Prepares an environment in which git prints English texts, never prompts, fetches nothing and takes no lock.
    init(in directory: String, environment: [String: String]) {
        self.directory = directory
        var variables = environment
        // A git hook sets these for its own repository; here the directory selects the repository.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] { variables[name] = nil }
        variables["LC_ALL"] = "C"
        variables["GIT_TERMINAL_PROMPT"] = "0"
        variables["GIT_OPTIONAL_LOCKS"] = "0"
        variables["GIT_NO_LAZY_FETCH"] = "1"
        self.environment = variables
    }

    /// Runs git with the given arguments.
    ///
    /// - Throws: If git is not installed or cannot be started.
    func run(_ arguments: [String], input: [UInt8] = []) throws(LinuxError) -> CommandRunner.CommandResult {
        let commandLine = ["git", "-C", directory, "--no-pager", "--literal-pathspecs"] + arguments
        return try CommandRunner.runCommand(commandLine, environment: environment, input: input)
    }
}

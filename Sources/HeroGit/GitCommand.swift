import HeroLinux

/// The program git, run to its end.
struct GitCommand {
    /// The absolute folder it works in.
    let directory: String
    private let environment: [String: String]

    /// Prepares it: it answers in English, asks nobody, fetches nothing and takes no lock.
    init(in folder: String, environment: [String: String]) {
        self.directory = folder
        var variables = environment
        // A hook sets these for its own repository; here the folder says which one is meant.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] { variables[name] = nil }
        variables["LC_ALL"] = "C"
        variables["GIT_TERMINAL_PROMPT"] = "0"
        variables["GIT_OPTIONAL_LOCKS"] = "0"
        variables["GIT_NO_LAZY_FETCH"] = "1"
        self.environment = variables
    }

    /// Runs it.
    ///
    /// - Throws: when there is no such program, or it cannot be started.
    func run(_ arguments: [String], input: [UInt8] = []) throws(LinuxError) -> CommandRunner.CommandResult {
        let words = ["git", "-C", directory, "--no-pager", "--literal-pathspecs"] + arguments
        return try CommandRunner.runCommand(words, environment: environment, input: input)
    }
}

public import Glibc

/// Starts a program that inherits no descriptors of other tests, because open descriptors identify processes of a job.
///
/// - Parameters:
///   - arguments: The program, as a path or a name on the `PATH`, and its arguments.
///   - environment: `NAME=value`; nil for the environment of the test.
///   - output: The file for standard output, which is appended; nil for the output of the test.
///   - errors: The file for standard error, like `output`.
/// - Returns: the PID; nil when the program cannot be started.
public func spawn(
    _ arguments: [String],
    environment: [String]? = nil,
    output: String? = nil,
    errors: String? = nil
) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (descriptor, path) in [(Int32(1), output), (2, errors)] {
        guard let path else { continue }
        posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    // Closing a descriptor that is not open does nothing. Foundation opens files without O_CLOEXEC.
    for descriptor in Int32(3)..<256 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    // The threads of tests may block signals, and a child process would inherit this.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { $0.map { strdup($0) } + [nil] }
    defer { for pointer in argv + (envp ?? []) { free(pointer) } }
    guard let program = arguments.first else { return nil }
    let result = envp.map { posix_spawnp(&pid, program, &actions, &attributes, argv, $0) }
    return (result ?? posix_spawnp(&pid, program, &actions, &attributes, argv, environ)) == 0 ? pid : nil
}

/// A text as one word of a shell command.
public func shellQuoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }

/// Runs a shell command and returns its exit code, or 128 plus the signal; -1 if it cannot be started.
@discardableResult
public func runShell(_ command: String) -> Int32 {
    guard let pid = spawn(["/bin/sh", "-c", command], output: "/dev/null") else { return -1 }
    var status: Int32 = 0
    guard waitpid(pid, &status, 0) == pid else { return -1 }
    return decodeExitStatus(status)
}

/// The exit code in a status of wait(2), or 128 plus the signal.
public func decodeExitStatus(_ status: Int32) -> Int32 {
    status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
}

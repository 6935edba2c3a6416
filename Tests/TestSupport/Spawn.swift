public import Glibc

/// Starts a program that holds nothing of other tests, which run beside this one: what a process has open is how it is known whose it is.
///
/// - Parameters:
///   - words: The program, by its path or by its name on the `PATH`, and its arguments.
///   - environment: `NAME=value`; nil for our own.
///   - output: The file its standard output is appended to; nil for our own output.
///   - errors: The same for its standard error.
/// - Returns: its pid; nil when it cannot be started.
public func spawn(
    _ words: [String],
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
    // One that is not open is none to close. Foundation opens the files it reads without O_CLOEXEC.
    for descriptor in Int32(3)..<256 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    // The threads that tests run on may block signals, and what they spawn would, too.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid: pid_t = 0
    let argv = words.map { strdup($0) } + [nil]
    let envp = environment.map { $0.map { strdup($0) } + [nil] }
    defer { for pointer in argv + (envp ?? []) { free(pointer) } }
    guard let program = words.first else { return nil }
    let result = envp.map { posix_spawnp(&pid, program, &actions, &attributes, argv, $0) }
    return (result ?? posix_spawnp(&pid, program, &actions, &attributes, argv, environ)) == 0 ? pid : nil
}

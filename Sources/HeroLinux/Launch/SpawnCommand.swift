import CHeroLinux

extension hl_command {
    /// Starts the command.
    ///
    /// - Parameters:
    ///   - candidates: Absolute paths, tried in order like execvp(3).
    ///   - arguments: argv.
    ///   - variables: The whole environment, as `NAME=value`.
    ///   - directory: The working directory.
    ///   - step: The step that failed, one of `HL_STEP_...`.
    /// - Returns: The PID, or the negated errno.
    func spawn(
        _ candidates: [String],
        _ arguments: [String],
        _ variables: [String],
        in directory: String,
        _ step: inout Int32
    ) -> Int32 {
        var command = self
        var failed: Int32 = 0
        defer { step = failed }
        return withArgumentList(candidates) { candidates in
            withArgumentList(arguments) { arguments in
                withArgumentList(variables) { variables in
                    directory.withCString { directory in
                        command.candidates = UnsafeRawPointer(candidates).assumingMemoryBound(
                            to: UnsafePointer<CChar>?.self
                        )
                        command.arguments = arguments
                        command.environment = variables
                        command.directory = directory
                        return hl_spawn_command(&command, &failed)
                    }
                }
            }
        }
    }
}

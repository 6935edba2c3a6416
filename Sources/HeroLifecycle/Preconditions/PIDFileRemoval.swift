internal import HeroModel

/// Decides whether the PID file that an action names is removed before a start (contract section 3, `pid_file`).
///
/// The file belongs to the program. It is removed only if the program wrote it during an earlier start that has ended;
/// it would name a process that does not exist any more, or by now another one.
enum PIDFileRemoval {
    /// The kernel takes the time of a file from a clock that is up to one tick late.
    private static let clockTick: Int64 = 20_000

    /// Returns why the file is not removed; nil if it is.
    static func refusal(_ file: LeftPIDFile, _ starts: [PastStart], bootedAt: WallTime) -> String? {
        if let problem = file.problem { return "it \(problem)" }
        guard !starts.isEmpty else { return "no earlier start of this action is recorded" }
        let isOwn = starts.contains { start in
            start.startedAt.microseconds &- clockTick <= file.writtenAt.microseconds && file.writtenAt <= start.endedAt
        }
        guard isOwn else { return "it was not written during a recorded start of this action" }
        guard bootedAt <= file.writtenAt else { return "it was written before this machine was started" }
        return nil
    }
}

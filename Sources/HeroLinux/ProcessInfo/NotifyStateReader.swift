import CHeroLinux
public import HeroModel

/// Reads the notify state of programs for commands that only show it.
public enum NotifyStateReader {
    /// Returns the notify state of a start.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - generation: The number of the start.
    ///   - paths: The paths of the state directory.
    /// - Returns: nil if the program does not use the notify socket, the record belongs to another start, or it cannot
    ///   be read.
    public static func read(_ job: JobID, generation: UInt32, _ paths: RuntimePaths) -> NotifyState? {
        // A record that is being written has a wrong checksum for a moment.
        for _ in 0..<8 {
            let now = Moment(nanoseconds: hl_boot_clock())
            guard case .found(let record) = RecordReader.read(paths.record(of: job), job: job),
                record.isFromThisMachine,
                record.hasNotifySection, record.generation == generation
            else { return nil }
            if let report = record.notifyState(asOf: now) { return report }
        }
        return nil
    }
}

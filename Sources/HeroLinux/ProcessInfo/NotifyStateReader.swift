import CHeroLinux
public import HeroModel

/// What programs say of themselves, for whoever only looks.
public enum NotifyStateReader {
    /// What the program of a job has said in one of its starts.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - generation: The number of the start.
    ///   - paths: Where its record lies.
    /// - Returns: nil where it may not speak, another start holds the record by now, or it cannot be read.
    public static func read(_ job: JobID, generation: UInt32, _ paths: RuntimePaths) -> NotifyState? {
        // Read while it is written, it has a checksum that is wrong: it is whole a moment later.
        for _ in 0..<8 {
            let now = Moment(nanoseconds: hl_boot_clock())
            guard case .found(let record) = RecordFile.read(paths.record(of: job), job: job), record.isFromThisMachine,
                record.hasNotifySection, record.generation == generation
            else { return nil }
            if let report = record.notifyState(asOf: now) { return report }
        }
        return nil
    }
}

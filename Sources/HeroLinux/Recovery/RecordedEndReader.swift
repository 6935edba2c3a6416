public import HeroModel

/// Reads from the record of a start how its main process ended, for commands that only show it.
public enum RecordedEndReader {
    /// How the main process of a start has ended.
    public enum RecordedEnd: Hashable, Sendable {
        /// The shim stops the other processes of its tree.
        case mainEnded(MainEndReport)
        /// The first program has exited, and the shim waits until the PID file names the main process.
        case successorAwaited
        /// The start has ended.
        case ended(Outcome)
        /// The main process is running.
        case running(ProcessIdentity)
    }

    /// Returns the recorded end of a start, or its main process if that is running.
    ///
    /// - Returns: nil if neither is recorded, or the record belongs to another start or machine.
    public static func read(_ job: JobID, generation: UInt32, _ paths: RuntimePaths) -> RecordedEnd? {
        // A record that is being written has a wrong checksum for a moment.
        for _ in 0..<8 {
            guard case .found(let record) = RecordReader.read(paths.record(of: job), job: job),
                record.generation == generation, record.isFromThisMachine
            else { return nil }
            guard let end = record.endReport(nil) else {
                if let main = record.main, ProcessTable.isAlive(main) { return .running(main) }
                continue
            }
            if let shim = record.shim, ProcessTable.isAlive(shim) {
                if let report = record.mainEndReport { return .mainEnded(report) }
                if record.awaitsSuccessor { return .successorAwaited }
            }
            return .ended(end.outcome)
        }
        return nil
    }

    /// Whether the shim of a start exists, so that processes of the start may be left.
    public static func hasShim(_ job: JobID, generation: UInt32, _ paths: RuntimePaths) -> Bool {
        guard case .found(let record) = RecordReader.read(paths.record(of: job), job: job),
            record.generation == generation, record.isFromThisMachine, let shim = record.shim
        else { return false }
        return ProcessTable.isAlive(shim)
    }
}

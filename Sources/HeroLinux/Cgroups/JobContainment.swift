public import HeroModel

/// The containment method of running jobs, from the records of their shims (TR-2).
public enum JobContainment {
    /// Returns the containment method of a job whose main process is `process`; nil if the record of that process
    /// cannot be read.
    public static func read(_ job: JobID, running process: ProcessIdentity, _ paths: RuntimePaths)
        -> ContainmentSupport.Method?
    {
        guard case .found(let record) = RecordReader.read(paths.record(of: job), job: job),
            let main = record.main, main.isSameProcess(as: process)
        else { return nil }
        return record.containment
    }
}

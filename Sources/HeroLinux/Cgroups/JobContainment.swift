public import HeroModel

/// What holds running jobs together, from the records of their shims (reliability.md TR-2).
public enum JobContainment {
    /// What holds the tree of a job together in which this process runs; nil where no record of that process can be read.
    public static func read(_ job: JobID, running process: ProcessIdentity, _ paths: RuntimePaths)
        -> ContainmentSupport.Method?
    {
        guard case .found(let record) = RecordFile.read(paths.record(of: job), job: job),
            let main = record.main, main.isSameProcess(as: process)
        else { return nil }
        return record.containment
    }
}

/// What became of a run directory that was removed while a reconciler used it.
public enum RunDirectoryRecovery: Hashable, Sendable {
    /// It was created again, with the records of running starts.
    case restored
    /// It cannot be created again. A new reconciler will use this directory, which has the records of running starts.
    case moved(to: String)
    /// It cannot be created again, for this reason, and there is no other directory.
    case failed(String)
}

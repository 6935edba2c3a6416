/// The number of a job; never reused.
public typealias JobID = Int64
/// The number of a run; never reused.
public typealias RunID = Int64
/// The number of a revision, from 1; 0 means no revision.
public typealias RevisionNumber = Int64

/// Decides whether a process that has the record of a job open belongs to that job.
///
/// An open record is a hint only: a program can send its descriptor to any process that accepts descriptors
/// (unix(7), SCM_RIGHTS). Only a process that belongs to the job may be killed with it.
public enum LockHolderRule {
    /// The facts about a holder.
    public struct Facts: Hashable, Sendable {
        /// Whether it is in the cgroup of the start.
        public var isInJobCgroup = false
        /// Whether the recorded shim or main process is one of its ancestors, or the process itself.
        public var isBelowJob = false
        /// Whether it is in the session of the recorded main process.
        public var isInJobSession = false
        /// Whether its initial environment has the tag of the start; nil if that is unknown.
        public var hasInstanceTag: Bool?

        /// Creates the facts of an unrelated process.
        public init() {}
    }

    /// Whether the holder belongs to the job; an unknown environment proves nothing.
    public static func belongsToJob(_ holder: Facts) -> Bool {
        holder.isInJobCgroup || holder.isBelowJob || holder.isInJobSession || holder.hasInstanceTag == true
    }
}

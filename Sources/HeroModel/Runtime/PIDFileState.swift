/// The state of a PID file (PF-1, PF-2).
public enum PIDFileState: Hashable, Sendable {
    /// The file does not exist, or the action has no PID file.
    case absent
    /// It names no running process, or is not a PID file; the text is the reason.
    case stale(String)
    /// It names a running process.
    case namesProcess(ForeignProcess, path: String, Evidence)

    /// The evidence that the process is an instance of the action.
    public struct Evidence: Hashable, Sendable {
        /// Whether the owner of the file is root, the user of heroproc, or the user of the process.
        public var isOwnerTrusted: Bool
        /// Whether the record of heroproc names this process.
        public var isRecorded: Bool
        /// Whether the process holds a lock on the file.
        public var holdsLock: Bool
        /// Whether it executes the program or script of the action, and began before the file was written.
        public var runsProgram: Bool
        /// Whether it holds a socket or port of the action.
        public var holdsResource: Bool

        /// Makes evidence; by default there is none.
        public init(
            isOwnerTrusted: Bool = false,
            isRecorded: Bool = false,
            holdsLock: Bool = false,
            runsProgram: Bool = false,
            holdsResource: Bool = false
        ) {
            self.isOwnerTrusted = isOwnerTrusted
            self.isRecorded = isRecorded
            self.holdsLock = holdsLock
            self.runsProgram = runsProgram
            self.holdsResource = holdsResource
        }

        /// Whether the evidence is sufficient: a trusted owner and at least one fact.
        public var isConclusive: Bool { isOwnerTrusted && (isRecorded || holdsLock || runsProgram || holdsResource) }
    }
}

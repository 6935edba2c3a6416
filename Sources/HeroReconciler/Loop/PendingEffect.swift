import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// An action on the host that is performed once the rows that announce it are stored.
enum PendingEffect {
    /// An effect of a job's lifecycle.
    case job(JobEntry, JobEffect)
    /// The PID file that heroproc writes for a job must name the first process; nil: it must not name the second one.
    case updatePIDFile(JobEntry, ProcessIdentity?, replacing: ProcessIdentity?)
    /// The recovery record of a job must be written again.
    case writeRecoveryRecord(JobEntry)
    /// The logs of earlier jobs of an action go; the folder is `context/service/action`.
    case pruneLogs(String, keepingJobs: Int)
    /// The link to the log of a running job must be as its spec says now.
    case updateLogLink(JobEntry)
    /// The files of jobs go that are no longer in the database.
    case removeJobFiles([RemovableJob], CleanupTask)
    /// A cleanup is complete: the client that requested it gets the result.
    case finishCleanup(CleanupTask)
    /// A reply on the control socket.
    case reply(RequestID, ControlReply, isLast: Bool)
}

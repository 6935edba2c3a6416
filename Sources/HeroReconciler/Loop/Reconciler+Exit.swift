import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// How the reconciler exits: on request, or because of an essential service.
extension Reconciler {
    // MARK: Exit

    func handleTermination() {
        guard state.lifecycle.leave() else { return exitAtOnce() }
        guard configuration.downOnExit else { return }
        journal.recordEvent(.info, "", "asked to exit; stopping all services first")
        revisions.takeDown(all: true)
    }

    /// Stops everything after the end of an essential service.
    ///
    /// Holds and windows do not delay it.
    func handleEssentialEnd() {
        guard var end = state.essentialEnd, !end.isHandled, !state.lifecycle.isLeaving,
            configuration.downOnExit || storeHealth.outage == nil
        else { return }
        end.isHandled = true
        journal.recordEvent(.error, "", "\(end.text); stopping all services")
        if configuration.downOnExit {
            state.lifecycle.leave()
        } else if configuration.exitsWhenDown, reporter.observers == nil {
            leavesWhenStopped = true
        }
        revisions.takeDown(all: true, because: end)
    }

    /// The exit code of the process, if an essential service has ended and everything is stopped before the exit.
    public var essentialExitCode: Int32? {
        guard configuration.downOnExit, let end = state.essentialEnd, end.isHandled else { return nil }
        return end.exitCode
    }

    /// After the second request (P1-2): the shims kill what is left, and the reconciler waits for nothing.
    private func exitAtOnce() {
        guard configuration.downOnExit, state.lifecycle.leaveAtOnce() else { return }
        journal.recordEvent(.warning, "", "asked again to exit; killing all remaining processes")
        for service in state.services.values where !service.record.isStartRequested { waves.endRun(of: service) }
        _ = commitTurn()
        for job in state.jobs.values where !job.lifecycle.isIdle {
            kernel.killTree(StartID(job: job.id, generation: job.lifecycle.record.generation))
        }
    }
}

import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// Starting shims: through the fork server or, without it, by spawning them.
extension ShimTracker {
    /// Starts a shim after its account is looked up; the result becomes an event.
    func launch(_ request: LaunchRequest) {
        pendingLookups[request.start] = accountLookups.find(request.rights, for: request.start) { [weak self] result in
            self?.pendingLookups[request.start] = nil
            self?.prepare(request, as: result)
        }
    }

    /// Cancels a launch that waits for its account, its folders or the fork server; that is reported as the end of the
    /// start.
    ///
    /// - Returns: false if this start does not wait.
    func cancelLaunch(_ start: StartID) -> Bool {
        if cancelPreparation(start) || forkServer.cancel(start) { return true }
        guard let lookup = pendingLookups.removeValue(forKey: start) else { return false }
        accountLookups.cancel(lookup)
        let detail = "the user it runs as: it was stopped before the lookup of that user had finished"
        reportEnd(start, .startFailed(StartFailure(stage: .user, errno: ECANCELED, detail: detail)))
        return true
    }

    /// Starts a shim when everything is prepared.
    func launch(_ request: LaunchRequest, as account: AccountLookups.Result) {
        // During a burst of starts, replies to its first requests have arrived already.
        if forkServer.hasManyPending { receiveForkedShims() }
        do {
            let start = try launcher.prepare(request, as: account.get())
            if !forkServer.request(start) { try begin(start, launcher.spawn(start)) }
        } catch {
            reportLaunchFailure(request.start, error)
        }
    }

    /// Tracks the shims that the fork server has forked, and spawns those that it does not start.
    func receiveForkedShims() {
        if forkServer.hasPending { handle(forkServer.takeReplies()) }
    }

    /// The fork server has sent a reply or ended its socket, or has sent none for too long.
    func handleForkServer(isTimeout: Bool) {
        handle(isTimeout ? forkServer.handleTimeout() : forkServer.takeReplies())
    }

    /// A fork server has ended.
    func handleForkServerExit(_ id: UInt64) { handle(forkServer.handleExit(id)) }

    private func handle(_ replies: [ForkServer.Reply]) {
        for (start, shim) in replies {
            do throws(StartError) {
                if let shim {
                    try begin(start, launcher.makeChild(of: start, shim))
                } else if start.isCancelled {
                    launcher.discard(start)
                    throw StartError(.launch, ECANCELED, "it was stopped before its shim was started")
                } else {
                    try begin(start, launcher.spawn(start))
                }
            } catch {
                reportLaunchFailure(start.request.start, error)
            }
        }
    }

    /// Tracks a shim that was just started.
    private func begin(_ prepared: PreparedStart, _ child: ShimLauncher.Child) throws(StartError) {
        let start = prepared.request.start
        // Each problem is reported once, even if the program is started again and again.
        if let problem = child.programProblem, reportedProblems.insert(problem).inserted {
            reactor.emit(.warning(prepared.request.label, "insecure_exec: \(problem)"))
        }
        // Its record may have been found before its reply.
        guard !isTrackedShim(child.pid) else { return }
        guard track(start, child.pid, child.pidfd, failureContext: child.failureContext) else {
            let error = errno
            // Without a watch the end of this shim would not be noticed, so it must not run.
            _ = hl_pidfd_send_signal(child.pidfd.number, SIGKILL)
            throw StartError(.launch, error, errorText(error))
        }
        if prepared.isCancelled { _ = hl_pidfd_send_signal(child.pidfd.number, HERO_SIGNAL_KILL_TREE) }
    }

    private func reportLaunchFailure(_ start: StartID, _ error: StartError) {
        accountLookups.removeFoundAccount(start)
        reportEnd(start, .startFailed(error.failure))
    }
}

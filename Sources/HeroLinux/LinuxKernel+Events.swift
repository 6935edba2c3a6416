import CHeroLinux
import Glibc
public import HeroKernel
public import HeroModel

/// The events of the machine.
extension LinuxKernel {
    /// Waits for an event and returns all events that have occurred by then.
    public func nextEvents(until deadline: Moment?) -> [KernelEvent] {
        controlServer.flush()
        while true {
            let isDue = deadline.map { $0 <= reactor.now } ?? false
            let hasEvents = !reactor.events.isEmpty
            heartbeat?.sendIfDue(reactor.now)
            let wakes = reactor.wait(until: earliest(deadline, heartbeat?.due), mayBlock: !hasEvents && !isDue)
            detectSuspend()
            for wake in wakes { dispatch(wake) }
            reapStrays()
            if hasEvents || isDue || reactor.events.count >= 1024 { return reactor.takeEvents() }
        }
    }

    /// Emits an event after a suspend, before events that are only late because of it.
    private func detectSuspend() {
        let now = hl_boot_clock() &- hl_monotonic_clock()
        if now &- suspendedTime > 5_000_000_000 { reactor.emit(.machineSlept) }
        suspendedTime = now
    }

    private func dispatch(_ wake: Reactor.Wakeup) {
        let id = wake.source.id
        let isTimer = wake.readyEvents == 0
        switch wake.source.kind {
        case .timer, .clockChange: break
        case .signals: readSignals()
        case .shimNotices: shimTracker.readNotices()
        case .shim where id == ShimTracker.deferredStartsID: recoverDeferredStarts()
        case .shim: isTimer ? shimTracker.handleTimer(id) : shimTracker.handleShimExit(id)
        case .forkServer: shimTracker.handleForkServer(isTimeout: isTimer)
        case .forkServerExit: shimTracker.handleForkServerExit(id)
        case .mainProcess: shimTracker.handleMainExit(id)
        case .notifyState: isTimer ? shimTracker.readNotifyState(id) : shimTracker.readChangedRecords()
        case .orphan: isTimer ? orphanTracker.handleTimer(id) : orphanTracker.handleMainExit(id)
        case .outputDrain: outputDrainer.handleExit(id).map(orphanTracker.handleDrainExit)
        case .contentWatcher: isTimer ? contentWatcher.handleTimer() : contentWatcher.readChanges()
        case .manifestWatcher: isTimer ? manifestWatcher.handleTimer(id) : manifestWatcher.readChanges()
        case .runDirectory: isTimer ? checkRunDirectory() : runDirectoryWatcher.readEvents()
        case .controlListener: isTimer ? controlServer.resumeListening() : controlServer.accept()
        case .controlConnection: isTimer ? controlServer.handleTimeout(id) : controlServer.handleReadiness(id)
        case .probeConnection: isTimer ? probeRunner.handleTimeout(id) : probeRunner.handleConnection(id)
        case .probeCommandErrors: probeRunner.readCommandErrors(id)
        case .probeCommandExit: probeRunner.handleCommandExit(id)
        case .resolverResults: probeRunner.readResolverResults()
        case .accountLookup: isTimer ? accountLookups.handleTimeout(id) : accountLookups.readReply(id)
        case .accountLookupExit: accountLookups.handleExit(id)
        case .helperTask: isTimer ? helperTasks.handleTimeout(id) : helperTasks.readReply(id)
        case .helperTaskExit: helperTasks.handleExit(id)
        case .repositoryReply: isTimer ? repositoryFetcher.handleTimeout(id) : repositoryFetcher.readReply(id)
        case .repositoryExit: repositoryFetcher.handleExit(id)
        }
    }

    private func readSignals() {
        // struct signalfd_siginfo has 128 bytes and begins with the signal number.
        var bytes = [UInt8](repeating: 0, count: 128)
        while read(signalDescriptor.number, &bytes, bytes.count) == bytes.count {
            let signal = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
            if signal == UInt32(SIGCHLD) { hasChildSignal = true } else { reactor.emit(.terminationRequested) }
        }
    }

    /// Reaps orphaned processes whose parent this process has become (P1-1).
    private func reapStrays() {
        // A resolver thread may consume SIGCHLD. After the first such thread every turn looks for ended children.
        guard ownsProcess, hasChildSignal || probeRunner.hasStartedResolver else { return }
        while case let pid = hl_next_stopped(), pid > 0 { shimTracker.handleShimStop(pid) }
        var last: Int32 = 0
        while true {
            let pid = hl_next_zombie()
            // A child that is returned twice cannot be reaped.
            guard pid > 0, pid != last else {
                hasChildSignal = false
                return
            }
            // The child may be a forked shim whose reply is still to be read.
            shimTracker.receiveForkedShims()
            // A child with an owner is reaped by its own event, which is still to come; its next check continues here.
            guard !shimTracker.isTrackedShim(pid), !shimTracker.forkServer.isServer(pid),
                !orphanTracker.isTrackedProcess(pid), !outputDrainer.isDrainProcess(pid),
                !probeRunner.isCommandProcess(pid), !accountLookups.isLookupProcess(pid),
                !helperTasks.isTaskProcess(pid), !repositoryFetcher.isHelperProcess(pid)
            else {
                return
            }
            hl_reap(pid)
            last = pid
        }
    }
}

public import HeroModel

extension JobLifecycle {
    /// A process that is ready and is probed.
    public struct Ready: Hashable, Sendable {
        /// The main process.
        public var process: ProcessIdentity
        /// Since when the process is ready.
        public var since: Moment
        /// The state of its probes.
        public var probes: ProbeState
        /// What the process announced and has not finished.
        public var announcement: Announcement?
        /// The reload that is in progress; nil without one.
        public var reload: ReloadRequest?
        /// When the announced reload or stop must be finished.
        public var announcementDeadline: Moment?

        /// When the next probe is due, or the announcement must be finished.
        var deadline: Moment? {
            guard let announcementDeadline, let next = probes.deadline else {
                return announcementDeadline ?? probes.deadline
            }
            return min(announcementDeadline, next)
        }
    }

    /// What a process that is ready announced on its notify socket (sd_notify(3)).
    public enum Announcement: Hashable, Sendable {
        /// `RELOADING=1`: the process stays ready, and sends `READY=1` when it has reloaded.
        case reloading
        /// `STOPPING=1`: the process exits by itself, and its dependents must not use it any more.
        case stopping
    }

    /// The probes of a process that is ready: one probe at a time, and none if nothing is declared.
    public struct ProbeState: Hashable, Sendable {
        /// The number of the last probe; the late result of an earlier probe has another number.
        public var serial: UInt64
        /// The probe that is running.
        public var pendingProbe: ProbeKind?
        /// From when on a ping can be expected: since then the process is ready and the reconciler checks it.
        public var pingsSince = Moment(nanoseconds: 0)
        /// When the next health probe starts; nil if there is none.
        public var nextHealthProbeAt: Moment?
        /// The number of consecutive failed health probes.
        public var failures = 0
        /// The number of consecutive successful health probes.
        public var successes = 0
        /// The result of the last health probe; nil if there was none.
        public var isHealthy: Bool?
        /// When the listening sockets are checked next; nil if the action declares none.
        public var nextListenCheckAt: Moment?
        /// Whether the process tree has ever listened on all declared sockets and ports.
        ///
        /// A listener that never existed cannot go missing.
        public var hasListened = false
        /// The number of consecutive checks that found a listener missing.
        public var missedListenChecks = 0
        /// Why the process is degraded, for example because a listener is missing.
        public var degradedReason: String?
        /// Whether the last probe was skipped.
        public var wasLastProbeSkipped = false

        /// When the next probe is due; nil while a probe runs.
        var deadline: Moment? {
            guard pendingProbe == nil else { return nil }
            guard let nextHealthProbeAt, let nextListenCheckAt else { return nextHealthProbeAt ?? nextListenCheckAt }
            return min(nextHealthProbeAt, nextListenCheckAt)
        }

        /// When the listening sockets are checked next.
        ///
        /// All jobs are checked at the same times, so that one wakeup and one read of the kernel's socket tables serve
        /// all.
        static func nextListenCheck(_ now: Moment) -> Moment {
            let period = listenCheckInterval.wholeNanoseconds
            return Moment(nanoseconds: (now.nanoseconds / period &+ 1) &* period)
        }

        private static let listenCheckInterval = Duration.seconds(10)
        /// The time until the next check while a listener is missing.
        static let missedListenCheckInterval = Duration.seconds(1)
        /// The number of consecutive checks that must agree: a server that reopens its listeners is not degraded.
        static let missedChecksUntilDegraded = 2
    }
}

extension JobLifecycle.ProbeState {
    /// Sets the times of the next probes and discards the running probe.
    mutating func scheduleProbes(
        _ action: ActionSpec,
        executedAt: Moment,
        notifyState: NotifyState?,
        isAdopted: Bool,
        _ context: JobLifecycle.Context
    ) {
        pendingProbe = nil
        failures = 0
        pingsSince = context.now
        nextHealthProbeAt = action.health.flatMap { probe in
            if case .watchdog = probe.check { return nextPingDeadline(notifyState) }
            let wait = isAdopted ? probe.interval * context.random : probe.interval
            return max(executedAt + probe.startPeriod, context.now + wait)
        }
        nextListenCheckAt = action.declaresListeners ? Self.nextListenCheck(context.now) : nil
        if !action.declaresListeners { degradedReason = nil }
    }
}

extension ActionSpec {
    /// Whether the action declares a socket or port that it listens on.
    var declaresListeners: Bool { !sockets.isEmpty || !tcpPorts.isEmpty }
}

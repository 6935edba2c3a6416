import HeroLifecycle
import HeroModel

extension WaveExecutor {
    /// Takes the services with status `ignore` out of the hands of heroproc, and takes the others back.
    ///
    /// A plan has no change for such a service, so this is done when the manifests are applied, and when a change is
    /// not deferred any more.
    ///
    /// - Returns: whether there is such a service.
    @discardableResult
    func updateIgnoredServices() -> Bool {
        var hasChanged = false
        for service in state.servicesByName {
            let isIgnored = state.desired.services[service.name]?.spec.status == .ignore
            guard service.isIgnored != isIgnored else { continue }
            service.isIgnored = isIgnored
            hasChanged = true
            for job in service.jobs { jobs.deliverDirectly(job, .specChanged) }
            if isIgnored {
                journal.recordEvent(.info, service.name.description, "ignored from now on: its status is ignore")
                cancelWaitingJobs(of: service)
            }
        }
        return hasChanged
    }

    /// A new reconciler: a service that is ignored is not tried again.
    func cancelWaitingJobsOfIgnoredServices() {
        for service in state.servicesByName where service.isIgnored { cancelWaitingJobs(of: service) }
    }

    /// Cancels the jobs that wait for a start; running programs are left alone.
    private func cancelWaitingJobs(of service: ServiceEntry) {
        guard service.record.isStartRequested else { return }
        let waiting = service.jobs.filter { job in
            switch job.lifecycle.phase {
            case .pending, .preparing, .backingOff: true
            case .launching, .starting, .ready, .runningOnce, .stopping, .finished: false
            }
        }
        guard !waiting.isEmpty else { return }
        for job in waiting { jobs.deliverDirectly(job, .stopRequested) }
        guard service.isActive else { return withdrawStart(service) }
        updateState(service)
    }
}

import HeroLifecycle
import HeroModel
import HeroPlan
import HeroStore

/// Reloads: the processes of a service read their files again while they keep running.
///
/// A reload waits for no other service and no other service waits for it. What is left to do follows from the records of
/// the jobs, so a new plan, or a new reconciler, continues it.
extension WaveExecutor {
    /// Assigns a reload.
    ///
    /// The declared spec counts at once, because it says how to reload. Only the canonical form, with which later plans
    /// compare, stays as it is until the reload has succeeded.
    func assignReload(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>, _ change: Change) {
        service.operation = .reload(
            ServiceEntry.Reload(declared: declared, target: change.reloadTarget, reason: change.reason.text)
        )
        // An apply tries again what has failed before.
        for job in service.jobs { job.failedReload = nil }
        if service.record.spec != declared.spec { replaceSpec(of: service, declared) }
    }

    /// A reload has failed, and its files are as they were before: nothing is left to reload.
    func withdrawReloadFailure(_ service: ServiceEntry, _ declared: Declared<ServiceSpec>?) {
        guard service.hasFailedReload, let declared, !service.currentContents.isEmpty,
            service.record.canonical == CanonicalSpec(declared.spec),
            !service.observedContents.contains(where: \.hasChanged)
        else { return }
        for job in service.jobs where job.lifecycle.record.reloadFailure != nil {
            job.lifecycle.clearReloadFailure()
            journal.rows.append(.job(job.lifecycle.record))
            journal.effects.append(.writeRecoveryRecord(job))
        }
    }

    /// Requests the reload of every process that can do it now, and finishes the operation when all have done it.
    func continueReload(_ service: ServiceEntry) {
        guard case .reload(let reload) = service.operation else { return }
        var isWaiting = false
        for job in service.jobs where isConcerned(job, reload.declared.spec) {
            guard !job.lifecycle.canReload else {
                isWaiting = requestReload(of: job, in: service, reload) || isWaiting
                continue
            }
            isWaiting = isWaiting || job.lifecycle.mayReloadLater
        }
        if !isWaiting { finishReload(of: service, reload) }
    }

    /// Whether a job is one of those that read a file whose content belongs to the service.
    private func isConcerned(_ job: JobEntry, _ spec: ServiceSpec) -> Bool {
        guard let action = spec.actions.first(where: { $0.name == job.action }), action.reload != nil else {
            return false
        }
        return !(job.lifecycle.record.contents ?? []).isEmpty || !spec.contentReferences(of: action).isEmpty
    }

    /// - Returns: whether a reload of the job is in progress.
    private func requestReload(of job: JobEntry, in service: ServiceEntry, _ reload: ServiceEntry.Reload) -> Bool {
        guard job.failedReload != reload.target else { return false }
        let contents = jobs.contentsForReload(of: job)
        guard contents != job.lifecycle.record.contents ?? [] else { return false }
        // Set now, so that an immediate failure is not repeated; a success removes it.
        job.failedReload = reload.target
        let request = ReloadRequest(contents: contents, target: reload.target, reason: reload.reason)
        jobs.deliverDirectly(job, .reloadRequested(request))
        return !job.lifecycle.canReload
    }

    /// All processes have reloaded, or one has failed to do it: then the change stays in the plan.
    private func finishReload(of service: ServiceEntry, _ reload: ServiceEntry.Reload) {
        closeOperation(of: service)
        if !service.hasFailedReload {
            service.record.canonical = CanonicalSpec(reload.declared.spec)
            journal.rows.append(.service(service.record))
        }
        for job in service.jobs where !job.lifecycle.isIdle { journal.effects.append(.writeRecoveryRecord(job)) }
        reporter.reportReload(of: service)
        requestProof()
    }
}

extension ServiceEntry {
    /// Why the last reload of one of its processes has failed; nil if none has.
    var reloadFailure: ReloadFailure? { jobs.lazy.compactMap(\.lifecycle.record.reloadFailure).first }

    /// Whether the last reload of one of its processes has failed.
    var hasFailedReload: Bool { reloadFailure != nil }
}

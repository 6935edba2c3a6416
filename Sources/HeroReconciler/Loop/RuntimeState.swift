import HeroModel

/// Everything the reconciler knows about the declared and the running services.
///
/// All parts of the reconciler read it. Each entry is changed only by the part that owns it: services by
/// `WaveExecutor`, standalone actions by `StandaloneController`, jobs by `JobController`, revisions by
/// `RevisionController`.
final class RuntimeState {
    var lifecycle = Lifecycle.running

    /// What the manifests of the last applied revision declare.
    var declared = DesiredState()
    /// The same, but services whose changes are deferred keep what is recorded of them.
    var desired = DesiredState()
    /// These services.
    var kept: Set<QualifiedName> = []
    /// The last revision; nil before the first apply.
    var revision: RevisionRecord?
    /// The manifest files of the last applied revision.
    var files: [ManifestFile] = []

    var services: [QualifiedName: ServiceEntry] = [:]
    var standalone: [QualifiedName: StandaloneEntry] = [:]
    var jobs: [JobID: JobEntry] = [:]
    var nextJob: JobID = 1
    var nextRun: RunID = 1
    /// Names of services that may have jobs or runs in the database that are not in memory.
    var servicesWithHistory: Set<String> = []

    /// The history of actions with `once`.
    var once = OnceHistory()

    /// The end of an essential service since the last revision was applied; nil if none has ended.
    var essentialEnd: EssentialEnd?

    /// Whether the next turn must make a plan.
    var needsPlan = false

    /// The number of the last revision; 0 before the first apply.
    var revisionNumber: RevisionNumber { revision?.number ?? 0 }

    /// Whether the last revision is a `down`.
    var isDown: Bool { revision?.isDown ?? false }

    /// Whether the manifests require a service to run, and no `down` overrides them.
    func shouldRun(_ name: QualifiedName) -> Bool {
        guard let spec = desired.services[name]?.spec, spec.status == .start else { return false }
        guard let revision, revision.isDown else { return true }
        return !revision.isDownForAll && spec.serviceClass == .system
    }

    /// Whether no job is active.
    var isAllDown: Bool {
        services.values.allSatisfy { !$0.isActive } && standalone.values.allSatisfy { !$0.isActive }
    }

    var servicesByName: [ServiceEntry] { services.values.sorted { $0.name < $1.name } }

    var standaloneByName: [StandaloneEntry] { standalone.values.sorted { $0.name < $1.name } }

    /// A number for a new job.
    func takeJobID() -> JobID {
        defer { nextJob += 1 }
        return nextJob
    }

    /// A number for a new run.
    func takeRunID() -> RunID {
        defer { nextRun += 1 }
        return nextRun
    }

    /// Services sorted by wave, and by name within a wave.
    func sortedByWave(_ names: Set<QualifiedName>, of wave: KeyPath<ServiceEntry, Int>) -> [ServiceEntry] {
        names.compactMap { services[$0] }.sorted { ($0[keyPath: wave], $0.name) < ($1[keyPath: wave], $1.name) }
    }
}

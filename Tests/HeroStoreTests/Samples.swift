import HeroModel

@testable import HeroStore

let now = WallTime(microseconds: 1_795_000_000_123_456)

func job(
    _ id: JobID,
    service: String? = "web",
    action: String = "server",
    run: RunID? = nil,
    phase: JobPhase = .pending,
    tags: [String] = [],
    context: String = "core"
) -> JobRecord {
    var job = JobRecord(
        id: id,
        context: context,
        service: service,
        action: action,
        run: run,
        revision: 1,
        tags: tags,
        createdAt: now
    )
    job.phase = phase
    return job
}

func service(_ name: String, run: RunID? = nil, arguments: [String] = ["/bin/true"]) -> ServiceRecord {
    let spec = ServiceSpec(QualifiedName(name), actions: [ActionSpec("server", .exec(arguments), isProcess: true)])
    return ServiceRecord(
        spec: spec,
        canonical: CanonicalSpec(spec),
        state: .running,
        since: now,
        run: run,
        revision: 1,
        isStartRequested: true
    )
}

func event(_ text: String, at time: WallTime = now) -> EventRecord {
    EventRecord(time: time, level: .info, source: "reconciler", subject: "core/web", text: text)
}

func revision(_ number: RevisionNumber, summary: String = "") -> RevisionRecord {
    RevisionRecord(number: number, time: now, directory: "/srv/services.d", actor: "root", summary: summary)
}

func file(_ path: String, _ text: String) -> ManifestFile {
    ManifestFile(path: path, baseDirectory: "/srv/services.d", bytes: Array(text.utf8))
}

/// The kind of the store error that `body` throws; nil when it throws none.
func storeErrorKind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
        try body()
        return nil
    } catch {
        return (error as? StoreError)?.kind
    }
}

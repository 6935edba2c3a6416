import FoundationEssentials
import HeroKernel
import HeroLifecycle
import HeroModel
import HeroStore

/// What the database knows of a job that is started, written beside its record before the start.
///
/// With it, whoever finds the record knows whose it is, what it was started with and what stands beside it: a database
/// that is lost is made again from these around everything that runs (reliability.md DB-5), and while one cannot be
/// written they are what is written before a restart (DB-4, decision 27).
struct JobRecoveryRecord: Codable, Hashable {
    /// The form of the file; one of another form is not read.
    private(set) var version = 1
    /// The job as it was when this was written.
    var job: JobRecord
    /// The service that started it, with the whole spec.
    var service: ServiceRecord?
    /// Its run.
    var run: RunRecord?
    /// The standalone action that it is a run of.
    var standalone: StandaloneRecord?
    /// The other jobs of its run: one that has ended well has nothing left of its own.
    var siblings: [JobRecord] = []
    /// Ends of earlier starts that the database could not take yet.
    var starts: [StartRecord] = []

    /// Makes one.
    init(job: JobRecord, service: ServiceRecord?, run: RunRecord?, standalone: StandaloneRecord?) {
        self.job = job
        self.service = service
        self.run = run
        self.standalone = standalone
    }

    /// Reads one; nothing in it is believed before its digest is right.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let text = bytes[(end + 1)...]
        guard contentDigest(text).utf8.elementsEqual(bytes[..<end]),
            let origin = try? JSONDecoder().decode(Self.self, from: Data(text)), origin.version == 1
        else { return nil }
        self = origin
    }

    /// The digest, and the whole as JSON; nil when there is a number in it that JSON has no word for.
    var bytes: [UInt8]? {
        guard let text = try? JSONEncoder().encode(self) else { return nil }
        return Array(contentDigest(text).utf8) + [UInt8(ascii: "\n")] + text
    }
}

extension Reconciler {
    /// Writes beside the record of a job what the database knows of it.
    ///
    /// - Returns: whether it is written.
    @discardableResult
    func writeRecoveryRecord(of entry: JobEntry) -> Bool {
        var origin = JobRecoveryRecord(job: entry.lifecycle.record, service: nil, run: nil, standalone: nil)
        switch entry.owner {
        case .service(let service):
            origin.service = service.record
            origin.run = service.run
            origin.siblings = service.jobs.filter { $0 !== entry }.map(\.lifecycle.record)
        case .standalone(let owner):
            origin.standalone = owner.record
            if let own = entry.pinnedSpec { origin.standalone?.spec = own }
        }
        origin.starts = rows.starts(of: entry.id)
        return origin.bytes.map { kernel.writeRecoveryRecord($0, of: entry.id) } ?? false
    }

    /// What is written there; nil when there is nothing, or nothing that can be believed.
    func readRecoveryRecord(of job: JobID) -> JobRecoveryRecord? {
        kernel.recoveryRecord(of: job).flatMap { JobRecoveryRecord($0) }.flatMap { $0.job.id == job ? $0 : nil }
    }

    /// A job has ended and its traces go: one that goes on keeps what is known of it, for as long as their run does.
    func updateSiblingRecoveryRecord(of entry: JobEntry) {
        guard let service = entry.service, service.record.isStartRequested,
            let heir = service.jobs.first(where: { $0 !== entry && $0.lifecycle.phase.hasActiveStart })
        else { return }
        writeRecoveryRecord(of: heir)
    }
}

extension JobLifecycle.Phase {
    /// Whether there is a start of it under way.
    fileprivate var hasActiveStart: Bool {
        switch self {
        case .launching, .starting, .ready, .runningOnce, .stopping: true
        case .pending, .preparing, .backingOff, .finished: false
        }
    }
}

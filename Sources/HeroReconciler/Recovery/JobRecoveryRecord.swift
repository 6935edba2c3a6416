import FoundationEssentials
import HeroJSON
import HeroModel
import HeroStore

/// What the database knows of a job, written next to the record file of its shim before each start.
///
/// With it, a reconciler that finds only the run directory knows the owner, the spec and the run of the job. A lost
/// database is rebuilt from these records (DB-5), and during a store outage they are written before a
/// restart (DB-4, decision 27). The names of the properties are the keys of the file: they must not change.
struct JobRecoveryRecord: Codable, Hashable {
    /// The version of the format; a record of another version is not read.
    private(set) var version = 1
    /// The job when this was written.
    var job: JobRecord
    /// The service that has started it, with the whole spec.
    var service: ServiceRecord?
    /// Its run.
    var run: RunRecord?
    /// The standalone action that has started it.
    var standalone: StandaloneRecord?
    /// The other jobs of its run: a job that has ended well has no files of its own.
    var siblings: [JobRecord] = []
    /// Ends of earlier starts that are not in the database yet.
    var starts: [StartRecord] = []

    /// Makes a record of this version.
    init(job: JobRecord, service: ServiceRecord?, run: RunRecord?, standalone: StandaloneRecord?) {
        self.job = job
        self.service = service
        self.run = run
        self.standalone = standalone
    }

    /// Reads a record; nil when its digest is wrong, or when it is of another version.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let text = bytes[(end + 1)...]
        guard contentDigest(text).utf8.elementsEqual(bytes[..<end]),
            let record = try? JSONDecoder().decode(Self.self, from: Data(text)), record.version == 1
        else { return nil }
        self = record
    }

    /// The digest and the record as JSON; nil when it holds a number that JSON cannot express.
    var bytes: [UInt8]? {
        guard let text = try? SortedJSONEncoder.encode(self) else { return nil }
        return Array(contentDigest(text).utf8) + [UInt8(ascii: "\n")] + text
    }

    /// The action of the job; nil when its service does not have it any more.
    var action: ActionSpec? {
        service?.spec.actions.first { $0.name == job.action } ?? standalone?.spec
    }
}

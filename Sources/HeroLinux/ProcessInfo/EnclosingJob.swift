import Glibc
import HeroModel

/// The job of heroproc that this process runs in.
public enum EnclosingJob {
    /// Returns the job of a state directory that this process belongs to, as a text for users; nil if it belongs to
    /// none.
    ///
    /// A reconciler that a job starts would be killed with the process tree of that job.
    public static func find(_ paths: RuntimePaths, environment: [String: String]) -> String? {
        find(
            digest: RuntimePaths.digest(of: paths.state),
            environment: environment,
            memberships: readText("/proc/self/cgroup") ?? ""
        )
    }

    /// Finds the job from the tag in the environment, or from the text of `/proc/self/cgroup`.
    static func find(digest: String, environment: [String: String], memberships: String) -> String? {
        let tag = environment[InstanceTag.variable, default: ""].split(separator: ".")
        let tagged = tag.count == 3 && tag[0] == digest ? JobID(tag[1]) : nil
        guard let job = tagged ?? cgroupJob(digest, memberships) else { return nil }
        guard let service = environment["HEROPROC_SERVICE"], !service.isEmpty, tagged != nil else {
            return "job \(job)"
        }
        return "job \(job) of \(environment["HEROPROC_CONTEXT"] ?? "core")/\(service)"
    }

    private static func cgroupJob(_ digest: String, _ memberships: String) -> JobID? {
        for line in memberships.split(separator: "\n") {
            let parts = line.split(separator: "/")
            guard let index = parts.firstIndex(where: { $0 == "heroproc-\(digest)" }), index + 1 < parts.count,
                let job = parts[index + 1].split(separator: ".").first.flatMap({ JobID($0) })
            else { continue }
            return job
        }
        return nil
    }
}

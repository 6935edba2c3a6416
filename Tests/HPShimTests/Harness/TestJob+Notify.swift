import CHeroRecord
import Foundation

/// Services that run the test workload `hporacle` and can send notify messages (sd_notify(3)).
extension TestJob {
    static func notifyService(_ actions: String...) throws -> TestJob {
        let folder = URL(fileURLWithPath: shimProgram).deletingLastPathComponent()
        let job = try TestJob()
        job.spec.candidates = [folder.appendingPathComponent("hporacle").path]
        job.spec.arguments = ["hporacle"] + actions.flatMap { $0.split(separator: " ").map(String.init) }
        job.spec.environment += ["ORACLE_DIR=\(job.directory)", "HEROPROC_SERVICE=web", "HEROPROC_ACTION=run"]
        job.spec.notifySocket = job.path("17.notify")
        return job
    }

    /// The trace of the workload.
    var trace: String { read("web.run.trace") }

    /// The flags that the workload has reported.
    var notifyFlags: UInt32 { notifyState?.flags ?? 0 }
}

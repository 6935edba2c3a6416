import CHeroRecord
import Foundation

/// A service that does deeds of the oracle and may speak (sd_notify(3)).
extension TestJob {
    static func notifyService(_ deeds: String...) throws -> TestJob {
        let folder = URL(fileURLWithPath: shimProgram).deletingLastPathComponent()
        let job = try TestJob()
        job.spec.candidates = [folder.appendingPathComponent("hporacle").path]
        job.spec.arguments = ["hporacle"] + deeds.flatMap { $0.split(separator: " ").map(String.init) }
        job.spec.environment += ["ORACLE_DIR=\(job.directory)", "HEROPROC_SERVICE=web", "HEROPROC_ACTION=run"]
        job.spec.notifySocket = job.path("17.notify")
        return job
    }

    /// What the oracle wrote down of itself.
    var trace: String { read("web.run.trace") }

    /// What it has said and not taken back.
    var notifyFlags: UInt32 { notifyState?.flags ?? 0 }
}

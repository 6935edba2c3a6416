import CHeroRecord
import Foundation

/// A service that does deeds of the oracle and may speak (sd_notify(3)).
extension Job {
    static func speaker(_ deeds: String...) throws -> Job {
        let folder = URL(fileURLWithPath: shimProgram).deletingLastPathComponent()
        let job = try Job()
        job.spec.candidates = [folder.appendingPathComponent("hporacle").path]
        job.spec.arguments = ["hporacle"] + deeds.flatMap { $0.split(separator: " ").map(String.init) }
        job.spec.environment += ["ORACLE_DIR=\(job.directory)", "HEROPROC_SERVICE=web", "HEROPROC_ACTION=run"]
        job.spec.notifySocket = job.path("17.notify")
        return job
    }

    /// What the oracle wrote down of itself.
    var trace: String { read("web.run.trace") }

    /// What it has said and not taken back.
    var flags: UInt32 { said?.flags ?? 0 }
}

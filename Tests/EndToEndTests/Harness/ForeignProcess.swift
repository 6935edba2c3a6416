import Foundation
import Glibc
import Testing

/// An oracle that no service has started.
///
/// It ends with the test.
final class ForeignProcess {
    let pid: pid_t
    private let directory: String

    /// Starts an oracle with these commands.
    init(_ commands: String...) throws {
        directory = try makeTemporaryDirectory("hp-foreign")
        pid = try #require(spawn([TestHost.oraclePath] + commands, environment: ["ORACLE_DIR=\(directory)"]))
    }

    /// Whether the process runs; reaps it after its end.
    var isRunning: Bool { waitpid(pid, nil, WNOHANG) == 0 }

    deinit {
        if isRunning {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        try? FileManager.default.removeItem(atPath: directory)
    }
}

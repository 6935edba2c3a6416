import Foundation
import Testing

/// A page whose commands a test runs, and what they need before.
struct PageStage: CustomTestStringConvertible, Sendable {
    /// The path of the page in the repository.
    let page: String
    /// The languages of the blocks that are run.
    var languages: Set<String> = ["console"]
    /// The directory of the commands, below the home directory.
    var directory = ""
    /// The manifests in `services.d` of that directory.
    var manifests: [String: String] = [:]
    /// A script that runs before the first command.
    ///
    /// `$ROOT` is the directory of the test, `$PORT` a free port.
    var preparation = ""
    /// What the page shows, and what the test uses in its place, with `$ROOT` and `$PORT`.
    var replacements: [String: String] = [:]
    /// The options that the test adds to a command, so that it uses only its own directories.
    var additions: [String: String] = [:]
    /// The commands without shown output that exit with another code than 0.
    var exitCodes: [String: Int32] = [:]
    /// The commands that run until Ctrl-C.
    ///
    /// They end after their output has appeared, or at the end of the page.
    var endless: [String: End] = [:]
    /// The programs that the page needs.
    var programs: [String] = []
    /// Whether `hero_db` is required, as on any machine.
    var requiresCore = false

    /// When a command that never ends by itself is interrupted.
    enum End { case afterOutput, afterPage }

    var testDescription: String { page }

    /// Whether this machine has the programs of the page.
    var canRun: Bool {
        programs.allSatisfy { name in
            ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"].contains { access("\($0)/\(name)", X_OK) == 0 }
        }
    }

    /// Whether the test runs a block of the page.
    func runs(_ block: ConsolePage.Block) -> Bool {
        languages.contains(block.language) && !UntestedBlock.table.contains { $0.names(block, of: page) }
    }
}

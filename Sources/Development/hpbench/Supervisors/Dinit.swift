import Foundation

/// dinit in user mode: one service file for each service, and one that waits for all of them.
///
/// dinit writes each log file by the program itself, without a process of its own.
final class Dinit: Supervisor {
    let stamps: Stamps
    private let folder: String
    private let program: String
    private var root: ChildProcess?

    /// Writes the service files.
    ///
    /// In a chain each service depends on the one before, and reports by a newline that it is ready.
    init(_ place: BenchDirectory, services: Int, shape: ServiceShape = .independent) throws {
        guard let program = Contender.dinitPath else { throw BenchError("DINIT_BIN names no program") }
        self.program = program
        folder = try place.makeFolder("dinit")
        stamps = try Stamps(in: place.makeFolder("stamps"))
        let files = FileManager.default
        let work = "\(folder)/work"
        try files.createDirectory(atPath: work, withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: work + "/starts", withDestinationPath: stamps.path)
        let load = place.program("hpbenchload")
        for index in 1...services {
            let isChained = shape != .independent && index > 1
            let dependency = isChained ? "depends-on = s\(index - 1)\n" : ""
            let text =
                switch shape {
                case .independent:
                    """
                    type = process
                    command = \(load) stamp \(stamps.path)
                    restart = true
                    restart-delay = 0
                    restart-limit-count = 0
                    smooth-recovery = true
                    """
                case .chain:
                    """
                    type = process
                    command = \(load)
                    ready-notification = pipefd:3
                    """
                case .oneShotChain:
                    """
                    type = scripted
                    command = \(load) once \(stamps.path)
                    """
                }
            try "\(text)\nlogfile = \(folder)/s\(index).log\nworking-dir = \(work)\n\(dependency)"
                .write(toFile: "\(folder)/s\(index)", atomically: false, encoding: .utf8)
        }
        // All are named, first to last, because dinit follows dependencies only 32 levels deep when it loads a service.
        let boot = (1...services).map { "waits-for = s\($0)\n" }.joined()
        try "type = internal\n\(boot)".write(toFile: folder + "/boot", atomically: false, encoding: .utf8)
    }

    func start() throws {
        root = try ChildProcess([program, "--user", "-q", "-d", folder, "-p", folder + "/control"], in: folder)
    }

    func stop() throws {
        guard let root else { return }
        SignalSender.send(SIGTERM, to: root.pid)
        try stamps.awaitProcessesGone(within: 300)
    }
}

import Foundation

/// s6 and runit: one directory per service, each with its own logger.
///
/// The `run` file of a service is the program itself. The one of the logger is the usual shell line.
final class ServiceDirectorySupervisor: Supervisor {
    /// The supervisor: s6 or runit.
    enum Flavour {
        case s6
        case runit
    }

    let stamps: Stamps
    private let flavour: Flavour
    private let folder: String
    private var root: ChildProcess?
    private let services: Int

    /// Writes the service directories.
    init(_ place: BenchDirectory, services: Int, flavour: Flavour) throws {
        self.flavour = flavour
        self.services = services
        folder = try place.makeFolder("scan")
        stamps = try Stamps(in: place.makeFolder("stamps"))
        let files = FileManager.default
        let logger =
            switch flavour {
            case .s6: "#!/bin/sh\nexec s6-log n5 s10000000 ./main\n"
            case .runit: "#!/bin/sh\nexec svlogd ./main\n"
            }
        for index in 1...services {
            let service = "\(folder)/s\(index)"
            try files.createDirectory(atPath: service + "/log/main", withIntermediateDirectories: true)
            try files.createSymbolicLink(atPath: service + "/run", withDestinationPath: place.program("hpbenchload"))
            try files.createSymbolicLink(atPath: service + "/starts", withDestinationPath: stamps.path)
            try logger.write(toFile: service + "/log/run", atomically: false, encoding: .utf8)
            chmod(service + "/log/run", 0o755)
            // Without readiness notification s6 waits a second before every restart.
            guard flavour == .s6 else { continue }
            try "3\n".write(toFile: service + "/notification-fd", atomically: false, encoding: .utf8)
        }
    }

    func start() throws {
        let command =
            switch flavour {
            case .s6: ["s6-svscan", "-c", "\(services * 2 + 100)", folder]
            case .runit: ["runsvdir", folder]
            }
        root = try ChildProcess(command, in: folder)
    }

    func stop() throws {
        guard let root else { return }
        switch flavour {
        case .s6: _ = try ChildProcess(["s6-svscanctl", "-t", folder]).wait()
        case .runit: SignalSender.send(SIGHUP, to: root.pid)
        }
        try stamps.awaitProcessesGone(within: 300)
    }
}

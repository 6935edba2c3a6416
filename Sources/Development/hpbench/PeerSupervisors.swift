import Foundation

/// s6 and runit: a directory for each service, with a logger of its own beside it.
///
/// The service's `run` is the program itself; its logger's is the shell line that everybody writes.
final class ServiceDirectorySupervisor: Supervisor {
    /// Which of the two.
    enum Flavour {
        case s6
        case runit
    }

    let stamps: Stamps
    private let flavour: Flavour
    private let folder: String
    private var root: ChildProcess?
    private let services: Int

    /// Writes the directories.
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
            // Otherwise s6 waits a second before every restart.
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

/// supervisord: one file with a section for each service; it writes their logs itself.
final class Supervisord: Supervisor {
    let stamps: Stamps
    private let folder: String
    private var root: ChildProcess?

    /// Writes the file.
    init(_ place: BenchDirectory, services: Int) throws {
        folder = try place.makeFolder("supervisord")
        stamps = try Stamps(in: place.makeFolder("stamps"))
        var text = """
            [supervisord]
            nodaemon=true
            minfds=\(services * 4 + 500)
            childlogdir=\(folder)
            logfile=\(folder)/supervisord.log
            pidfile=\(folder)/supervisord.pid

            """
        for index in 1...services {
            text += """
                [program:s\(index)]
                command=\(place.program("hpbenchload")) stamp \(stamps.path)

                """
        }
        try text.write(toFile: folder + "/supervisord.conf", atomically: false, encoding: .utf8)
    }

    func start() throws {
        root = try ChildProcess(["supervisord", "-c", folder + "/supervisord.conf"], in: folder)
    }

    func stop() throws {
        guard let root else { return }
        SignalSender.send(SIGTERM, to: root.pid)
        try stamps.awaitProcessesGone(within: 300)
    }
}
